package entra

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

func TestRelationAddresses(t *testing.T) {
	x := start(t)
	a, u := x.some("agent_identity").ID, x.some("agent_user").ID
	bp := x.ok("/v1.0/applications/graph.agentIdentityBlueprint").items()[0]["id"].(string)
	bpp := x.ok("/v1.0/servicePrincipals/graph.agentIdentityBlueprintPrincipal").items()[0]["id"].(string)
	g := x.ok("/v1.0/groups").items()[0]["id"].(string)
	for address, want := range map[string]int{
		"/servicePrincipals/" + a + "/owners":                                                     200,
		"/servicePrincipals/" + a + "/owners/microsoft.graph.user":                                200,
		"/servicePrincipals/" + a + "/sponsors":                                                   400, // the base type has none
		"/servicePrincipals/" + a + "/microsoft.graph.agentIdentity/sponsors":                     200,
		"/servicePrincipals/" + a + "/Microsoft.Graph.AgentIdentity":                              200,
		"/servicePrincipals/microsoft.graph.agentIdentity/" + a:                                   200,
		"/servicePrincipals/" + a + "/microsoft.graph.agentIdentityBlueprintPrincipal":            404,
		"/servicePrincipals/" + bpp + "/microsoft.graph.agentIdentityBlueprintPrincipal/sponsors": 200,
		"/servicePrincipals/" + a + "/appRoleAssignments":                                         200,
		"/servicePrincipals/" + a + "/oauth2PermissionGrants":                                     200,
		"/servicePrincipals/" + a + "/memberOf":                                                   200,
		"/servicePrincipals/" + a + "/ownedObjects":                                               200,
		"/servicePrincipals/" + a + "/createdObjects":                                             200,
		"/servicePrincipals/" + a + "/nonsense":                                                   400,
		"/applications/" + bp + "/owners":                                                         200,
		"/applications/" + bp + "/sponsors":                                                       400,
		"/applications/" + bp + "/microsoft.graph.agentIdentityBlueprint/sponsors":                200,
		"/applications/" + bp + "/microsoft.graph.agentIdentityBlueprint/inheritablePermissions":  200,
		"/applications/" + bp + "/federatedIdentityCredentials":                                   200,
		"/applications/" + bp + "/federatedIdentityCredentials/nonsense":                          404,
		"/applications/" + a:                                  404,
		"/applications(appId='" + a + "')":                    404,
		"/applications(nonsense='" + a + "')":                 400,
		"/servicePrincipals(appId='" + a + "')":               200,
		"/servicePrincipals('" + a + "')/owners":              200,
		"/users/" + u + "/sponsors":                           200,
		"/users/" + u + "/microsoft.graph.agentUser/sponsors": 200,
		"/users/" + u + "/appRoleAssignments":                 200,
		"/users/" + u + "/oauth2PermissionGrants":             200,
		"/users/" + a:               404,
		"/groups/" + g + "/members": 200,
		"/groups/" + g + "/transitiveMembers/microsoft.graph.user":                                   200,
		"/groups/" + g + "/owners":                                                                   200,
		"/directoryObjects/" + a:                                                                     200,
		"/directoryObjects/" + "00000000-0000-4000-8000-000000000000":                                404,
		"/directory/deletedItems/microsoft.graph.application":                                        200,
		"/directory/deletedItems/graph.user":                                                         200,
		"/directory/deletedItems/" + a:                                                               404,
		"/servicePrincipals/microsoft.graph.agentIdentity/" + a + "/inheritedOauth2PermissionGrants": 400, // beta only
	} {
		if r := x.get("/v1.0" + address); r.status != want {
			t.Errorf("GET %s = %d %s, want %d", address, r.status, r.raw, want)
		}
	}
}

