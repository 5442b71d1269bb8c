package replay

import (
	"cmp"
	"maps"
	"slices"
	"sort"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// How an agent differs between two moments.
const (
	Created   = "created"    // a vendor made it in between
	FirstSeen = "first_seen" // a listing showed it for the first time; it may be older
	Gone      = "gone"       // deleted at every vendor
	Restored  = "restored"
	Changed   = "changed"
	Joined    = "joined" // it is found under another agent now: evidence has joined the two
)

// AgentDiff is how one agent differs between two moments.
type AgentDiff struct {
	ID     string `json:"id"`
	Tenant string `json:"tenant"`
	Name   string `json:"name,omitzero"`
	How    string `json:"how"`

	Into   string      `json:"into,omitzero"`   // joined: the id that it is found under
	Fields []FieldDiff `json:"fields,omitzero"` // of the agent and its identities, ordered
	Gained []Thing     `json:"gained,omitzero"` // what hangs on it now and did not: access, credentials, stewards
	Lost   []Thing     `json:"lost,omitzero"`
	Other  []ThingDiff `json:"changed,omitzero"` // what hangs on it then and now, and is not the same
}

// FieldDiff is a field with its value then and now; null where it had none.
type FieldDiff struct {
	Identity string         `json:"identity,omitzero"` // "<connection>/<vendor id>"; empty: of the agent as a whole
	Name     string         `json:"field"`
	From     jsontext.Value `json:"from"`
	To       jsontext.Value `json:"to"`
}

// Thing is something that hangs on an identity.
type Thing struct {
	Kind     events.Kind    `json:"kind"`
	Identity string         `json:"identity"`
	Key      string         `json:"key"`
	Value    jsontext.Value `json:"value"`
}

// ThingDiff is a thing that is not what it was.
type ThingDiff struct {
	Thing
	Fields []FieldDiff `json:"fields"`
}

// Diff compares two rosters, each with an agent once. Agents that are the same in both are left out; the rest is ordered by name.
func Diff(then, now []roster.Agent) ([]AgentDiff, error) {
	before, after := byID(then), byID(now)
	holds := map[string]string{} // identity → the agent that has it now
	for _, a := range now {
		for _, i := range a.Identities {
			holds[a.Tenant+"/"+identity(&i)] = a.ID
		}
	}
	var out []AgentDiff
	for _, id := range slices.Sorted(maps.Keys(before)) {
		if after[id] != nil {
			continue
		}
		a := before[id]
		d := AgentDiff{ID: a.ID, Tenant: a.Tenant, Name: a.Name, How: Gone}
		if into := holds[a.Tenant+"/"+identity(&a.Identities[0])]; into != "" {
			d.How, d.Into = Joined, into
		}
		out = append(out, d)
	}
	for _, id := range slices.Sorted(maps.Keys(after)) {
		d, err := compare(before[id], after[id])
		if err != nil {
			return nil, err
		}
		if d.How != "" {
			out = append(out, d)
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := &out[i], &out[j]
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) < 0
	})
	return out, nil
}

func byID(agents []roster.Agent) map[string]*roster.Agent {
	out := map[string]*roster.Agent{}
	for n := range agents {
		out[agents[n].Tenant+"/"+agents[n].ID] = &agents[n]
	}
	return out
}

func identity(i *roster.Identity) string { return i.Connection + "/" + i.Holder }

