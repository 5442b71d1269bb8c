package entra

import (
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// personProperties are what is read of a steward. Graph leaves out what a caller may not see; accountEnabled is not shown
// unless asked for.
const personProperties = "?$select=id,displayName,mail,userPrincipalName,accountEnabled"

const needStewards = needAgents + " and User.ReadBasic.All"

// stewards sweeps who answers for agent identities and for agents' user accounts.
func stewards(c *client) connectors.Feed {
	kinds := []events.Kind{events.KindPerson, events.KindStewardship}
	rel := func(record, before, after string) relation {
		return relation{record: record, kinds: kinds, need: needStewards,
			path: func(id string) string { return before + id + after + personProperties }}
	}
	manager := rel(recordManager, "/users/", "/manager")
	manager.single = true // the list has just shown the user, so a 404 is about the manager
	s := &sweep{client: c, name: "stewards", phases: []phase{
		{name: "agent identities", list: castAgentIdentity, max: maxPage, need: needAgents, relations: []relation{
			rel(recordOwners, "/servicePrincipals/", "/owners"),
			rel(recordSponsors, "/servicePrincipals/", "/microsoft.graph.agentIdentity/sponsors"),
		}},
		{name: "agent users", list: castAgentUser, max: maxPage, need: needUsers, relations: []relation{
			manager,
			rel(recordSponsors, "/users/", "/sponsors"),
		}},
	}}
	return connectors.Feed{Name: s.name, Kinds: kinds, Every: 15 * time.Minute, Pull: s.pull}
}
