package entra

import (
	"context"
	"slices"
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
	scopeTagged     = "tagged-principals" // agents from before Agent ID: no list shows them alone
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
	needRoles      = "RoleManagement.Read.Directory"
	needAudits     = "AuditLog.Read.All and Directory.Read.All"
	needRisk       = "IdentityRiskyAgent.Read.All"
)

// sweepsOfAll are the feeds that tell what hangs on agents and blueprints.
var sweepsOfAll = []string{"stewards", "grants", "federated-credentials", feedInherited}

// showsSwitch: every service principal and user has a name and a switch. Without them an item is a part.
func showsSwitch(it item) bool { return it.Name != nil && it.Enabled != nil }

// servicePrincipals is the delta of agent identities, of agents from before Agent ID, and of blueprint principals. It selects no
// properties, because the agents' own cannot be selected on their base type.
func servicePrincipals(c *client) connectors.Feed {
	d := &delta{
		client: c, record: recordPrincipal, start: "/servicePrincipals/delta", need: needDirectory, sweeps: sweepsOfAll,
		scopes: []deltaScope{
			{scopeAgents, events.KindAgent, castAgentIdentity + "?", needAgents},
			{scopePrincipals, events.KindBlueprint, castPrincipal + "?", needPrincipals},
			{scopeTagged, events.KindAgent, "", ""},
		},
		keep: keepPrincipal, whole: showsSwitch,
	}
	return connectors.Feed{
		Name: "service-principals", Kinds: []events.Kind{events.KindAgent, events.KindBlueprint}, Every: 30 * time.Second, Pull: d.pull,
	}
}

// keepPrincipal keeps what is gone, what says that it is an agent or a blueprint principal, and what is known as one.
func keepPrincipal(ctx context.Context, it item) (bool, string) {
	tag, _ := agentTag(it.Tags)
	known := func(k events.Kind) bool { return connectors.IsKnown(ctx, events.Identity(k, it.ID)) }
	switch {
	case it.Removed != nil:
		return true, ""
	case it.isAgentIdentity():
		return true, scopeAgents
	case odataName(it.Type) == typePrincipal:
		return true, scopePrincipals
	case tag != "" && !known(events.KindBlueprint):
		return true, scopeTagged
	}
	return isHolder(ctx, it.ID), ""
}

// applications is the delta of blueprints with their passwords and keys.
func applications(c *client) connectors.Feed {
	d := &delta{
		client: c, record: recordApplication, start: "/applications/delta", need: needDirectory, sweeps: sweepsOfAll,
		scopes: []deltaScope{{scopeBlueprints, events.KindBlueprint, castBlueprint + "?", needBlueprints}},
		keep:   typed(typeBlueprint, scopeBlueprints, events.KindBlueprint),
		whole:  func(it item) bool { return it.Name != nil },
	}
	return connectors.Feed{
		Name: "applications", Kinds: []events.Kind{events.KindBlueprint, events.KindCredential}, Every: time.Minute, Pull: d.pull,
	}
}

// userProperties are what is read of an agent's user account. identityParentId is a property of every user.
const userProperties = "id,displayName,userPrincipalName,mail,accountEnabled,userType,createdDateTime,identityParentId"

// feedUsers is the feed that change notifications wake.
const feedUsers = "users"

// users is the delta of the agents' user accounts. A change of any other user that the log knows as a person leads to that one.
func users(c *client) connectors.Feed {
	agent := typed(typeAgentUser, scopeUsers, events.KindAgent)
	d := &delta{
		client: c, record: recordUser, start: "/users/delta?$select=" + userProperties, need: needUsers, sweeps: sweepsOfAll,
		scopes: []deltaScope{{scopeUsers, events.KindAgent, castAgentUser + "?$select=" + userProperties + "&", needUsers}},
		keep: func(ctx context.Context, it item) (bool, string) {
			if it.Parent != "" && it.Removed == nil {
				return true, scopeUsers
			}
			return agent(ctx, it)
		},
		whole: showsSwitch,
	}
	d.read = func(ctx context.Context, p page, cur *cursor, out *connectors.Page) error {
		if err := d.records(ctx, p, cur, out); err != nil || cur.Pass {
			return err
		}
		return d.readPeople(ctx, p, out)
	}
	return connectors.Feed{Name: feedUsers, Kinds: []events.Kind{events.KindAgent, events.KindPerson}, Every: time.Minute, Pull: d.pull}
}

// readPeople reads the persons of a page of changes.
func (d *delta) readPeople(ctx context.Context, p page, out *connectors.Page) error {
	var who []somebody
	for _, raw := range p.items {
		var it item
		if decode(raw, &it) != nil || it.Removed != nil || !isGUID(it.ID) {
			continue
		}
		again := slices.ContainsFunc(who, func(s somebody) bool { return s.id == it.ID })
		if !again && connectors.IsKnown(ctx, events.Identity(events.KindPerson, it.ID)) {
			who = append(who, somebody{it.ID, "user"})
		}
	}
	records, blind, err := d.client.people(ctx, who)
	out.Records, out.Blind = append(out.Records, records...), append(out.Blind, blind...)
	return err
}

// typed keeps what has the type or is known to be of the kind, and what is gone: of that a delta says no more than the id.
func typed(name, scope string, kind events.Kind) func(context.Context, item) (bool, string) {
	return func(ctx context.Context, it item) (bool, string) {
		if it.Removed != nil {
			return true, ""
		}
		if odataName(it.Type) == name {
			return true, scope
		}
		return connectors.IsKnown(ctx, events.Identity(kind, it.ID)), ""
	}
}
