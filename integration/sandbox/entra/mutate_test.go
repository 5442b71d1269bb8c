package entra

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

func changeOf(op sandbox.Op) sandbox.Change { return sandbox.Change{Op: op} }

func byID(a, b sandbox.TruthAgent) int { return strings.Compare(a.ID, b.ID) }

// seen is one agent as the API shows it, in the words of a truth.
func (x *tenant) seen(a sandbox.TruthAgent) sandbox.TruthAgent {
	x.t.Helper()
	path := map[string]string{"agent_identity": "/v1.0/servicePrincipals/", "agent_user": "/v1.0/users/"}[a.Native] + a.ID
	got := sandbox.TruthAgent{ID: a.ID, Native: a.Native, Status: "active", Stewards: []string{}, Credentials: []string{}, Grants: []string{}}
	r := x.get(path + "?$select=displayName,accountEnabled" + map[bool]string{true: ",identityParentId"}[a.Native == "agent_user"])
	if r.status == 404 {
		bin := x.ok("/v1.0/directory/deletedItems/" + a.ID)
		a.Status, a.Name = "deleted", bin.body["displayName"].(string)
		return a // its relations cannot be read
	}
	got.Name, _ = r.body["displayName"].(string)
	got.LinkedTo, _ = r.body["identityParentId"].(string)
	if r.body["accountEnabled"] == false {
		got.Status = "disabled"
	}
	add := func(role, path string) {
		list, _ := x.walk(path)
		for _, m := range list {
			got.Stewards = append(got.Stewards, role+":"+m["id"].(string))
		}
	}
	if a.Native == "agent_identity" {
		add("owner", path+"/owners")
		add("sponsor", path+"/microsoft.graph.agentIdentity/sponsors")
		for _, rel := range []string{"/appRoleAssignments", "/oauth2PermissionGrants"} {
			list, _ := x.walk(path + rel)
			for _, m := range list {
				got.Grants = append(got.Grants, m["id"].(string))
			}
		}
	} else {
		add("sponsor", path+"/sponsors")
		if m := x.get(path + "/manager"); m.status == 200 {
			got.Stewards = append(got.Stewards, "manager:"+m.body["id"].(string))
		}
	}
	slices.Sort(got.Stewards)
	slices.Sort(got.Grants)
	return got
}

// compareAll holds the whole truth against the API.
func (x *tenant) compareAll() {
	x.t.Helper()
	for _, a := range x.Truth().Agents {
		if diff := cmp.Diff(a, x.seen(a)); diff != "" {
			x.t.Errorf("truth (-) and API (+) differ:\n%s", diff)
		}
	}
}

