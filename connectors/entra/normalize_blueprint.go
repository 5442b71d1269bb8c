package entra

import (
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// application is a blueprint. Its passwords and keys are nil where the record does not show them, and empty where it shows that
// there are none.
type application struct {
	object
	switches
	AppID       string      `json:"appId"`
	Name        string      `json:"displayName"`
	Description string      `json:"description"`
	Publisher   string      `json:"publisherDomain"`
	Created     *time.Time  `json:"createdDateTime"`
	Tags        []string    `json:"tags"`
	Passwords   *[]password `json:"passwordCredentials"`
	Keys        *[]key      `json:"keyCredentials"`
}

func readApplication(r connectors.Record) (connectors.Reading, error) {
	var a application
	if err := decodeBody(r, &a); err != nil {
		return connectors.Reading{}, err
	}
	if err := a.check(); err != nil {
		return connectors.Reading{}, err
	}
	if a.Removed != nil {
		return a.tombstones(events.KindBlueprint), nil
	}
	out := connectors.Reading{Entities: []events.Entity{a.blueprint()}}
	if err := a.credentials(&out); err != nil {
		return connectors.Reading{}, err
	}
	return out, nil
}

func (a *application) blueprint() events.Entity {
	status, native, by := a.status(events.StatusActive)
	return events.Entity{Kind: events.KindBlueprint, Holder: a.ID, Key: events.Self, Scope: scopeBlueprints, Blueprint: &events.Blueprint{
		Native: nativeBlueprint, Name: a.Name, Description: a.Description,
		Status: status, NativeStatus: native, DisabledBy: by, Publisher: a.Publisher,
		Identifiers: identifiers(
			events.Identifier{Type: events.IDObject, Value: a.ID},
			events.Identifier{Type: events.IDApp, Value: a.AppID}),
		Created: when(a.Created), Labels: sorted(a.Tags),
	}}
}
