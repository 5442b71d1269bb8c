package okta

import (
	"cmp"
	"errors"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// The scopes of what a service app may do.
func scopeGrants(app string) string { return "grants/" + app }
func scopeRoles(app string) string  { return "roles/" + app }

// wireGrant is an Okta API scope that was granted to an app, by an administrator or by the user that the app may act for.
type wireGrant struct {
	ID      string `json:"id"`
	Status  text   `json:"status"`
	Created text   `json:"created"`
	Updated text   `json:"lastUpdated"`
	Issuer  text   `json:"issuer"`
	ScopeID text   `json:"scopeId"`
	Source  text   `json:"source"`
	UserID  text   `json:"userId"`
}

// normalizeGrants reads all scopes that were granted to one service app. What a user has granted is a delegation of that user's.
func normalizeGrants(r connectors.Record) (connectors.Reading, error) {
	app, items, err := elements[wireGrant](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	reading := connectors.Reading{Replaces: []string{scopeGrants(app)}}
	for _, g := range items {
		if g.ID == "" {
			return connectors.Reading{}, errors.New("a grant has no id")
		}
		reading.Entities = append(reading.Entities, g.entity(app))
	}
	return reading, nil
}

func (g *wireGrant) entity(app string) events.Entity {
	e := events.Entity{Holder: app, Key: g.ID, Scope: scopeGrants(app), Version: g.Updated.time()}
	if g.UserID != "" {
		e.Kind = events.KindDelegation
		e.Delegation = &events.Delegation{Person: string(g.UserID), Source: "user_consent", Scopes: plainStrings([]text{g.ScopeID}),
			Resource: string(g.Issuer), Status: grantStatus(g.Status), NativeStatus: string(g.Status), Created: g.Created.time()}
		return e
	}
	e.Kind = events.KindGrant
	e.Grant = &events.Grant{Type: "oauth_scope", Scopes: plainStrings([]text{g.ScopeID}), Resource: string(g.Issuer),
		Status: grantStatus(g.Status), NativeStatus: string(g.Status), Created: g.Created.time()}
	return e
}

// grantStatus maps the statuses of grants.
func grantStatus(native text) events.Status {
	if native == "REVOKED" {
		return events.StatusDisabled
	}
	return status(native)
}

// wireRole is an admin role that a client has.
type wireRole struct {
	ID          string `json:"id"`
	Label       text   `json:"label"`
	Type        text   `json:"type"`
	Status      text   `json:"status"`
	Created     text   `json:"created"`
	Updated     text   `json:"lastUpdated"`
	Role        text   `json:"role"`         // of a custom one: its definition
	ResourceSet text   `json:"resource-set"` // of a custom one: on what
}

// normalizeRoles reads all admin roles of one service app. Together with its scopes they say what it may do.
func normalizeRoles(r connectors.Record) (connectors.Reading, error) {
	app, items, err := elements[wireRole](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	reading := connectors.Reading{Replaces: []string{scopeRoles(app)}}
	for _, a := range items {
		if a.ID == "" {
			return connectors.Reading{}, errors.New("a role has no id")
		}
		g := &events.Grant{Type: "admin_role", Role: string(a.Type), RoleName: string(a.Label), Resource: string(a.ResourceSet),
			Status: status(a.Status), NativeStatus: string(a.Status), Created: a.Created.time()}
		if a.Type == "CUSTOM" {
			g.Role = string(cmp.Or(a.Role, a.Type))
		}
		reading.Entities = append(reading.Entities, events.Entity{Kind: events.KindGrant, Holder: app, Key: a.ID,
			Scope: scopeRoles(app), Version: a.Updated.time(), Grant: g})
	}
	return reading, nil
}
