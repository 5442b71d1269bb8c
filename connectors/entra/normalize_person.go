package entra

import (
	"cmp"
	"errors"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// person is a user, a group or a service principal, as far as the caller may see it.
type person struct {
	member
	Name     string     `json:"displayName"`
	Mail     string     `json:"mail"`
	UserName string     `json:"userPrincipalName"`
	Enabled  *bool      `json:"accountEnabled"`
	Created  *time.Time `json:"createdDateTime"`
}

// readPerson reads one person. It has no scope: who answers for no agent any more is not gone.
func readPerson(r connectors.Record) (connectors.Reading, error) {
	var p person
	if err := decodeBody(r, &p); err != nil {
		return connectors.Reading{}, err
	}
	if p.ID == "" || p.ID != r.Context[contextHolder] {
		return connectors.Reading{}, errors.New("the object is not the one that was asked for")
	}
	n := &events.Person{Native: cmp.Or(r.Context[contextNative], p.native()), Name: p.Name, UserName: p.UserName, Created: when(p.Created),
		Status: events.StatusUnknown}
	switch {
	case p.Enabled != nil && *p.Enabled:
		n.Status = events.StatusActive
	case p.Enabled != nil:
		n.Status = events.StatusDisabled
	case n.Native == "group":
		n.Status = events.StatusActive // a group cannot be disabled
	}
	if p.Mail != "" {
		n.Emails = []string{p.Mail}
	}
	return connectors.Reading{Entities: []events.Entity{{Kind: events.KindPerson, Holder: p.ID, Key: events.Self, Person: n}}}, nil
}

// gone is an object that was asked for by its id and is not there.
type gone struct {
	ID         string `json:"id"`
	Restorable bool   `json:"restorable,omitzero"`
	Agent      bool   `json:"agent,omitzero"` // an entry of the log says that it was deleted; else it was a person
}

func readGone(r connectors.Record) (connectors.Reading, error) {
	var g gone
	if err := decodeBody(r, &g); err != nil {
		return connectors.Reading{}, err
	}
	if g.ID == "" {
		return connectors.Reading{}, errors.New("the object has no id")
	}
	t := connectors.Tombstone{Restorable: g.Restorable, Reason: "not found by its id"}
	kinds := []events.Kind{events.KindPerson}
	if g.Agent {
		t.Reason = "deleted, says the audit log, and not found"
		kinds = []events.Kind{events.KindAgent, events.KindBlueprint, events.KindPerson}
	}
	var out connectors.Reading
	for _, k := range kinds {
		t.Ref = events.Identity(k, g.ID)
		out.Tombstones = append(out.Tombstones, t)
	}
	return out, nil
}