// compare says how an agent differs; its How is empty where it does not. An agent that is new has gained all it has.
func compare(then, now *roster.Agent) (AgentDiff, error) {
	d := AgentDiff{ID: now.ID, Tenant: now.Tenant, Name: now.Name}
	if then == nil {
		then = &roster.Agent{}
		if d.How = Created; now.Identities[0].FirstSeenAs == events.FirstSeenSnapshot {
			d.How = FirstSeen
		}
	}
	var err error
	if then.ID != "" {
		d.Fields, err = fields("", summary(then), summary(now))
	}
	old := map[string]*roster.Identity{}
	for n := range then.Identities {
		old[identity(&then.Identities[n])] = &then.Identities[n]
	}
	for n := range now.Identities {
		if err == nil {
			i := &now.Identities[n]
			err = d.identity(old[identity(i)], i)
			delete(old, identity(i))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(old)) {
		if err == nil {
			err = d.identity(old[id], nil)
		}
	}
	switch gone := now.Status == events.StatusDeleted; {
	case d.How != "":
	case gone && then.Status != events.StatusDeleted:
		d.How = Gone
	case !gone && then.Status == events.StatusDeleted:
		d.How = Restored
	case len(d.Fields)+len(d.Gained)+len(d.Lost)+len(d.Other) > 0:
		d.How = Changed
	}
	return d, err
}

// summary are the fields of an agent as a whole.
func summary(a *roster.Agent) any {
	type summary struct {
		Name       string         `json:"name,omitzero"`
		Status     events.Status  `json:"status,omitzero"`
		Class      events.Class   `json:"class,omitzero"`
		Models     []events.Model `json:"models,omitzero"`
		Identities []string       `json:"identities,omitzero"`
	}
	s := summary{a.Name, a.Status, a.Class, a.Models, nil}
	for n := range a.Identities {
		s.Identities = append(s.Identities, identity(&a.Identities[n]))
	}
	slices.Sort(s.Identities)
	return s
}

// identity compares one identity, which may not be there then, or not now. The fields of one that is new say nothing beyond that.
func (d *AgentDiff) identity(then, now *roster.Identity) error {
	id, known := "", then != nil && now != nil
	if then == nil {
		then = &roster.Identity{}
	}
	if id = identity(then); now != nil {
		id = identity(now)
	} else {
		now = &roster.Identity{}
	}
	if known {
		fs, err := fields(id, then.Agent, now.Agent)
		if err != nil {
			return err
		}
		d.Fields = append(d.Fields, fs...)
	}
	for _, err := range []error{
		things(d, id, events.KindStewardship, then.Stewards, now.Stewards), things(d, id, events.KindCredential, then.Credentials, now.Credentials),
		things(d, id, events.KindGrant, then.Grants, now.Grants), things(d, id, events.KindDelegation, then.Delegations, now.Delegations),
		things(d, id, events.KindRisk, then.Risks, now.Risks),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func things[T any](d *AgentDiff, id string, kind events.Kind, then, now []roster.Item[T]) error {
	old := map[string]*T{}
	for n := range then {
		old[then[n].Key] = &then[n].Value
	}
	for n := range now {
		t := Thing{Kind: kind, Identity: id, Key: now[n].Key}
		var err error
		if t.Value, err = events.Marshal(&now[n].Value); err != nil {
			return err
		}
		was := old[t.Key]
		delete(old, t.Key)
		if was == nil {
			d.Gained = append(d.Gained, t)
			continue
		}
		fs, err := fields("", was, &now[n].Value)
		if err != nil {
			return err
		}
		if len(fs) > 0 {
			d.Other = append(d.Other, ThingDiff{t, fs})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(old)) {
		body, err := events.Marshal(old[key])
		if err != nil {
			return err
		}
		d.Lost = append(d.Lost, Thing{Kind: kind, Identity: id, Key: key, Value: body})
	}
	return nil
}

// fields lists the top-level fields in which two values differ.
func fields(id string, then, now any) ([]FieldDiff, error) {
	from, err := object(then)
	if err != nil {
		return nil, err
	}
	to, err := object(now)
	if err != nil {
		return nil, err
	}
	names := maps.Clone(from)
	maps.Copy(names, to)
	var out []FieldDiff
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if f := (FieldDiff{id, name, orNull(from[name]), orNull(to[name])}); string(f.From) != string(f.To) {
			out = append(out, f)
		}
	}
	return out, nil
}

// object is a value as it is written; a nil pointer has no fields.
func object(v any) (map[string]jsontext.Value, error) {
	body, err := events.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out map[string]jsontext.Value
	if err := events.Unmarshal(body, &out); err != nil {
		return nil, err
	}
	if out == nil {
		out = map[string]jsontext.Value{}
	}
	return out, nil
}

func orNull(v jsontext.Value) jsontext.Value {
	if v == nil {
		return jsontext.Value("null")
	}
	return v
}