// TestInherited reads what an agent has from its blueprint, which only beta shows.
func TestInherited(t *testing.T) {
	x := start(t)
	total := 0
	for _, a := range x.Truth().Agents {
		if a.Native != "agent_identity" {
			continue
		}
		path := "/beta/servicePrincipals/microsoft.graph.agentIdentity/" + a.ID
		grants := x.ok(path + "/inheritedOauth2PermissionGrants").items()
		total += len(grants) + len(x.ok(path+"/inheritedAppRoleAssignments").items())
		for _, g := range grants {
			if slices.Contains(a.Grants, g["id"].(string)) {
				t.Errorf("an inherited grant of %s stands among its own", a.ID)
			}
		}
	}
	if total == 0 {
		t.Error("no agent inherits anything")
	}
	ordinary := x.ok("/v1.0/servicePrincipals").items()[0]["id"].(string)
	x.refused(404, "Request_ResourceNotFound", "/beta/servicePrincipals/microsoft.graph.agentIdentity/"+ordinary+"/inheritedAppRoleAssignments")
	a := x.some("agent_identity").ID
	r := x.call(http.MethodPost, "/beta/servicePrincipals/microsoft.graph.agentIdentity/"+a+"/inheritedAppRoleAssignments", "{}")
	if r.status != http.StatusMethodNotAllowed {
		t.Errorf("a write = %d, want 405", r.status)
	}
}

func TestCredentialOperations(t *testing.T) {
	x := start(t)
	x.PageSize = 0
	var a, app string
	for _, m := range x.ok("/v1.0/servicePrincipals/graph.agentIdentity").items() {
		if r := x.get(sprint("/v1.0/applications(appId='%s')", m["agentIdentityBlueprintId"])); r.status == 200 {
			a, app = m["id"].(string), r.body["id"].(string)
			break
		}
	}
	shown := func() string {
		return compact(x.ok("/v1.0/applications/"+app+"?$select=passwordCredentials,keyCredentials").body) +
			compact(x.ok("/v1.0/applications/"+app+"/federatedIdentityCredentials").items())
	}
	for range 8 {
		if out := x.do(sandbox.Change{Op: sandbox.AddCredential, Agent: a}); !strings.Contains(shown(), out.Key) || out.Agent != a {
			t.Errorf("credential %s was added for %s, but %s shows %s", out.Key, out.Agent, app, shown())
		}
	}
	for range 8 {
		if out := x.do(sandbox.Change{Op: sandbox.RemoveCredential, Agent: a}); strings.Contains(shown(), out.Key) {
			t.Errorf("credential %s was removed, but is still shown", out.Key)
		}
	}
}

func TestManagerAndGetByIDs(t *testing.T) {
	x := start(t)
	x.PageSize = 0
	with := 0
	for _, a := range x.Truth().Agents {
		if a.Native != "agent_user" {
			continue
		}
		r := x.get("/v1.0/users/" + a.ID + "/manager?$select=id,displayName")
		if r.status == http.StatusOK {
			with++
		}
		if has := strings.Contains(compact(a.Stewards), "manager:"); has != (r.status == http.StatusOK) || !has && r.status != 404 {
			t.Errorf("manager of %s = %d, want one: %t", a.ID, r.status, has)
		}
	}
	if with == 0 {
		t.Error("no agent user has a manager")
	}
	a, u := x.some("agent_identity").ID, x.some("agent_user").ID
	r := x.call(http.MethodPost, "/v1.0/directoryObjects/getByIds", compact(jsonObject{"ids": []string{a, u, "x"}, "types": []string{"servicePrincipal"}}))
	if len(r.items()) != 1 || r.items()[0]["@odata.type"] != "#microsoft.graph.agentIdentity" {
		t.Errorf("getByIds = %s", r.raw)
	}
	if r = x.call(http.MethodPost, "/v1.0/directoryObjects/getByIds", `{"ids":[]}`); r.status != 400 {
		t.Errorf("getByIds of nothing = %d", r.status)
	}
}

