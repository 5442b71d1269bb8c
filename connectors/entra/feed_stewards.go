package entra

import (
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// How often the sweeps are read. The audit log tells of a change to what they show within minutes, and leads to the one object; they
// are the truth against which that is held. Without the log nothing else tells.
const (
	sweepEvery, sweepAlone = 15 * time.Minute, 5 * time.Minute

	// callEvery bounds what each sweep costs in the long run.
	callEvery = 10 * time.Second
)

// led is a feed that the audit log leads.
func led(name string, kinds []events.Kind, pull pullFunc) connectors.Feed {
	return connectors.Feed{Name: name, Kinds: kinds, Every: sweepEvery, Alone: sweepAlone, CallEvery: callEvery, Led: feedAudits, Pull: pull}
}

// The lists that sweeps go through.
var (
	listAgents     = phase{name: sortAgent.name, list: castAgentIdentity, max: maxPage, need: needAgents}
	listUsers      = phase{name: sortUser.name, list: castAgentUser, max: maxPage, need: needUsers}
	listBlueprints = phase{name: sortBlueprint.name, list: castBlueprint, max: maxPage, need: needBlueprints}
	listPrincipals = phase{name: sortPrincipal.name, list: castPrincipal, max: maxPage, need: needPrincipals}
	listTagged     = phase{name: sortTagged.name} // after the lists of all other agents
)

func (p phase) with(rels []relation) phase {
	p.relations = rels
	return p
}

func newSweep(c *client, name string, phases ...phase) connectors.Feed {
	s := &sweep{client: c, name: name, phases: phases}
	var kinds []events.Kind
	for _, p := range phases {
		kinds = append(kinds, p.kinds()...)
	}
	slices.Sort(kinds)
	return led(name, slices.Compact(kinds), s.pull)
}

// stewards sweeps who answers for agents, blueprints and their principals.
func stewards(c *client) connectors.Feed {
	return newSweep(c, "stewards", listAgents.with(agentStewards), listUsers.with(userStewards), listBlueprints.with(blueprintStewards),
		listPrincipals.with(principalStewards), listTagged.with(taggedStewards))
}