// TestEveryOperation draws changes of all kinds; each must change the truth or the blueprint, and the API must agree.
func TestEveryOperation(t *testing.T) {
	x := start(t)
	x.PageSize = 0
	done := map[sandbox.Op]int{}
	for range 12 {
		for _, op := range append([]sandbox.Op{sandbox.DeleteAgent}, sandbox.Ops()...) { // two deleted: one to restore, one to purge
			x.pass(time.Minute)
			before, _ := x.Snapshot()
			truth := x.Truth()
			out, err := x.Mutate(changeOf(op))
			if errors.Is(err, sandbox.ErrNoTarget) {
				after, _ := x.Snapshot()
				if got, want := string(after), string(before); op != sandbox.CreateAgent && len(got) != len(want) {
					t.Errorf("%s found nothing, but changed the tenant", op)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", op, err)
			}
			done[op]++
			x.wellSaid(op, out)
			same := cmp.Equal(truth, x.Truth())
			credential := op == sandbox.AddCredential || op == sandbox.RemoveCredential
			if same != credential {
				t.Errorf("%s: truth unchanged = %t, want %t (%s)", op, same, credential, out.Text)
			}
		}
		x.compareAll()
	}
	for _, op := range sandbox.Ops() {
		if done[op] == 0 {
			t.Errorf("%s was never done", op)
		}
	}
}

// wellSaid checks that an outcome says what a person and a test need.
func (x *tenant) wellSaid(op sandbox.Op, out sandbox.Outcome) {
	x.t.Helper()
	if out.Op != op || out.Agent == "" || out.Name == "" || out.Text == "" || !out.At.Equal(x.clock()) {
		x.t.Errorf("%s: the outcome is %+v", op, out)
	}
	switch op {
	case sandbox.AddOwner, sandbox.RemoveOwner, sandbox.AddCredential, sandbox.RemoveCredential, sandbox.AddGrant, sandbox.RemoveGrant:
		if out.Key == "" {
			x.t.Errorf("%s: the outcome has no key", op)
		}
	}
	log := x.ok("/v1.0/auditLogs/directoryAudits?$top=1").items()
	if len(log) != 1 || !strings.HasPrefix(log[0]["activityDateTime"].(string), x.clock().Format("2006-01-02T15:04:05")) {
		x.t.Errorf("%s: the newest log entry is %s", op, compact(log))
	}
}

func TestMutateByName(t *testing.T) {
	x := start(t)
	a := x.some("agent_identity")
	person := sandbox.NewCompany(7, 90).People[40]
	by := x.do(sandbox.Change{Op: sandbox.AddOwner, Agent: a.ID, Person: person.Key})
	if got := x.ok("/v1.0/users/" + person.Email).body["id"]; got != by.Key {
		t.Errorf("owner.add by key added %s, want %v", by.Key, got)
	}
	x.do(sandbox.Change{Op: sandbox.RemoveOwner, Agent: a.ID, Person: person.Email})
	if diff := cmp.Diff(a, x.agent(a.ID)); diff != "" {
		t.Errorf("adding and removing a steward leaves a difference:\n%s", diff)
	}
	for _, c := range []sandbox.Change{
		{Op: sandbox.EnableAgent, Agent: a.ID}, {Op: sandbox.RestoreAgent, Agent: a.ID}, {Op: sandbox.PurgeAgent, Agent: a.ID},
		{Op: sandbox.DisableAgent, Agent: "nobody"}, {Op: sandbox.DisableAgent, Agent: a.ID, Native: "agent_user"},
		{Op: sandbox.AddOwner, Agent: a.ID, Person: "nobody"}, {Op: sandbox.CreateAgent, Native: "ai_agent"},
		{Op: sandbox.AddGrant, Native: "agent_user"}, {Op: "agent.paint"},
	} {
		if _, err := x.Mutate(c); !errors.Is(err, sandbox.ErrNoTarget) {
			t.Errorf("%+v: error %v, want ErrNoTarget", c, err)
		}
	}
}

// TestCascade deletes a blueprint: its principal goes at once, its agents a while later, and each is restored by itself.
func TestCascade(t *testing.T) {
	x := start(t)
	x.PageSize = 0
	blueprint := x.ok("/v1.0/applications/graph.agentIdentityBlueprint").items()[0]
	children := x.ok("/v1.0/servicePrincipals/graph.agentIdentity?" + query(sprint("agentIdentityBlueprintId eq '%s'", blueprint["appId"]))).items()
	if len(children) == 0 {
		t.Fatal("the blueprint has no agents")
	}
	id, child := blueprint["id"].(string), children[0]["id"].(string)
	x.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: id})
	x.refused(404, "Request_ResourceNotFound", "/v1.0/applications/"+id)
	x.refused(404, "Request_ResourceNotFound", sprint("/v1.0/servicePrincipals(appId='%s')", blueprint["appId"]))
	if got := x.agent(child).Status; got == "deleted" {
		t.Error("the agents went at once")
	}
	x.pass(time.Minute)
	for _, c := range children {
		if got := x.agent(c["id"].(string)).Status; got != "deleted" {
			t.Errorf("after the cascade agent %s is %s", c["id"], got)
		}
	}
	bin, _ := x.walk("/v1.0/directory/deletedItems/microsoft.graph.servicePrincipal")
	if m := find(bin, child); m["deletedDateTime"] == nil || m["@odata.type"] != "#microsoft.graph.agentIdentity" {
		t.Errorf("the recycle bin has %s", compact(m))
	}
	x.do(sandbox.Change{Op: sandbox.RestoreAgent, Agent: id})
	x.do(sandbox.Change{Op: sandbox.RestoreAgent, Agent: child})
	if x.ok("/v1.0/servicePrincipals/" + child).body["deletedDateTime"] != nil {
		t.Error("a restored agent still has a deletedDateTime")
	}

	x.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: id})
	x.do(sandbox.Change{Op: sandbox.RestoreAgent, Agent: id})
	x.pass(time.Minute)
	if got := x.agent(child).Status; got == "deleted" {
		t.Error("the cascade ran although the blueprint was restored before")
	}
}

