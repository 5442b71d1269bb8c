package entra

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

func batchOf(steps ...step) string {
	b, _ := json.Marshal(map[string]any{"requests": steps})
	return string(b)
}

func (x *tenant) batch(body string, header ...string) map[string]result {
	x.t.Helper()
	r := x.call(http.MethodPost, "/v1.0/$batch", body, append([]string{"Content-Type", "application/json"}, header...)...)
	var out struct{ Responses []result }
	if err := json.Unmarshal(r.raw, &out); err != nil || r.status != http.StatusOK {
		x.t.Fatalf("POST $batch = %d %s", r.status, r.raw)
	}
	all := map[string]result{}
	for _, p := range out.Responses {
		all[p.ID] = p
	}
	return all
}

func TestBatch(t *testing.T) {
	x := start(t)
	a := x.some("agent_identity").ID
	body := batchOf(
		step{ID: "1", Method: "GET", URL: "/servicePrincipals/" + a + "/owners?$select=id"},
		step{ID: "2", Method: "GET", URL: "servicePrincipals/" + a + "/microsoft.graph.agentIdentity/sponsors"},
		step{ID: "3", Method: "GET", URL: "/users/00000000-0000-4000-8000-000000000000"},
		step{ID: "4", Method: "GET", URL: "/users?$filter=displayName eq 'x'", DependsOn: []string{"3"}},
		step{ID: "5", Method: "GET", URL: "/users/$count", Headers: map[string]string{"ConsistencyLevel": "eventual"}},
		step{ID: "6", Method: "DELETE", URL: "/users/" + a},
	)
	got := x.batch(body)
	for id, want := range map[string]int{"1": 200, "2": 200, "3": 404, "4": 424, "5": 200, "6": 403} {
		if got[id].Status != want {
			t.Errorf("part %s = %d %s, want %d", id, got[id].Status, got[id].Body, want)
		}
	}
	alone := x.ok("/v1.0/servicePrincipals/" + a + "/owners?$select=id").raw
	if !bytes.Equal(bytes.TrimSpace(alone), bytes.TrimSpace(got["1"].Body)) {
		t.Errorf("in the batch: %s, alone: %s", got["1"].Body, alone)
	}

	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write([]byte(body))
	_ = w.Close()
	if len(x.batch(z.String(), "Content-Encoding", "gzip")) != 6 {
		t.Error("a compressed batch was not understood")
	}
}

func TestBatchFaultsOfParts(t *testing.T) {
	x := start(t)
	if err := x.InjectItem(sandbox.Fault{Kind: sandbox.RateLimit, Path: "GET /v1.0/users/", After: 3 * time.Second, Times: 1}); err != nil {
		t.Fatal(err)
	}
	u := x.some("agent_user").ID
	body := batchOf(step{ID: "a", Method: "GET", URL: "/users/" + u}, step{ID: "b", Method: "GET", URL: "/users/" + u}, step{ID: "c", Method: "GET", URL: "/groups"})
	got := x.batch(body)
	if got["a"].Status != 429 || got["a"].Headers["Retry-After"] != "3" || got["b"].Status != 200 || got["c"].Status != 200 {
		t.Errorf("the parts are %+v", got)
	}
	if err := x.InjectItem(sandbox.Fault{Kind: sandbox.Forbidden, Path: "/groups"}); err != nil {
		t.Fatal(err)
	}
	if got := x.batch(body); got["c"].Status != 403 {
		t.Errorf("the part is %+v, want 403", got["c"])
	}
	x.ClearItems()
	if got := x.batch(body); got["c"].Status != 200 {
		t.Errorf("after clearing the part is %+v", got["c"])
	}
	if err := x.InjectItem(sandbox.Fault{Path: "("}); err == nil {
		t.Error("a broken pattern was accepted")
	}
}

func TestBatchRefusals(t *testing.T) {
	x := start(t)
	many := make([]step, maxBatch+1)
	for i := range many {
		many[i] = step{ID: sprint("%d", i), Method: "GET", URL: "/users"}
	}
	one := step{ID: "1", Method: "GET", URL: "/users"}
	for name, c := range map[string]struct{ body, code string }{
		"too many": {batchOf(many...), "MaximumValueExceeded"},
		"none":     {batchOf(), "BadRequest"},
		"same id":  {batchOf(one, one), "BadRequest"},
		"no id":    {batchOf(step{Method: "GET", URL: "/users"}), "BadRequest"},
		"no url":   {batchOf(step{ID: "1", Method: "GET"}), "BadRequest"},
		"depends":  {batchOf(step{ID: "1", Method: "GET", URL: "/users", DependsOn: []string{"2"}}), "BadRequest"},
		"not JSON": {"{", "BadRequest"},
		"empty":    {"", "BadRequest"},
	} {
		if r := x.call(http.MethodPost, "/v1.0/$batch", c.body); r.status != 400 || r.code() != c.code {
			t.Errorf("%s: %d %s, want 400 %s", name, r.status, r.raw, c.code)
		}
	}
	x.batch(batchOf(many[:maxBatch]...))
	x.refused(400, "BadRequest", "/v1.0/$batch")
	if got := x.batch(batchOf(step{ID: "1", Method: "POST", URL: "/$batch"}, step{ID: "2", Method: "GET", URL: "http://elsewhere.example/users"})); got["1"].Status != 400 || got["2"].Status == 200 {
		t.Errorf("a batch in a batch or a foreign address was answered: %+v", got)
	}
}

