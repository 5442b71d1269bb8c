package entra

import (
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// The scopes whose passes are the first rounds of the deltas.
const (
	scopeAgents     = "service-principals"
	scopePrincipals = "blueprint-principals"
	scopeBlueprints = "applications"
	scopeUsers      = "users"
)

// The lists that show one agent type alone. Their pages have at most 100 objects, those of users 999.
const (
	castAgentIdentity = "/servicePrincipals/microsoft.graph.agentIdentity"
	castPrincipal     = "/servicePrincipals/microsoft.graph.agentIdentityBlueprintPrincipal"
	castBlueprint     = "/applications/microsoft.graph.agentIdentityBlueprint"
	castAgentUser     = "/users/microsoft.graph.agentUser"
)

// The permissions that the feeds take, the least first.
const (
	needDirectory  = "Application.Read.All"
	needAgents     = "AgentIdentity.Read.All"
	needPrincipals = "AgentIdentityBlueprintPrincipal.Read.All"
	needBlueprints = "AgentIdentityBlueprint.Read.All"
	needUsers      = "User.Read.All"
	needGrants     = "Directory.Read.All"
)

// servicePrincipals is the delta of agent identities and blueprint principals. It selects no properties, because the agents'
// own cannot be selected on their base type.
func servicePrincipals(c *client) connectors.Feed {
	d := &delta{
		client: c, record: recordPrincipal, start: "/servicePrincipals/delta", need: needDirectory,
		scopes: []deltaScope{
			{scopeAgents, events.KindAgent, castAgentIdentity, needAgents},
			{scopePrincipals, events.KindBlueprint, castPrincipal, needPrincipals},
		},
		keep: func(it item) (bool, string) {
			switch {
			case it.Removed != nil:
				return true, ""
			case it.isAgentIdentity():
				return true, scopeAgents
			case odataName(it.Type) == typePrincipal:
				return true, scopePrincipals
			}
			return false, ""
		},
	}
	return connectors.Feed{
		Name: "service-principals", Kinds: []events.Kind{events.KindAgent, events.KindBlueprint}, Every: 30 * time.Second, Pull: d.pull,
	}
}

// applications is the delta of blueprints with their passwords and keys.
func applications(c *client) connectors.Feed {
	d := &delta{
		client: c, record: recordApplication, start: "/applications/delta", need: needDirectory,
		scopes: []deltaScope{{scopeBlueprints, events.KindBlueprint, castBlueprint, needBlueprints}},
		keep:   typed(typeBlueprint, scopeBlueprints),
	}
	return connectors.Feed{
		Name: "applications", Kinds: []events.Kind{events.KindBlueprint, events.KindCredential}, Every: time.Minute, Pull: d.pull,
	}
}

// userProperties are what is read of an agent's user account. identityParentId is a property of every user.
const userProperties = "id,displayName,userPrincipalName,mail,accountEnabled,userType,createdDateTime,identityParentId"

// users is the delta of the agents' user accounts.
func users(c *client) connectors.Feed {
	d := &delta{
		client: c, record: recordUser, start: "/users/delta?$select=" + userProperties, need: needUsers,
		scopes: []deltaScope{{scopeUsers, events.KindAgent, castAgentUser, needUsers}},
		keep: func(it item) (bool, string) {
			if it.Parent != "" {
				return true, scopeUsers
			}
			return typed(typeAgentUser, scopeUsers)(it)
		},
	}
	return connectors.Feed{Name: "users", Kinds: []events.Kind{events.KindAgent}, Every: time.Minute, Pull: d.pull}
}

// typed keeps what has the type, and what is gone: of that a delta says no more than the id.
func typed(name, scope string) func(item) (bool, string) {
	return func(it item) (bool, string) {
		if it.Removed != nil {
			return true, ""
		}
		if odataName(it.Type) == name {
			return true, scope
		}
		return false, ""
	}
}
