package entra

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// entry is one entry of the directory audit log, in the vendor's own shape. Property names: directoryAudit of Microsoft
// Graph v1.0.
type entry struct {
	Seq                 uint64     `json:"seq,omitempty"` // the order in which entries became readable; never shown
	ID                  string     `json:"id"`
	Category            string     `json:"category"`
	CorrelationID       string     `json:"correlationId"`
	Result              string     `json:"result"`
	ResultReason        string     `json:"resultReason"`
	ActivityDisplayName string     `json:"activityDisplayName"`
	ActivityDateTime    string     `json:"activityDateTime"` // with seven digits of a second
	LoggedByService     string     `json:"loggedByService"`
	OperationType       string     `json:"operationType"`
	InitiatedBy         initiator  `json:"initiatedBy"`
	TargetResources     []target   `json:"targetResources"`
	AdditionalDetails   []keyValue `json:"additionalDetails"`

	cache map[string]any // see row
}

type initiator struct {
	User *userActor `json:"user"`
	App  *appActor  `json:"app"`
}

type userActor struct {
	ID                string  `json:"id"`
	DisplayName       *string `json:"displayName"`
	UserPrincipalName string  `json:"userPrincipalName"`
	IPAddress         string  `json:"ipAddress"`
}

type appActor struct {
	AppID                *string `json:"appId"`
	DisplayName          string  `json:"displayName"`
	ServicePrincipalID   *string `json:"servicePrincipalId"`
	ServicePrincipalName *string `json:"servicePrincipalName"`
}

type target struct {
	ID                 string     `json:"id"`
	DisplayName        *string    `json:"displayName"`
	Type               string     `json:"type"`
	UserPrincipalName  *string    `json:"userPrincipalName"`
	GroupType          *string    `json:"groupType"`
	ModifiedProperties []modified `json:"modifiedProperties"`
}

// modified holds the values before and after as JSON in strings, as the vendor does.
type modified struct {
	DisplayName string  `json:"displayName"`
	OldValue    *string `json:"oldValue"`
	NewValue    *string `json:"newValue"`
}

type keyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// auditDays is how long the log keeps an entry: 30 days, as with a P1 licence.
const auditDays = 30

// logged is an entry in the making: everything but who did it and its ids.
type logged struct {
	at      time.Time
	verb    string // Add, Update, Delete, Restore, Hard Delete, or a whole activity name
	about   []*object
	changes []modified

	category string // empty: that of the first object
}

// nouns are how the log names a type: agents are logged under their base type.
var nouns = map[string]string{"servicePrincipal": "service principal", "application": "application", "user": "user",
	"group": "group"}

// entryOf describes an operation on the object as such.
func entryOf(at time.Time, verb string, o *object, changes ...modified) logged {
	return logged{at: at, verb: verb + " " + nouns[o.base], about: []*object{o}, changes: changes}
}

// category is UserManagement for users, GroupManagement for groups, and ApplicationManagement for everything else.
func category(o *object) string {
	switch o.base {
	case "user":
		return "UserManagement"
	case "group":
		return "GroupManagement"
	}
	return "ApplicationManagement"
}

// directorySync marks what the directory does by itself.
var directorySync = initiator{App: &appActor{DisplayName: "Microsoft Entra Agent Lifecycle"}}

// record writes an entry to the log, where it can be read at once or after the log lag.
func (s *Sandbox) record(l logged, by initiator) {
	r := s.st.Rand
	correlation := r.UUID()
	e := &entry{
		ID:       fmt.Sprintf("Directory_%s_%s_%s", correlation, strings.ToUpper(r.Base62(5)), r.Digits(8)),
		Category: cmp.Or(l.category, category(l.about[0])), CorrelationID: correlation, Result: "success", ActivityDisplayName: l.verb,
		ActivityDateTime: l.at.UTC().Format("2006-01-02T15:04:05.0000000Z"), LoggedByService: "Core Directory",
		OperationType: operation(l.verb), InitiatedBy: by, AdditionalDetails: []keyValue{{"User-Agent", "rollcall-sandbox/1.0"}},
	}
	for i, o := range l.about {
		t := targetOf(o)
		if i == 0 {
			t.ModifiedProperties = append(t.ModifiedProperties, l.changes...)
		}
		e.TargetResources = append(e.TargetResources, t)
	}
	if lag := s.logLag(); lag > 0 {
		s.later(pending{Due: l.at.Add(lag), Do: "log", Entry: e})
		return
	}
	s.publish(e)
}