// TestGrantComesBack checks that a delegated grant that is given again has its old id, and shows everywhere again.
func TestGrantComesBack(t *testing.T) {
	x := start(t)
	x.PageSize = 0
	a := x.some("agent_identity").ID
	client, graph := x.ix.byID[a], x.byApp("servicePrincipal", graphAppID)
	give := func() *object { return x.newScopeGrant(client, graph, x.ix.people[3].ID, "Mail.Read") }
	first := give()
	if first == nil || give() != nil {
		t.Fatal("a grant could not be given, or could be given twice")
	}
	_, link := x.round("/v1.0/oauth2PermissionGrants/delta")
	x.bury(first)
	if slices.Contains(x.agent(a).Grants, first.ID) || x.get("/v1.0/oauth2PermissionGrants/"+first.ID).status != 404 {
		t.Error("a grant that was taken is still there")
	}
	items, link := x.round(link)
	if m := find(items, first.ID); m["@removed"] == nil {
		t.Errorf("delta shows %s, want a removal", compact(m))
	}
	if again := give(); again == nil || again.ID != first.ID {
		t.Fatal("the grant did not come back under its id")
	}
	if !slices.Contains(x.agent(a).Grants, first.ID) || x.get("/v1.0/oauth2PermissionGrants/"+first.ID).status != 200 {
		t.Error("a grant that was given again is not there")
	}
	if items, _ = x.round(link); find(items, first.ID)["scope"] != "Mail.Read" {
		t.Errorf("delta shows %s, want the whole grant", compact(items))
	}
}

// TestAssignedTo checks that a resource names those who hold its roles, and nobody who is in the recycle bin.
func TestAssignedTo(t *testing.T) {
	x := start(t)
	x.PageSize = 0
	a := x.some("agent_identity").ID
	graph := x.byApp("servicePrincipal", graphAppID)
	g := x.newRole(x.ix.byID[a], graph, x.pickOf(graph, "appRoles"), seedTime)
	for g == nil {
		g = x.newRole(x.ix.byID[a], graph, x.pickOf(graph, "appRoles"), seedTime)
	}
	to := "/v1.0/servicePrincipals/" + graph.ID + "/appRoleAssignedTo?$top=500"
	if find(x.ok(to).items(), g.ID) == nil {
		t.Error("the resource does not name the agent")
	}
	x.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: a})
	if find(x.ok(to).items(), g.ID) != nil {
		t.Error("the resource names an agent in the recycle bin")
	}
	if got := x.agent(a); got.Status != "deleted" || !slices.Contains(got.Grants, g.ID) {
		t.Errorf("the truth is %+v, want the grant kept for a restoration", got)
	}
}

// TestCredentialsInDelta checks that secrets and certificates show in the delta of applications, and federated credentials
// do not: they are no property.
func TestCredentialsInDelta(t *testing.T) {
	x := start(t)
	_, link := x.round("/v1.0/applications/delta?$select=passwordCredentials,keyCredentials")
	shown, hidden := 0, 0
	for range 12 {
		x.do(changeOf(sandbox.AddCredential))
		var items []jsonObject
		if items, link = x.round(link); len(items) == 0 {
			hidden++
		} else {
			shown++
		}
	}
	if shown == 0 || hidden == 0 {
		t.Errorf("%d of 12 new credentials show in delta and %d do not, want some of both", shown, hidden)
	}
}

// TestUserAfterUser checks that an agent identity whose user was purged can have another.
func TestUserAfterUser(t *testing.T) {
	x := start(t)
	for range 40 { // until every identity has a user
		if _, err := x.Mutate(sandbox.Change{Op: sandbox.CreateAgent, Native: "agent_user"}); err != nil {
			break
		}
	}
	u := x.some("agent_user")
	x.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: u.ID})
	if _, err := x.Mutate(sandbox.Change{Op: sandbox.CreateAgent, Native: "agent_user"}); err == nil {
		t.Error("an identity got a second user while the first can be restored")
	}
	x.do(sandbox.Change{Op: sandbox.PurgeAgent, Agent: u.ID})
	if out := x.do(sandbox.Change{Op: sandbox.CreateAgent, Native: "agent_user"}); x.agent(out.Agent).LinkedTo != u.LinkedTo {
		t.Errorf("the new user belongs to %s, want %s", x.agent(out.Agent).LinkedTo, u.LinkedTo)
	}
}
