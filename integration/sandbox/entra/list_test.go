package entra

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestPagingCoversEverythingOnce compares each list, read in pages of three, with the same list in one page.
func TestPagingCoversEverythingOnce(t *testing.T) {
	x := start(t)
	x.pass(1)
	for range 12 {
		x.do(changeOf("agent.rename"))
	}
	del := x.do(changeOf("agent.delete")).Agent
	agent := x.some("agent_identity").ID
	for _, path := range []string{
		"/v1.0/servicePrincipals", "/v1.0/servicePrincipals/microsoft.graph.agentIdentity",
		"/v1.0/servicePrincipals/Microsoft.Graph.AgentIdentityBlueprintPrincipal",
		"/v1.0/applications", "/v1.0/applications/graph.agentIdentityBlueprint", "/v1.0/users",
		"/v1.0/users/microsoft.graph.agentUser", "/v1.0/groups", "/v1.0/oauth2PermissionGrants",
		"/v1.0/auditLogs/directoryAudits", "/v1.0/users?$orderby=displayName desc", "/beta/servicePrincipals",
		"/v1.0/servicePrincipals?$filter=servicePrincipalType eq 'Application'",
		"/v1.0/servicePrincipals/" + agent + "/owners", "/v1.0/directory/deletedItems/microsoft.graph.servicePrincipal",
	} {
		paged, _ := x.walk(path)
		x.PageSize = 0
		x.Nature.EmptyPages = true
		whole, _ := x.walk(path)
		x.PageSize, x.Nature.EmptyPages = 3, false
		if len(paged) != len(whole) || !maps.Equal(ids(paged), ids(whole)) {
			t.Errorf("%s: %d items in pages, %d at once", path, len(paged), len(whole))
		}
		for id, n := range ids(paged) {
			if n != 1 {
				t.Errorf("%s: %s came %d times", path, id, n)
			}
		}
		if len(whole) == 0 && !strings.Contains(path, "owners") && !strings.Contains(path, "deleted") {
			t.Errorf("%s: nothing at all, so nothing is tested", path)
		}
	}
	if del == "" {
		t.Error("nothing was deleted")
	}
}

// TestCastLists checks that the cast lists hold the agents and nothing else, and the plain lists everything.
func TestCastLists(t *testing.T) {
	x := start(t)
	for path, native := range map[string]string{
		"/v1.0/servicePrincipals/microsoft.graph.agentIdentity": "agent_identity",
		"/v1.0/users/graph.agentUser":                           "agent_user",
	} {
		items, _ := x.walk(path)
		want := map[string]int{}
		for _, a := range x.Truth().Agents {
			if a.Native == native {
				want[a.ID] = 1
			}
		}
		if !maps.Equal(ids(items), want) {
			t.Errorf("%s has %d items, want the %d agents", path, len(items), len(want))
		}
	}
	all, _ := x.walk("/v1.0/servicePrincipals")
	types := map[any]int{}
	for _, m := range all {
		types[m["@odata.type"]]++
	}
	for _, typ := range []any{nil, "#microsoft.graph.agentIdentity", "#microsoft.graph.agentIdentityBlueprintPrincipal"} {
		if types[typ] == 0 {
			t.Errorf("the plain list has no item of type %v: %v", typ, types)
		}
	}
}