// TestTimePasses checks what the directory does by itself.
func TestTimePasses(t *testing.T) {
	x := start(t)
	a := x.do(sandbox.Change{Op: sandbox.DeleteAgent, Native: "agent_identity"}).Agent
	x.pass(29 * 24 * time.Hour)
	if got := x.agent(a).Status; got != "deleted" {
		t.Fatalf("after 29 days the agent is %q", got)
	}
	x.pass(2 * 24 * time.Hour)
	if got := x.agent(a); got.ID != "" {
		t.Errorf("after 31 days the agent is still there: %+v", got)
	}

	x.Nature = Nature{NewObjectLag: time.Minute, LogLag: time.Hour}
	start := x.clock()
	out := x.do(sandbox.Change{Op: sandbox.CreateAgent, Native: "agent_identity"})
	if !out.At.Equal(start.Add(time.Minute)) {
		t.Errorf("the outcome says %s, want a minute from now", out.At)
	}
	_, link := x.round(spSelect)
	x.refused(404, "Request_ResourceNotFound", "/v1.0/servicePrincipals/"+out.Agent)
	x.pass(time.Minute)
	x.ok("/v1.0/servicePrincipals/" + out.Agent)
	if items, _ := x.round(link); find(items, out.Agent) == nil {
		t.Error("delta does not show the agent once it is readable")
	}
	since := "/v1.0/auditLogs/directoryAudits?" + query("activityDateTime ge "+stamp(start))
	if n := len(x.ok(since).items()); n != 0 {
		t.Errorf("%d log entries within the lag", n)
	}
	x.pass(time.Hour)
	log := x.ok(since).items()
	if len(log) != 1 || !strings.HasPrefix(log[0]["activityDateTime"].(string), start.Format("2006-01-02T15:04:05")) {
		t.Errorf("the late entry is %s, want one with the time of the change", compact(log))
	}
}

// TestAuditWindow polls the log by time window, as its readers must.
func TestAuditWindow(t *testing.T) {
	x := start(t)
	var made []string
	for range 10 {
		x.pass(time.Minute)
		made = append(made, x.do(changeOf(sandbox.RenameAgent)).Agent)
	}
	from, to := stamp(Epoch.Add(3*time.Minute)), stamp(Epoch.Add(6*time.Minute))
	items, _ := x.walk("/v1.0/auditLogs/directoryAudits?$orderby=activityDateTime&" + query("activityDateTime ge "+from+" and activityDateTime le "+to))
	if len(items) != 4 {
		t.Fatalf("%d entries in the window, want 4", len(items))
	}
	for i, e := range items {
		about := e["targetResources"].([]any)[0].(jsonObject)
		if about["id"] != made[i+2] || e["result"] != "success" || e["initiatedBy"] == nil {
			t.Errorf("entry %d is %s, want one about %s", i, compact(e), made[i+2])
		}
	}
	x.ok("/v1.0/auditLogs/directoryAudits/" + items[0]["id"].(string))
	about := query("targetResources/any(t:t/id eq '" + made[0] + "') and startswith(activityDisplayName,'Update')")
	if items, _ = x.walk("/v1.0/auditLogs/directoryAudits?" + about); len(items) == 0 {
		t.Error("a filter by target finds nothing")
	}
	x.pass(40 * 24 * time.Hour)
	x.do(changeOf(sandbox.RenameAgent))
	if items, _ = x.walk("/v1.0/auditLogs/directoryAudits"); len(items) != 1 {
		t.Errorf("%d entries after the retention, want the newest alone", len(items))
	}
}
