package replay

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Reason is why a field of an agent's document is as it is: the rule that made it, or the event that brought it.
type Reason struct {
	Field    string         `json:"field"`
	Value    jsontext.Value `json:"value"`
	Identity string         `json:"identity,omitzero"` // "<connection>/<vendor id>"; empty: of the agent as a whole
	Key      string         `json:"key,omitzero"`      // of what hangs on the identity
	Rule     string         `json:"rule,omitzero"`     // how it follows from its identities

	Position events.Position `json:"position,omitzero"` // of the event that made it so
	Event    *events.Event   `json:"event,omitzero"`
}

// rules say how the fields of an agent follow from those of its identities.
var rules = map[string]string{
	"name":        "the name of the first of its identities that has one",
	"description": "the description of the first of its identities that has one",
	"status":      "the most alive of its identities' statuses: it may still act there",
	"class":       "the most certain of its identities' classes: what one vendor knows to be an agent is one",
	"models":      "the models of all its identities",
	"first_seen":  "when the first event about one of its identities was recorded",
	"links":       "identifiers that two or more of its identities have, each given by one authority to one agent and to nothing else",
}

// Why names the rule or the event behind each field of an agent, or behind one: of the agent as a whole (status), of its identities
// (native_status), or a kind of what hangs on them (grants). It reads the history of the agent's identities.
func Why(ctx context.Context, log Log, a *roster.Agent, field string) ([]Reason, error) {
	whole, err := object(a)
	if err != nil {
		return nil, err
	}
	var out []Reason
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if v := whole[name]; v != nil {
			out = append(out, Reason{Field: name, Value: v, Rule: rules[name]})
		}
	}
	for n := range a.Identities {
		of, err := whyIdentity(ctx, log, &a.Identities[n])
		if err != nil {
			return nil, err
		}
		out = append(out, of...)
	}
	if field == "" {
		return out, nil
	}
	known := map[string]bool{}
	for _, r := range out {
		known[r.Field] = true
	}
	if !known[field] {
		return nil, fmt.Errorf("the agent has no field %q: it has %s", field, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	return slices.DeleteFunc(out, func(r Reason) bool { return r.Field != field }), nil
}

// plural are the fields of an identity that hold what hangs on it.
var plural = map[events.Kind]string{
	events.KindStewardship: "stewards", events.KindCredential: "credentials", events.KindGrant: "grants", events.KindDelegation: "delegations",
	events.KindRisk: "risks",
}

// whyIdentity finds the event behind each field of an identity and behind each thing that hangs on it: the last that set it.
func whyIdentity(ctx context.Context, log Log, i *roster.Identity) ([]Reason, error) {
	set := map[string]*events.Message{}     // by field
	last := map[events.Ref]events.Message{} // by thing
	f := events.Filter{Tenant: i.Tenant, Connection: i.Connection, Holder: i.Holder}
	for m, err := range Decoded(log.Stored(ctx, events.Query{Filter: f})) {
		if err != nil {
			return nil, err
		}
		e := m.Event.Data.Entity
		switch {
		case e == nil:
		case e.Kind == events.KindAgent:
			if err := note(set, &m); err != nil {
				return nil, err
			}
		case m.Event.Live():
			last[e.Ref()] = m
		default:
			delete(last, e.Ref())
		}
	}
	fields, err := object(i.Agent)
	if err != nil {
		return nil, err
	}
	var out []Reason
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		r := Reason{Field: name, Value: fields[name], Identity: identity(i)}
		if m := set[name]; m != nil {
			r.Position, r.Event = m.Position, &m.Event
		}
		out = append(out, r)
	}
	for _, ref := range slices.SortedFunc(maps.Keys(last), events.Ref.Compare) {
		m := last[ref]
		body, err := events.Marshal(m.Event.Data.Entity.Body())
		if err != nil {
			return nil, err
		}
		if name := plural[ref.Kind]; name != "" {
			out = append(out, Reason{Field: name, Value: body, Identity: identity(i), Key: ref.Key, Position: m.Position, Event: &m.Event})
		}
	}
	return out, nil
}

// note takes in which fields of an identity an event has set: all that it has where it is new, else those that changed.
func note(set map[string]*events.Message, m *events.Message) error {
	fields, err := object(m.Event.Data.Entity.Body())
	if err != nil {
		return err
	}
	for name := range fields {
		if _, changed := m.Event.Data.Changed[name]; changed || set[name] == nil {
			set[name] = m
		}
	}
	if m.Event.Data.Gone != nil {
		set["status"] = m
	}
	return nil
}
