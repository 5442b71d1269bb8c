package events

import (
	"fmt"
	"time"
)

// Entity is one normalized thing, whole. Exactly one body is set, the one that Kind names.
type Entity struct {
	Kind   Kind   `json:"kind"`
	Holder string `json:"holder"` // vendor id of the agent, blueprint or person that it hangs on
	Key    string `json:"key"`    // "self" for the identity itself

	// Scope names the listing in which the vendor would still show the entity, "ai-agents" or "owners/wlp1". A sealed pass over
	// a scope that no longer holds the entity proves it gone. Without a scope, absence proves nothing.
	Scope string `json:"scope,omitzero"`

	// Version is the vendor's own stamp of the last change, if it has one. It orders readings of one entity and is no content:
	// an entity whose Version alone changed has not changed.
	Version time.Time `json:"version,omitzero"`

	// Unknown lists the kinds of things about this holder that could not be read just now: unknown, not none.
	Unknown []Kind `json:"unknown,omitzero"`

	Agent       *Agent       `json:"agent,omitzero"`
	Blueprint   *Blueprint   `json:"blueprint,omitzero"`
	Person      *Person      `json:"person,omitzero"`
	Stewardship *Stewardship `json:"stewardship,omitzero"`
	Credential  *Credential  `json:"credential,omitzero"`
	Grant       *Grant       `json:"grant,omitzero"`
	Delegation  *Delegation  `json:"delegation,omitzero"`
	Risk        *Risk        `json:"risk,omitzero"`
	Coverage    *Coverage    `json:"coverage,omitzero"`
	Assertion   *Assertion   `json:"assertion,omitzero"`
}

// Ref is the entity's address.
func (e *Entity) Ref() Ref { return Ref{Kind: e.Kind, Holder: e.Holder, Key: e.Key} }

// Body is the body that Kind names, or nil: a *Agent for an agent, and so on.
func (e *Entity) Body() any {
	set := func(ok bool, body any) any {
		if ok {
			return body
		}
		return nil
	}
	switch e.Kind {
	case KindAgent:
		return set(e.Agent != nil, e.Agent)
	case KindBlueprint:
		return set(e.Blueprint != nil, e.Blueprint)
	case KindPerson:
		return set(e.Person != nil, e.Person)
	case KindStewardship:
		return set(e.Stewardship != nil, e.Stewardship)
	case KindCredential:
		return set(e.Credential != nil, e.Credential)
	case KindGrant:
		return set(e.Grant != nil, e.Grant)
	case KindDelegation:
		return set(e.Delegation != nil, e.Delegation)
	case KindRisk:
		return set(e.Risk != nil, e.Risk)
	case KindCoverage:
		return set(e.Coverage != nil, e.Coverage)
	case KindAssertion:
		return set(e.Assertion != nil, e.Assertion)
	}
	return nil
}

// Status is the status of an identity; other kinds have none.
func (e *Entity) Status() Status {
	if s := e.status(); s != nil {
		return *s
	}
	return ""
}

// SetStatus sets the status of an identity and does nothing to other kinds.
func (e *Entity) SetStatus(to Status) {
	if s := e.status(); s != nil {
		*s = to
	}
}

func (e *Entity) status() *Status {
	switch {
	case e.Agent != nil:
		return &e.Agent.Status
	case e.Blueprint != nil:
		return &e.Blueprint.Status
	case e.Person != nil:
		return &e.Person.Status
	}
	return nil
}

// Check says what is wrong with e as a normalized entity, if anything.
func (e *Entity) Check() error {
	if err := e.Ref().Check(); err != nil {
		return err
	}
	if e.Body() == nil {
		return fmt.Errorf("entity %s has no %s body", e.Ref(), e.Kind)
	}
	bodies := 0
	for _, set := range []bool{e.Agent != nil, e.Blueprint != nil, e.Person != nil, e.Stewardship != nil, e.Credential != nil,
		e.Grant != nil, e.Delegation != nil, e.Risk != nil, e.Coverage != nil, e.Assertion != nil} {
		if set {
			bodies++
		}
	}
	if bodies != 1 {
		return fmt.Errorf("entity %s has %d bodies, not the one of its kind", e.Ref(), bodies)
	}
	return nil
}
