package connectors

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
)

// changedFields maps each field of the body that differs to its former value, null where it had none. "unknown" and "scope",
// which stand beside the body, are among them.
func changedFields(former, now *events.Entity) (map[string]jsontext.Value, error) {
	a, err := fields(former)
	if err != nil {
		return nil, err
	}
	b, err := fields(now)
	if err != nil {
		return nil, err
	}
	changed := map[string]jsontext.Value{}
	for name, was := range a {
		if !bytes.Equal(was, b[name]) {
			changed[name] = was
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			changed[name] = jsontext.Value("null")
		}
	}
	if len(changed) == 0 {
		return nil, nil
	}
	return changed, nil
}

// fields are the JSON members of an entity's body, and what stands beside it.
func fields(e *events.Entity) (map[string]jsontext.Value, error) {
	m := map[string]jsontext.Value{}
	if body := e.Body(); body != nil {
		if err := remarshal(body, &m); err != nil {
			return nil, err
		}
	}
	beside := struct {
		Unknown []events.Kind `json:"unknown,omitzero"`
		Scope   string        `json:"scope,omitzero"`
	}{e.Unknown, e.Scope}
	return m, remarshal(beside, &m)
}

func remarshal(from any, to *map[string]jsontext.Value) error {
	b, err := events.Marshal(from)
	if err != nil {
		return err
	}
	return events.Unmarshal(b, to)
}

// verb says what a change of a live entity is called.
func verb(former, now *events.Entity) events.Verb {
	switch from, to := former.Status(), now.Status(); {
	case from == events.StatusActive && to == events.StatusDisabled:
		return events.Disabled
	case from == events.StatusDisabled && to == events.StatusActive:
		return events.Enabled
	}
	return events.Updated
}

// happened is when a change took place by the vendor's clock, as far as a body tells; else zero.
func happened(v events.Verb, e *events.Entity, former int64) time.Time {
	if v == events.Created {
		return born(e)
	}
	if stamp(e.Version) > former {
		return e.Version
	}
	return time.Time{}
}

// born is when the vendor says that the entity came to be.
func born(e *events.Entity) time.Time {
	switch {
	case e.Agent != nil:
		return e.Agent.Created
	case e.Blueprint != nil:
		return e.Blueprint.Created
	case e.Person != nil:
		return e.Person.Created
	case e.Credential != nil:
		return e.Credential.Created
	case e.Grant != nil:
		return e.Grant.Created
	case e.Delegation != nil:
		return e.Delegation.Created
	}
	return time.Time{}
}

// bare is an entity of which nothing but its address is known.
func bare(r events.Ref) *events.Entity {
	e := &events.Entity{Kind: r.Kind, Holder: r.Holder, Key: r.Key}
	switch r.Kind {
	case events.KindAgent:
		e.Agent = &events.Agent{Status: events.StatusUnknown, Class: events.ClassUnknown}
	case events.KindBlueprint:
		e.Blueprint = &events.Blueprint{Status: events.StatusUnknown}
	case events.KindPerson:
		e.Person = &events.Person{Status: events.StatusUnknown}
	case events.KindStewardship:
		e.Stewardship = &events.Stewardship{}
	case events.KindCredential:
		e.Credential = &events.Credential{}
	case events.KindGrant:
		e.Grant = &events.Grant{}
	case events.KindDelegation:
		e.Delegation = &events.Delegation{}
	case events.KindRisk:
		e.Risk = &events.Risk{}
	case events.KindCoverage:
		e.Coverage = &events.Coverage{State: events.CoverageBlind}
	}
	return e
}