// batchOfReads reads addresses in one batch; the ids of the parts are their places.
func (x *tenant) batchOfReads(urls []string) map[string]result {
	x.t.Helper()
	var steps []step
	for i, url := range urls {
		steps = append(steps, step{ID: sprint("%d", i), Method: "GET", URL: strings.ReplaceAll(url, " ", "%20")})
	}
	return x.batch(batchOf(steps...))
}

// TestBatchOfRelations reads all that hangs on an agent, its user and its blueprint in one batch of twenty, of which one part is
// not there, one is throttled and one is denied.
func TestBatchOfRelations(t *testing.T) {
	x := start(t)
	x.PageSize = 0
	u := x.some("agent_user")
	parent := x.ok("/v1.0/servicePrincipals/" + u.LinkedTo).body["agentIdentityBlueprintId"]
	app := x.ok(sprint("/v1.0/applications(appId='%s')", parent)).body["id"].(string)
	sp := x.ok(sprint("/v1.0/servicePrincipals(appId='%s')", parent)).body["id"].(string)
	graph := x.ok(sprint("/v1.0/servicePrincipals(appId='%s')", graphAppID)).body["id"].(string)
	a, of := "/servicePrincipals/"+u.LinkedTo, "/microsoft.graph.agentIdentityBlueprint"
	urls := []string{
		a, a + "/owners", a + "/microsoft.graph.agentIdentity/sponsors", a + "/appRoleAssignments", a + "/oauth2PermissionGrants",
		"/oauth2PermissionGrants?$filter=clientId eq '" + u.LinkedTo + "'",
		"/roleManagement/directory/roleAssignments?$filter=principalId eq '" + u.LinkedTo + "'", "/roleManagement/directory/roleDefinitions",
		"/users/" + u.ID + "/sponsors", "/users/" + u.ID + "/manager?$select=id",
		"/applications/" + app + "/owners", "/applications/" + app + of + "/sponsors", "/applications/" + app + of + "/inheritablePermissions",
		"/applications/" + app + "/federatedIdentityCredentials", "/servicePrincipals/" + sp + "/owners",
		"/servicePrincipals/" + sp + of + "Principal/sponsors", "/servicePrincipals/" + graph + "/appRoleAssignedTo",
		"/servicePrincipals/" + graph + "?$select=appRoles,oauth2PermissionScopes", "/directory/deletedItems/microsoft.graph.user", "/groups",
	}
	for _, f := range []sandbox.Fault{
		{Kind: sandbox.RateLimit, Path: "/federatedIdentityCredentials", After: 2 * time.Second}, {Kind: sandbox.Forbidden, Path: "/groups$"},
	} {
		if err := x.InjectItem(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, steward := range x.agent(u.ID).Stewards { // so that there is no manager
		_, id, _ := strings.Cut(steward, ":")
		x.do(sandbox.Change{Op: sandbox.RemoveOwner, Agent: u.ID, Person: id})
	}
	got := x.batchOfReads(urls)
	special := map[string]int{"/applications/" + app + "/federatedIdentityCredentials": 429, "/groups": 403, "/users/" + u.ID + "/manager?$select=id": 404}
	for i, url := range urls {
		p, want := got[sprint("%d", i)], cmp.Or(special[url], 200)
		if p.Status != want || (p.Headers["Retry-After"] == "2") != (want == 429) {
			t.Errorf("%s = %d %s %v, want %d", url, p.Status, p.Body, p.Headers, want)
		}
	}
	x.offers(got["17"].Body)
}

// offers checks that the permissions of a resource have ids and names.
func (x *tenant) offers(body []byte) {
	x.t.Helper()
	var api struct {
		Roles  []struct{ ID, Value string } `json:"appRoles"`
		Scopes []struct{ ID, Value string } `json:"oauth2PermissionScopes"`
	}
	if err := json.Unmarshal(body, &api); err != nil || len(api.Roles) == 0 || len(api.Scopes) == 0 || api.Roles[0].Value == "" {
		x.t.Errorf("the permissions of the resource are %s", body)
	}
}