// TestSeededAgents checks what the tenant must offer a connector that is to be tested well.
func TestSeededAgents(t *testing.T) {
	x := start(t)
	truth := x.Truth()
	if got := len(truth.Agents); got != 30 {
		t.Fatalf("%d agents, want those of the company: 30", got)
	}
	if !slices.IsSortedFunc(truth.Agents, byID) {
		t.Error("the truth is not sorted by id")
	}
	count := map[string]int{}
	for _, a := range truth.Agents {
		count[a.Status]++
		count[a.Native]++
		if len(a.Stewards) == 0 {
			count["ownerless"]++
		}
		if len(a.Grants) > 0 {
			count["granted"]++
		}
		if a.Native == "agent_user" && x.agent(a.LinkedTo).Native != "agent_identity" {
			t.Errorf("user %s is linked to %q, which is no agent identity", a.ID, a.LinkedTo)
		}
	}
	for _, what := range []string{"active", "disabled", "agent_identity", "agent_user", "ownerless", "granted"} {
		if count[what] == 0 {
			t.Errorf("no agent is %s: %v", what, count)
		}
	}
	foreign := 0
	identities, _ := x.walk("/v1.0/servicePrincipals/microsoft.graph.agentIdentity")
	for _, m := range identities {
		if m["id"] != m["appId"] || m["servicePrincipalType"] != "ServiceIdentity" {
			t.Errorf("an agent identity has appId %v and type %v", m["appId"], m["servicePrincipalType"])
		}
		if r := x.get(sprint("/v1.0/applications(appId='%s')", m["agentIdentityBlueprintId"])); r.status == http.StatusNotFound {
			foreign++
		}
		x.ok(sprint("/v1.0/servicePrincipals(appId='%s')", m["agentIdentityBlueprintId"]))
	}
	if foreign == 0 || foreign == len(identities) {
		t.Errorf("%d of %d agents have a blueprint of another tenant, want some", foreign, len(identities))
	}
}

