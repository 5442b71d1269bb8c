package entra

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

const assignments = "/v1.0/roleManagement/directory/roleAssignments"

func TestRoleAssignments(t *testing.T) {
	x := start(t)
	a := x.some("agent_identity").ID
	for len(x.agent(a).Roles) > 0 {
		x.do(sandbox.Change{Op: sandbox.RemoveRole, Agent: a})
	}
	out := x.do(sandbox.Change{Op: sandbox.AddRole, Agent: a, Name: "Global Reader"})
	got := x.ok(assignments + "?" + query("principalId eq '"+a+"'")).items()
	if len(got) != 1 || got[0]["id"] != out.Key || got[0]["directoryScopeId"] != "/" {
		t.Fatalf("the agent's assignments are %s, want %s", compact(got), out.Key)
	}
	def := x.ok("/v1.0/roleManagement/directory/roleDefinitions/" + got[0]["roleDefinitionId"].(string)).body
	if def["displayName"] != "Global Reader" || def["isBuiltIn"] != true || def["rolePermissions"] == nil {
		t.Errorf("the definition is %s", compact(def))
	}
	one := x.ok(assignments + "/" + out.Key + "?$expand=roleDefinition").body
	if d, _ := one["roleDefinition"].(jsonObject); d["id"] != def["id"] {
		t.Errorf("with $expand the assignment is %s", compact(one))
	}
	if p := x.ok(assignments + "/" + out.Key + "/principal").body; p["id"] != a {
		t.Errorf("the principal is %s", compact(p))
	}
	if d := x.ok(assignments + "/" + out.Key + "/roleDefinition").body; d["id"] != def["id"] {
		t.Errorf("the role is %s", compact(d))
	}
	if _, err := x.Mutate(sandbox.Change{Op: sandbox.AddRole, Agent: a, Name: "Global Reader"}); !errors.Is(err, sandbox.ErrNoTarget) {
		t.Errorf("the same role again: %v, want ErrNoTarget", err)
	}
	x.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: a})
	x.refused(404, "Request_ResourceNotFound", assignments+"/"+out.Key)
	x.do(sandbox.Change{Op: sandbox.RestoreAgent, Agent: a})
	x.ok(assignments + "/" + out.Key)
	x.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: a})
	x.do(sandbox.Change{Op: sandbox.PurgeAgent, Agent: a})
	if got := x.ok(assignments + "?" + query("principalId eq '"+a+"'")).items(); len(got) != 0 {
		t.Errorf("a purged agent has %s", compact(got))
	}
}

// TestRoleAddresses reads what is there and what is not. Ids of a directory's own role differ from tenant to tenant.
func TestRoleAddresses(t *testing.T) {
	x := start(t)
	all, _ := x.walk("/v1.0/roleManagement/directory/roleDefinitions")
	own := ""
	for _, d := range all {
		if d["isBuiltIn"] == false {
			own = d["id"].(string)
		}
	}
	x.ok("/v1.0/roleManagement/directory/roleDefinitions/" + own)
	other := NewWith(sandbox.NewCompany(9, 9), 9, Layout{At: seedTime})
	if _, known := other.definition(own); known || own == "" {
		t.Errorf("the tenant's own role %q is known to another tenant", own)
	}
	g := x.ok(assignments).items()[0]["id"].(string)
	for address, want := range map[string]int{
		"":                                       400,
		"/directory":                             400,
		"/directory/nonsense":                    400,
		"/deviceManagement/roleAssignments":      400,
		"/directory/roleAssignments/nobody":      404,
		"/directory/roleDefinitions/nobody":      404,
		"/directory/roleAssignments/" + g + "/x": 400,
		"/directory/roleAssignments/" + g + "/principal/x": 400,
		"/directory/roleAssignments/nobody/principal":      404,
	} {
		if r := x.get("/v1.0/roleManagement" + address); r.status != want {
			t.Errorf("GET %s = %d %s, want %d", address, r.status, r.raw, want)
		}
	}
	x.refused(404, "Request_ResourceNotFound", "/v1.0/directoryObjects/"+g)
}

// TestDirectoryOpsOverControl makes each change of a directory over the control API.
func TestDirectoryOpsOverControl(t *testing.T) {
	x := start(t)
	srv := httptest.NewServer(sandbox.Serve(x.Sandbox))
	t.Cleanup(srv.Close)
	for _, op := range sandbox.DirectoryOps() {
		r := x.call(http.MethodPost, srv.URL+"/_control/mutate", `{"op":"`+string(op)+`"}`)
		if r.status != http.StatusOK || r.body["op"] != string(op) {
			t.Errorf("%s = %d %s", op, r.status, r.raw)
		}
	}
}
