package entra

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// write calls with the administrator's token.
func (x *tenant) write(method, address, body string, want int) reply {
	x.t.Helper()
	r := x.call(method, "/v1.0"+address, body, "Authorization", "Bearer "+x.AdminToken())
	if r.status != want {
		x.t.Errorf("%s %s = %d %s, want %d", method, address, r.status, r.raw, want)
	}
	return r
}

// TestWrites disables, renames, deletes, restores and purges through the API.
func TestWrites(t *testing.T) {
	x := start(t)
	a := x.some("agent_identity")
	for _, c := range []struct{ method, path string }{
		{"PATCH", "/servicePrincipals/" + a.ID}, {"DELETE", "/servicePrincipals/" + a.ID}, {"POST", "/directory/deletedItems/" + a.ID + "/restore"},
	} {
		if r := x.call(c.method, "/v1.0"+c.path, `{"accountEnabled":false}`); r.status != http.StatusForbidden {
			t.Errorf("%s %s without the right = %d, want 403", c.method, c.path, r.status)
		}
	}
	_, link := x.round(spSelect)
	x.write("PATCH", "/servicePrincipals/"+a.ID+"/microsoft.graph.agentIdentity", `{"accountEnabled":false,"displayName":"Off"}`, 204)
	if got := x.agent(a.ID); got.Status != "disabled" || got.Name != "Off" {
		t.Errorf("after the PATCH the agent is %+v", got)
	}
	x.write("PATCH", "/servicePrincipals/"+a.ID, `{"accountEnabled":true,"appId":"x"}`, 400)
	x.write("PATCH", "/servicePrincipals/"+a.ID, `{"accountEnabled":"yes"}`, 400)
	x.write("PATCH", "/servicePrincipals/"+a.ID, `{`, 400)
	if x.agent(a.ID).Status != "disabled" {
		t.Error("a refused PATCH changed something")
	}
	got, link := x.round(link)
	if find(got, a.ID)["accountEnabled"] != false {
		t.Errorf("delta shows %s", compact(find(got, a.ID)))
	}
	x.write("POST", "/directory/deletedItems/"+a.ID+"/restore", "", 404)
	for i, c := range []struct {
		method, path, reason string
		status               int
	}{
		{"DELETE", "/servicePrincipals/" + a.ID, "changed", 204}, {"POST", "/directory/deletedItems/" + a.ID + "/restore", "", 200},
		{"DELETE", "/servicePrincipals/" + a.ID, "changed", 204}, {"DELETE", "/directory/deletedItems/" + a.ID, "deleted", 204},
	} {
		x.pass(time.Second)
		x.write(c.method, c.path, "", c.status)
		got, link = x.round(link)
		removed, _ := find(got, a.ID)["@removed"].(jsonObject)
		if reason, _ := removed["reason"].(string); find(got, a.ID) == nil || reason != c.reason {
			t.Errorf("step %d: delta shows %s, want reason %q", i, compact(got), c.reason)
		}
	}
	if e := x.ok("/v1.0/auditLogs/directoryAudits?$top=1").items()[0]; e["activityDisplayName"] != "Hard Delete service principal" {
		t.Errorf("the log says %s", compact(e))
	}
	for path, want := range map[string]int{"/users/" + a.ID: 404, "/nonsense/1": 501, "/servicePrincipals": 501, "/servicePrincipals/" + a.ID + "/owners": 404} {
		x.write("DELETE", path, "", want)
	}
	if x.OnlyReads(nil) {
		t.Error("nothing of it would be saved")
	}
}

// TestWriteCascade deletes a blueprint through the API: its agents follow.
func TestWriteCascade(t *testing.T) {
	x := start(t)
	a := x.some("agent_identity").ID
	parent := x.ok("/v1.0/servicePrincipals/" + a).body["agentIdentityBlueprintId"]
	app := x.ok(sprint("/v1.0/applications(appId='%s')", parent)).body["id"].(string)
	x.write("DELETE", "/applications/"+app, "", 204)
	bin, _ := x.walk("/v1.0/directory/deletedItems/microsoft.graph.application")
	if find(bin, app)["@odata.type"] != "#microsoft.graph.agentIdentityBlueprint" {
		t.Errorf("the bin holds %s", compact(bin))
	}
	x.pass(time.Minute)
	if got := x.agent(a).Status; got != "deleted" {
		t.Errorf("the agent is %s", got)
	}
	x.do(sandbox.Change{Op: sandbox.PurgeAgent, Agent: app})
	x.refused(404, "Request_ResourceNotFound", "/v1.0/directory/deletedItems/"+app)
}

// TestDeletedPeople checks that who left the directory answers for nothing, until he is restored.
func TestDeletedPeople(t *testing.T) {
	x := start(t)
	x.PageSize = 0
	p := x.onePerson("user")
	with := x.Truth()
	x.write("DELETE", "/users/"+p.ID, "", 204)
	x.compareAll()
	if got := x.personTruth(p.ID); got.ID != "" {
		t.Errorf("the truth still has %+v", got)
	}
	for _, a := range x.Truth().Agents {
		if slices.ContainsFunc(a.Stewards, func(s string) bool { return strings.HasSuffix(s, p.ID) }) {
			t.Errorf("%s still has the deleted steward", a.ID)
		}
	}
	x.write("POST", "/directory/deletedItems/"+p.ID+"/restore", "", 200)
	if got := x.Truth(); len(got.People) != len(with.People) {
		t.Errorf("%d people after the restoration, before %d", len(got.People), len(with.People))
	}
	x.compareAll()
}

// TestWriteGrants takes a delegated grant away.
func TestWriteGrants(t *testing.T) {
	x := start(t)
	_, link := x.round("/v1.0/oauth2PermissionGrants/delta")
	g := x.ok("/v1.0/oauth2PermissionGrants").items()[0]["id"].(string)
	x.write("DELETE", "/oauth2PermissionGrants/"+g, "", 204)
	got, _ := x.round(link)
	if removed, _ := find(got, g)["@removed"].(jsonObject); removed["reason"] != "deleted" {
		t.Errorf("delta shows %s", compact(got))
	}
	if e := x.ok("/v1.0/auditLogs/directoryAudits?$top=1").items()[0]; e["activityDisplayName"] != "Remove delegated permission grant" {
		t.Errorf("the log says %s", compact(e))
	}
}
