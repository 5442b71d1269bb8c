package entra

import (
	"cmp"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// principal is an agent identity or a blueprint principal. Agent identities have no accountEnabled of another meaning: a
// disabled one gets no tokens.
type principal struct {
	object
	switches
	AppID       string     `json:"appId"`
	Name        string     `json:"displayName"`
	Description string     `json:"description"`
	AppText     string     `json:"appDescription"`
	Kind        string     `json:"servicePrincipalType"`
	Blueprint   string     `json:"agentIdentityBlueprintId"`
	Publisher   string     `json:"appOwnerOrganizationId"`
	Created     *time.Time `json:"createdDateTime"`
	Tags        []string   `json:"tags"`
}

func readPrincipal(r connectors.Record) (connectors.Reading, error) {
	var p principal
	if err := decodeBody(r, &p); err != nil {
		return connectors.Reading{}, err
	}
	if err := p.check(); err != nil {
		return connectors.Reading{}, err
	}
	if p.Removed != nil {
		return p.tombstones(events.KindAgent, events.KindBlueprint, events.KindPerson), nil
	}
	it, list := item{Type: p.Type, Principal: p.Kind, Blueprint: p.Blueprint}, r.Context[contextList]
	isBlueprint := list == scopePrincipals || odataName(p.Type) == typePrincipal
	tag, platform := agentTag(p.Tags)
	switch {
	case list == scopeAgents || it.isAgentIdentity():
		return connectors.Reading{Entities: []events.Entity{p.agent()}}, nil
	case !isBlueprint && tag != "":
		return connectors.Reading{Entities: []events.Entity{p.tagged(tag, platform)}}, nil
	case !isBlueprint && list == scopeTagged:
		return connectors.Reading{Tombstones: []connectors.Tombstone{{
			Ref: events.Identity(events.KindAgent, p.ID), Restorable: true, Reason: "no longer marked as an agent by a tag"}}}, nil
	}
	return connectors.Reading{Entities: []events.Entity{p.blueprint()}}, nil
}

// tagged is an agent from before Agent ID.
func (p *principal) tagged(tag, platform string) events.Entity {
	e := p.agent()
	e.Scope = scopeTagged
	e.Agent.Native, e.Agent.Platform = nativeTagged, platform
	e.Agent.ClassReason = "an Entra service principal with the tag " + tag
	e.Agent.Identifiers = identifiers(
		events.Identifier{Type: events.IDObject, Value: p.ID},
		events.Identifier{Type: events.IDApp, Value: p.AppID})
	return e
}

func (p *principal) agent() events.Entity {
	status, native, by := p.status(events.StatusUnknown)
	return events.Entity{Kind: events.KindAgent, Holder: p.ID, Key: events.Self, Scope: scopeAgents, Agent: &events.Agent{
		Native: nativeAgentIdentity, Name: p.Name, Description: p.Description,
		Status: status, NativeStatus: native, DisabledBy: by,
		Class: events.ClassAgent, ClassReason: "an Entra agent identity", Models: []events.Model{events.ModelService},
		Blueprint: p.Blueprint,
		Identifiers: identifiers(
			events.Identifier{Type: events.IDObject, Value: p.ID},
			events.Identifier{Type: events.IDApp, Value: cmp.Or(p.AppID, p.ID)},
			events.Identifier{Type: events.IDAgentIdentity, Value: p.ID}),
		Created: when(p.Created), Labels: sorted(p.Tags),
	}}
}

func (p *principal) blueprint() events.Entity {
	status, native, by := p.status(events.StatusUnknown)
	text := p.Description
	if text == "" {
		text = p.AppText
	}
	return events.Entity{Kind: events.KindBlueprint, Holder: p.ID, Key: events.Self, Scope: scopePrincipals, Blueprint: &events.Blueprint{
		Native: nativePrincipal, Name: p.Name, Description: text,
		Status: status, NativeStatus: native, DisabledBy: by, Publisher: p.Publisher,
		Identifiers: identifiers(
			events.Identifier{Type: events.IDObject, Value: p.ID},
			events.Identifier{Type: events.IDApp, Value: p.AppID}),
		Created: when(p.Created), Labels: sorted(p.Tags),
	}}
}

// user is an agent's user account.
type user struct {
	object
	switches
	Name     string     `json:"displayName"`
	UserName string     `json:"userPrincipalName"`
	Mail     string     `json:"mail"`
	Parent   string     `json:"identityParentId"`
	Created  *time.Time `json:"createdDateTime"`
}

func readUser(r connectors.Record) (connectors.Reading, error) {
	var u user
	if err := decodeBody(r, &u); err != nil {
		return connectors.Reading{}, err
	}
	if err := u.check(); err != nil {
		return connectors.Reading{}, err
	}
	if u.Removed != nil {
		return u.tombstones(events.KindAgent, events.KindPerson), nil
	}
	status, native, by := u.status(events.StatusUnknown)
	e := events.Entity{Kind: events.KindAgent, Holder: u.ID, Key: events.Self, Scope: scopeUsers, Agent: &events.Agent{
		Native: nativeAgentUser, Name: u.Name, Status: status, NativeStatus: native, DisabledBy: by,
		Class: events.ClassAgent, ClassReason: "the user account of an Entra agent identity", Models: []events.Model{events.ModelUser},
		Identifiers: identifiers(
			events.Identifier{Type: events.IDObject, Value: u.ID},
			events.Identifier{Type: events.IDUserName, Value: u.UserName},
			events.Identifier{Type: events.IDAgentIdentity, Value: u.Parent}),
		Created: when(u.Created),
	}}
	return connectors.Reading{Entities: []events.Entity{e}}, nil
}