// TestCredentialsAreSpread checks that some credentials of the seed have ended, some end soon and some late.
func TestCredentialsAreSpread(t *testing.T) {
	x := start(t)
	apps, _ := x.walk("/v1.0/applications/graph.agentIdentityBlueprint")
	count := map[string]int{}
	for _, a := range apps {
		for _, prop := range []string{"passwordCredentials", "keyCredentials"} {
			for _, c := range a[prop].([]any) {
				m := c.(jsonObject)
				switch end := m["endDateTime"].(string); {
				case end < stamp(seedTime):
					count["expired"]++
				case end < stamp(seedTime.AddDate(0, 3, 0)):
					count["expiring"]++
				default:
					count["valid"]++
				}
				if m["secretText"] != nil || m["key"] != nil {
					t.Errorf("a read shows a secret: %s", compact(m))
				}
			}
		}
		fics, _ := x.walk(sprint("/v1.0/applications/%s/federatedIdentityCredentials", a["id"]))
		count["federated"] += len(fics)
	}
	for _, what := range []string{"expired", "valid", "federated"} {
		if count[what] == 0 {
			t.Errorf("no credential is %s: %v", what, count)
		}
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	x := start(t)
	for address, want := range map[string]string{
		"/v1.0/servicePrincipals/microsoft.graph.agentIdentity?$top=101":                "400 Request_BadRequest",
		"/v1.0/servicePrincipals?$top=1000":                                             "400 Request_BadRequest",
		"/v1.0/users?$top=0":                                                            "400 Request_BadRequest",
		"/v1.0/users?$top=x":                                                            "400 BadRequest",
		"/v1.0/users?$skip=3":                                                           "400 Request_BadRequest",
		"/v1.0/users?$select=nonsense":                                                  "400 BadRequest",
		"/v1.0/users?$expand=nonsense":                                                  "400 BadRequest",
		"/v1.0/users?$orderby=nonsense":                                                 "400 BadRequest",
		"/v1.0/users?$nonsense=1":                                                       "400 BadRequest",
		"/v1.0/users?" + query("nonsense eq 1"):                                         "400 BadRequest",
		"/v1.0/users?" + query("displayName eq"):                                        "400 BadRequest",
		"/v1.0/users?" + query("displayName ne 'x'"):                                    "400 Request_UnsupportedQuery",
		"/v1.0/users?$orderby=displayName&" + query("startswith(displayName,'A')"):      "400 Request_UnsupportedQuery",
		"/v1.0/users?$search=x":                                                         "400 Request_UnsupportedQuery",
		"/v1.0/users/$count":                                                            "400 Request_BadRequest",
		"/v1.0/users?$skiptoken=nonsense":                                               "400 Request_BadRequest",
		"/v1.0/users?$deltatoken=x":                                                     "400 Request_BadRequest",
		"/v1.0/auditLogs/directoryAudits?$top=1001":                                     "400 Request_BadRequest",
		"/v1.0/auditLogs/directoryAudits?" + query("contains(activityDisplayName,'x')"): "400 BadRequest",
		"/v1.0/nonsense":                                                                "400 BadRequest",
		"/v1.0/users/graph.agentIdentity":                                               "400 BadRequest",
		"/v1.0/servicePrincipals/nonsense":                                              "400 Request_BadRequest",
		"/v1.0/servicePrincipals/00000000-0000-4000-8000-000000000000":                  "404 Request_ResourceNotFound",
		"/v1.0/directory/deletedItems":                                                  "400 BadRequest",
		"/v1.0/directory/deletedItems/microsoft.graph.agentIdentity":                    "400 BadRequest",
		"/v2.0/users": "404 ResourceNotFound",
		"/":           "404 ResourceNotFound",
	} {
		r := x.get(address)
		if got := sprint("%d %s", r.status, r.code()); got != want {
			t.Errorf("GET %s = %s %s, want %s", address, got, r.raw, want)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
		if r := x.call(method, "/v1.0/servicePrincipals/"+x.some("agent_identity").ID, "{}"); r.status != http.StatusForbidden {
			t.Errorf("%s = %d, want 403: the token can only read", method, r.status)
		}
	}
}

func TestQueryOptions(t *testing.T) {
	x := start(t)
	x.PageSize = 0
	a := x.some("agent_identity")
	eventual := []string{"ConsistencyLevel", "eventual"}
	for name, c := range map[string]struct {
		address string
		header  []string
		want    func(reply) bool
	}{
		"top":    {"/v1.0/users?$top=2", nil, func(r reply) bool { return len(r.items()) == 2 && r.link("nextLink") != "" }},
		"select": {"/v1.0/users?$select=id,accountEnabled", nil, func(r reply) bool { return len(r.items()[0]) == 2 }},
		"count":  {"/v1.0/users?$count=true&$top=1", eventual, func(r reply) bool { return r.body["@odata.count"].(float64) > 40 }},
		"search": {`/v1.0/servicePrincipals?$search="displayName:ledger"`, eventual, func(r reply) bool { return len(r.items()) == 1 }},
		"ne": {"/v1.0/servicePrincipals?$count=true&" + query("servicePrincipalType ne 'Application'"), eventual,
			func(r reply) bool { return len(r.items()) > 10 }},
		"in":       {"/v1.0/users?" + query("id in ('"+a.ID+"','x')"), nil, func(r reply) bool { return len(r.items()) == 0 }},
		"any":      {"/v1.0/servicePrincipals?" + query("tags/any(t:t eq 'prod')"), nil, func(r reply) bool { return len(r.items()) > 3 }},
		"any with": {"/v1.0/servicePrincipals?" + query("tags/any(t: startswith(t, 'pr'))"), nil, func(r reply) bool { return len(r.items()) > 3 }},
		"false":    {"/v1.0/servicePrincipals?" + query("accountEnabled eq false"), nil, func(r reply) bool { return len(r.items()) > 0 }},
		"and or": {"/v1.0/servicePrincipals?" + query("(id eq '"+a.ID+"' or id eq 'y') and accountEnabled eq true"), nil,
			func(r reply) bool { return len(r.items()) == 1 }},
		"not": {"/v1.0/users?$count=true&" + query("not startswith(displayName,'zzz')"), eventual, func(r reply) bool { return len(r.items()) > 10 }},
		"expand": {"/v1.0/servicePrincipals/microsoft.graph.agentIdentity?$expand=sponsors($select=id)", nil,
			func(r reply) bool { _, ok := r.items()[0]["sponsors"].([]any); return ok }},
		"no dollar": {"/v1.0/users?top=2&custom=1", nil, func(r reply) bool { return len(r.items()) == 2 }},
		"encoded":   {"/v1.0/users?%24top=2", nil, func(r reply) bool { return len(r.items()) == 2 }},
	} {
		t.Run(name, func(t *testing.T) {
			if r := x.ok(c.address, c.header...); !c.want(r) {
				t.Errorf("GET %s = %.600s", c.address, r.raw)
			}
		})
	}
	if r := x.get("/v1.0/users/$count", eventual...); strings.TrimSpace(string(r.raw)) == "" || r.header.Get("Content-Type") != "text/plain" {
		t.Errorf("$count = %q, want a plain number", r.raw)
	}
}