// publish makes an entry readable and drops those that are past retention.
func (s *Sandbox) publish(e *entry) {
	old := s.now().AddDate(0, 0, -auditDays).Format("2006-01-02T15:04:05.0000000Z")
	if n := len(s.st.Audits); n > 0 && s.st.Audits[0].ActivityDateTime < old {
		s.st.Audits = slices.DeleteFunc(s.st.Audits, func(x *entry) bool { return x.ActivityDateTime < old })
	}
	s.st.Seq++
	e.Seq = s.st.Seq
	s.st.Audits = append(s.st.Audits, e)
}

// row is the entry as a list of generic values.
func (e *entry) row() map[string]any {
	if e.cache == nil {
		b, _ := json.Marshal(e) // texts only: it cannot fail
		_ = json.Unmarshal(b, &e.cache)
		delete(e.cache, "seq")
	}
	return e.cache
}

func targetOf(o *object) target {
	t := target{ID: o.ID, Type: "ServicePrincipal", ModifiedProperties: []modified{}}
	if name := o.text("displayName"); name != "" {
		t.DisplayName = &name
	}
	switch o.base {
	case "user":
		upn := o.text("userPrincipalName")
		t.Type, t.UserPrincipalName = "User", &upn
	case "application":
		t.Type = "Application"
	case "group":
		t.Type = "Group"
	}
	return t
}

// operation is the entry's operationType: one word.
func operation(activity string) string {
	switch word, _, _ := strings.Cut(activity, " "); word {
	case "Add", "Delete", "Restore":
		return word
	case "Remove":
		return "Unassign"
	case "Hard":
		return "Delete"
	}
	return "Update"
}

// change describes one property of an entry; both values are written as JSON.
func change(prop, before, after string) modified {
	m := modified{DisplayName: prop}
	if before != "" {
		m.OldValue = &before
	}
	if after != "" {
		m.NewValue = &after
	}
	return m
}

// list is a JSON list of one text, which is how the log writes most values.
func list(text string) string {
	b, _ := json.Marshal([]string{text}) // a text: it cannot fail
	return string(b)
}

// told is an entry as the request's version tells it: beta adds who among the parties is an agent.
func (q *request) told(e *entry) map[string]any {
	if q.version != "beta" {
		return e.row()
	}
	m := maps.Clone(e.row())
	by, _ := m["initiatedBy"].(map[string]any)
	by = maps.Clone(by)
	for party, id := range map[string]string{"user": "id", "app": "servicePrincipalId"} {
		if p, _ := by[party].(map[string]any); p != nil {
			by[party] = q.classified(p, id)
		}
	}
	m["initiatedBy"] = by
	targets, _ := m["targetResources"].([]any)
	targets = slices.Clone(targets)
	for i := range targets {
		t, _ := targets[i].(map[string]any)
		targets[i] = q.classified(t, "id")
	}
	m["targetResources"] = targets
	return m
}

// classified adds agentType and blueprintId to a party of an entry. Two of the types are newer than the enumeration: a client
// has to ask for them.
func (q *request) classified(party map[string]any, id string) map[string]any {
	text, _ := party[id].(string)
	o := q.ix.byID[text]
	typ := agentType(o)
	evolved := typ == "agentIdentityBlueprintPrincipal" || typ == "agentIDuser"
	if evolved && !strings.Contains(strings.Join(q.header.Values("Prefer"), ","), "include-unknown-enum-members") {
		typ = "unknownFutureValue"
	}
	m := maps.Clone(party)
	m["agentType"], m["blueprintId"] = typ, q.blueprintID(o)
	return m
}
