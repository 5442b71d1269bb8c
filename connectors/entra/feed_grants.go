package entra

import (
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// grants sweeps what agent identities and blueprint principals may do: application roles, and the consents by which they act
// for persons. What a blueprint's principal may do can flow to all its agents.
func grants(c *client) connectors.Feed {
	roles := relation{record: recordRoles, kinds: []events.Kind{events.KindGrant}, need: needDirectory,
		path: func(id string) string { return "/servicePrincipals/" + id + "/appRoleAssignments" }}
	consents := relation{record: recordConsents, kinds: []events.Kind{events.KindDelegation}, need: needGrants,
		path: func(id string) string { return "/servicePrincipals/" + id + "/oauth2PermissionGrants" }}
	relations := []relation{roles, consents}
	s := &sweep{client: c, name: "grants", phases: []phase{
		{name: "agent identities", list: castAgentIdentity, max: maxPage, need: needAgents, relations: relations},
		{name: "blueprint principals", list: castPrincipal, max: maxPage, need: needPrincipals, relations: relations},
	}}
	return connectors.Feed{
		Name: s.name, Kinds: []events.Kind{events.KindGrant, events.KindDelegation}, Every: 30 * time.Minute, Pull: s.pull,
	}
}

// federatedCredentials sweeps the federated identity credentials of blueprints, which the delta of applications does not show.
func federatedCredentials(c *client) connectors.Feed {
	kinds := []events.Kind{events.KindCredential}
	s := &sweep{client: c, name: "federated-credentials", phases: []phase{
		{name: "blueprints", list: castBlueprint, max: maxPage, need: needBlueprints, relations: []relation{{
			record: recordFederated, kinds: kinds, need: needDirectory,
			path: func(id string) string { return "/applications/" + id + "/federatedIdentityCredentials" },
		}}},
	}}
	return connectors.Feed{Name: s.name, Kinds: kinds, Every: 30 * time.Minute, Pull: s.pull}
}
