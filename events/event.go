package events

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// SchemaVersion is the newest version of the vocabulary that this code reads and writes. Readers accept every version ever written. An
// event has the oldest version whose readers understand it: 2 where a person's fields are sealed or erased, which a reader of version 1
// would take for a person without a name, and else 1.
const SchemaVersion = 2

// Event is one normalized fact: a CloudEvents 1.0 envelope in structured JSON.
type Event struct {
	SpecVersion     string    `json:"specversion"` // "1.0"
	ID              string    `json:"id"`          // 32 hex digits, derived from the feed's chain and the content
	Source          string    `json:"source"`      // "rollcall/<tenant>/<connection>", parts encoded as tokens
	Type            Type      `json:"type"`
	Subject         string    `json:"subject"` // [Ref.String]
	Time            time.Time `json:"time"`    // when it happened at the vendor, as far as is known; else when it was seen
	DataContentType string    `json:"datacontenttype"`

	// Extensions of Rollcall's.
	Tenant        string    `json:"tenant"`
	Connection    string    `json:"connection"`
	Vendor        string    `json:"vendor"`
	RecordedTime  time.Time `json:"recordedtime"` // when the hub recorded it, by the hub's clock
	SchemaVersion int       `json:"schemaversion"`

	Data Data `json:"data"`
}

// Data is what an event says. Exactly one of Entity, Activity and Finding is set.
type Data struct {
	// Entity is the whole entity after the change; of a deleted one, as it last was.
	Entity *Entity `json:"entity,omitzero"`

	Activity *Activity `json:"activity,omitzero"`

	// Finding is what the roster concludes. Its events lie beside the log, under [FindingsPrefix].
	Finding *Finding `json:"finding,omitzero"`

	// Changed maps each field of the entity's body that changed to its former value; null where it had none.
	Changed map[string]jsontext.Value `json:"changed,omitzero"`

	// Gone is set when the event is a tombstone.
	Gone *Gone `json:"gone,omitzero"`

	// FirstSeen is "snapshot" where a listing showed an entity for the first time: it may be older than the event.
	FirstSeen string `json:"first_seen,omitzero"`

	Evidence Evidence `json:"evidence"`

	// Raw is the vendor's record with secrets removed, when the connection keeps it.
	Raw jsontext.Value `json:"raw,omitzero"`

	// Sealed holds name, addresses, their former values and Raw of a person's event, where the log seals them.
	Sealed *SealedFields `json:"sealed,omitzero"`
}

// FirstSeenSnapshot marks an entity that a listing showed for the first time.
const FirstSeenSnapshot = "snapshot"

// Gone says how an entity is known to be gone.
type Gone struct {
	Inferred   bool      `json:"inferred"`             // not seen to go, but absent where it would have to be
	Reason     string    `json:"reason"`               // "removed at the vendor", "not in a sealed pass over ai-agents", ...
	After      time.Time `json:"after,omitzero"`       // inferred: it was still there then, by the hub's clock
	Before     time.Time `json:"before,omitzero"`      // inferred: it was no longer there then
	Restorable bool      `json:"restorable,omitempty"` // a soft delete
}

// How a fact came to be known.
const (
	HowRead     = "read"     // the object was read, alone or in a listing
	HowSeen     = "seen"     // the vendor reported the change
	HowInferred = "inferred" // it follows from what else was read
)

// Evidence says how a fact is known.
type Evidence struct {
	Feed   string    `json:"feed"`
	How    string    `json:"how"`               // read, seen or inferred
	Asked  time.Time `json:"asked,omitzero"`    // when the request that brought it began, by the hub's clock
	Record string    `json:"record,omitzero"`   // the type of the vendor's record
	LogID  string    `json:"log_id,omitzero"`   // the vendor's id of the log entry that told
	Actor  *Actor    `json:"actor,omitzero"`    // who did it, by the vendor's log
	Note   string    `json:"note,omitzero"`     // what else a reader must know
	Cause  string    `json:"cause_id,omitzero"` // the id of the event that this one follows from
}

// Actor is who did something: a person, an agent, or the vendor itself.
type Actor struct {
	ID       string `json:"id,omitzero"`
	Type     string `json:"type,omitzero"`      // the vendor's word
	OnBehalf *Actor `json:"on_behalf,omitzero"` // for whom it acted, next in the chain
}

// Activity is something that an agent did or that was done to it. It has no state: it happened.
type Activity struct {
	Holder  string            `json:"holder"`
	Type    string            `json:"type"`            // sign_in, token_issued, admin_action, unknown, ...; the key of its subject
	ID      string            `json:"id"`              // the vendor's id of it, or a digest; never the same for two activities of a connection
	Native  string            `json:"native,omitzero"` // the vendor's type
	Actor   *Actor            `json:"actor,omitzero"`
	Targets []string          `json:"targets,omitzero"` // vendor ids
	Outcome string            `json:"outcome,omitzero"` // success, failure; else the vendor's word
	Message string            `json:"message,omitzero"`
	Details map[string]string `json:"details,omitzero"`
	Time    time.Time         `json:"time,omitzero"`
}

// ActivityUnknown is the type of an activity that stands for a record that nothing understood.
const ActivityUnknown = "unknown"

// Ref is the address of the entity, or of the holder's activities of this type.
func (e *Event) Ref() Ref {
	switch {
	case e.Data.Entity != nil:
		return e.Data.Entity.Ref()
	case e.Data.Activity != nil:
		return Ref{Kind: KindActivity, Holder: e.Data.Activity.Holder, Key: e.Data.Activity.Type}
	case e.Data.Finding != nil:
		return e.Data.Finding.Ref()
	}
	return Ref{}
}

// NATSSubject is the subject that the event is stored under.
func (e *Event) NATSSubject() string {
	if e.Data.Finding != nil {
		return FindingSubject(e.Tenant, e.Connection, e.Data.Finding)
	}
	return Subject(e.Tenant, e.Connection, e.Ref())
}

// Verb is what happened to the entity or the finding; empty for activities.
func (e *Event) Verb() Verb {
	if e.Data.Entity == nil && e.Data.Finding == nil {
		return ""
	}
	_, verb := e.Type.Split()
	return Verb(verb)
}

// Live reports whether the entity is there after the event.
func (e *Event) Live() bool { return e.Data.Entity != nil && e.Data.Gone == nil }

// New makes an event about an entity or an activity, with every field of the envelope that follows from its data set. The id
// is given when the log chains it.
func New(tenant, connection, vendor string, typ Type, at, recorded time.Time, data Data) Event {
	e := Event{
		SpecVersion: "1.0", Source: "rollcall/" + Token(tenant) + "/" + Token(connection), Type: typ, Time: at.UTC(),
		DataContentType: "application/json", Tenant: tenant, Connection: connection, Vendor: vendor,
		RecordedTime: recorded.UTC(), SchemaVersion: 1, Data: data,
	}
	if d := data.Entity; d != nil && d.Person != nil && d.Person.Withheld != "" {
		e.SchemaVersion = 2
	}
	e.Subject = e.Ref().String()
	return e
}
