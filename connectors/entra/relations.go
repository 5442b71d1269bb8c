package entra

import (
	"slices"

	"github.com/rollcallhq/rollcall/events"
)

// relation is what hangs on an object, and is told only when it is asked about that one.
type relation struct {
	record string // the type of its records
	path   func(id string) string
	kinds  []events.Kind // what it tells of
	need   string
	single bool // one object, not a list; a 404 says that there is none
}

const needStewards = needAgents + " and User.ReadBasic.All"

var stewardKinds = []events.Kind{events.KindStewardship, events.KindPerson}

// onlyID keeps names out of relations: who a person is the people's own records tell, see people.go.
const onlyID = "?$select=id"

func steward(record, before, after, need string) relation {
	return relation{record: record, kinds: stewardKinds, need: need, single: record == recordManager,
		path: func(id string) string { return before + id + after + onlyID }}
}

func below(record, before, after, need string, kind events.Kind) relation {
	return relation{record: record, kinds: []events.Kind{kind}, need: need,
		path: func(id string) string { return before + id + after }}
}

// The relations, by what they hang on. Only a user has a manager; a 404 there says that it has none.
var (
	agentStewards = []relation{
		steward(recordOwners, "/servicePrincipals/", "/owners", needStewards),
		steward(recordSponsors, "/servicePrincipals/", "/microsoft.graph.agentIdentity/sponsors", needStewards),
	}
	userStewards = []relation{
		steward(recordManager, "/users/", "/manager", needStewards),
		steward(recordSponsors, "/users/", "/sponsors", needStewards),
	}
	principalStewards = []relation{
		steward(recordOwners, "/servicePrincipals/", "/owners", needStewards),
		steward(recordSponsors, "/servicePrincipals/", "/microsoft.graph.agentIdentityBlueprintPrincipal/sponsors", needStewards),
	}
	blueprintStewards = []relation{
		steward(recordOwners, "/applications/", "/owners", needStewards),
		steward(recordSponsors, "/applications/", "/microsoft.graph.agentIdentityBlueprint/sponsors", needStewards),
	}
	taggedStewards = agentStewards[:1] // sponsors are for Agent ID alone

	principalGrants = []relation{
		below(recordRoles, "/servicePrincipals/", "/appRoleAssignments", needDirectory, events.KindGrant),
		below(recordConsents, "/servicePrincipals/", "/oauth2PermissionGrants", needGrants, events.KindDelegation),
		directoryRoles,
	}
	userGrants = []relation{
		below(recordRoles, "/users/", "/appRoleAssignments", needDirectory, events.KindGrant),
		directoryRoles,
	}
	directoryRoles = relation{record: recordDirectoryRoles, kinds: []events.Kind{events.KindGrant}, need: needRoles,
		path: func(id string) string {
			return "/roleManagement/directory/roleAssignments?$filter=" + escaped("principalId eq '"+id+"'")
		}}

	blueprintCredentials = []relation{
		below(recordFederated, "/applications/", "/federatedIdentityCredentials", needDirectory, events.KindCredential),
	}
)

// sort is a sort of thing that relations hang on, and how one of it is read alone.
type sort struct {
	name      string
	record    string // the type of its records
	path      string // before its id
	query     string // after it
	kind      events.Kind
	relations []relation
}

// The sorts of objects.
var (
	sortAgent     = sort{"agent identities", recordPrincipal, "/servicePrincipals/", "", events.KindAgent, slices.Concat(agentStewards, principalGrants)}
	sortTagged    = sort{"agents told by tags", recordPrincipal, "/servicePrincipals/", "", events.KindAgent, slices.Concat(taggedStewards, principalGrants)}
	sortUser      = sort{"agent users", recordUser, "/users/", "?$select=" + userProperties, events.KindAgent, slices.Concat(userStewards, userGrants)}
	sortBlueprint = sort{"blueprints", recordApplication, "/applications/", "", events.KindBlueprint, slices.Concat(blueprintStewards, blueprintCredentials)}
	sortPrincipal = sort{"blueprint principals", recordPrincipal, "/servicePrincipals/", "", events.KindBlueprint, slices.Concat(principalStewards, principalGrants)}
)

// sortOf tells the sort of a service principal, a user or an application that is of interest.
func sortOf(record string, it item) sort {
	tag, _ := agentTag(it.Tags)
	switch {
	case record == recordApplication:
		return sortBlueprint
	case record == recordUser:
		return sortUser
	case it.isAgentIdentity():
		return sortAgent
	case odataName(it.Type) != typePrincipal && tag != "":
		return sortTagged
	}
	return sortPrincipal
}
