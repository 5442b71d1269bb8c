package entra

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

func changeOf(op sandbox.Op) sandbox.Change { return sandbox.Change{Op: op} }

// everyOp are the changes that this vendor may know.
func everyOp() []sandbox.Op {
	return slices.Concat(sandbox.Ops(), sandbox.ExtraOps(), sandbox.DirectoryOps())
}

func byID(a, b sandbox.TruthAgent) int { return strings.Compare(a.ID, b.ID) }

// seen is one agent as the API shows it, in the words of a truth.
func (x *tenant) seen(a sandbox.TruthAgent) sandbox.TruthAgent {
	x.t.Helper()
	path := map[string]string{"agent_identity": "/v1.0/servicePrincipals/", "agent_user": "/v1.0/users/"}[a.Native] + a.ID
	got := sandbox.TruthAgent{ID: a.ID, Native: a.Native, Status: "active", Stewards: []string{}, Credentials: []string{}, Grants: []string{}}
	r := x.get(path + "?$select=displayName,accountEnabled," + map[string]string{"agent_user": "identityParentId", "agent_identity": "disabledByMicrosoftStatus"}[a.Native])
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
	if r.body["disabledByMicrosoftStatus"] == disabledByMicrosoft {
		got.Status, got.DisabledBy = "disabled", "vendor"
	}
	x.seenRights(&got)
	if risk := x.get("/beta/identityProtection/riskyAgents/" + a.ID); risk.status == 200 && risk.body["riskState"] == "atRisk" {
		got.Risk, _ = risk.body["riskLevel"].(string)
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

// seenRights are the roles of an agent, what it inherits, and the scopes of its delegated grants.
func (x *tenant) seenRights(to *sandbox.TruthAgent) {
	x.t.Helper()
	gather := func(path string) (out []string) {
		list, _ := x.walk(path)
		for _, m := range list {
			out = append(out, m["id"].(string))
		}
		slices.Sort(out)
		return out
	}
	to.Roles = gather("/v1.0/roleManagement/directory/roleAssignments?" + query("principalId eq '"+to.ID+"'"))
	if to.Native != "agent_identity" {
		return
	}
	beta := "/beta/servicePrincipals/microsoft.graph.agentIdentity/" + to.ID
	to.Inherited = append(gather(beta+"/inheritedAppRoleAssignments"), gather(beta+"/inheritedOauth2PermissionGrants")...)
	slices.Sort(to.Inherited)
	grants, _ := x.walk("/v1.0/oauth2PermissionGrants?" + query("clientId eq '"+to.ID+"'"))
	for _, g := range grants {
		who, _ := g["principalId"].(string)
		for scope := range strings.FieldsSeq(g["scope"].(string)) {
			to.Consents = append(to.Consents, scope+"@"+g["resourceId"].(string)+" for "+cmp.Or(who, "all"))
		}
	}
	slices.Sort(to.Consents)
}

// seenPeople are the people whom the API shows behind the living agents of a truth.
func (x *tenant) seenPeople(agents []sandbox.TruthAgent) []sandbox.TruthPerson {
	x.t.Helper()
	out := []sandbox.TruthPerson{}
	for _, a := range agents {
		for _, s := range a.Stewards {
			_, id, _ := strings.Cut(s, ":")
			p := sandbox.TruthPerson{ID: id, Status: "active"}
			r := x.get("/v1.0/users/" + id + "?$select=displayName,accountEnabled")
			p.Native = "user"
			if r.status == 404 {
				r, p.Native = x.get("/v1.0/groups/"+id), "group"
			}
			if p.Name, _ = r.body["displayName"].(string); r.body["accountEnabled"] == false {
				p.Status = "disabled"
			}
			if a.Status != "deleted" && r.status == 200 && !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	slices.SortFunc(out, func(a, b sandbox.TruthPerson) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// seenBlueprint is a blueprint as the API shows it.
func (x *tenant) seenBlueprint(b sandbox.TruthBlueprint) sandbox.TruthBlueprint {
	x.t.Helper()
	got := sandbox.TruthBlueprint{ID: b.ID, Status: "active", Stewards: []string{}, Credentials: []string{}, Inheritable: []string{}}
	path, cast := "/v1.0/applications/"+b.ID, "/microsoft.graph.agentIdentityBlueprint"
	r := x.get(path)
	if b.ID == b.Principal {
		path, cast = "/v1.0/servicePrincipals/"+b.ID, "/microsoft.graph.agentIdentityBlueprintPrincipal"
		r = x.get(path)
	}
	if r.status == 404 {
		b.Status = "deleted"
		return b // what hangs on it cannot be read
	}
	got.Name = r.body["displayName"].(string)
	got.Principal, _ = x.ok(sprint("/v1.0/servicePrincipals(appId='%s')", r.body["appId"])).body["id"].(string)
	for role, rel := range map[string]string{"owner": "/owners", "sponsor": cast + "/sponsors"} {
		list, _ := x.walk(path + rel)
		for _, m := range list {
			got.Stewards = append(got.Stewards, role+":"+m["id"].(string))
		}
	}
	slices.Sort(got.Stewards)
	if b.ID == b.Principal {
		return got
	}
	for _, prop := range []string{"passwordCredentials", "keyCredentials"} {
		for _, k := range r.body[prop].([]any) {
			got.Credentials = append(got.Credentials, k.(jsonObject)["keyId"].(string))
		}
	}
	fics, _ := x.walk(path + "/federatedIdentityCredentials")
	for _, f := range fics {
		got.Credentials = append(got.Credentials, f["id"].(string))
	}
	parts, _ := x.walk(path + cast + "/inheritablePermissions")
	for _, p := range parts {
		scopes := p["inheritableScopes"].(jsonObject)
		text := map[any]string{"allAllowed": "all"}[scopes["kind"]]
		list, _ := scopes["scopes"].([]any)
		for _, v := range list {
			text = strings.TrimSpace(text + " " + v.(string))
		}
		got.Inheritable = append(got.Inheritable, p["resourceAppId"].(string)+"="+text)
	}
	slices.Sort(got.Credentials)
	slices.Sort(got.Inheritable)
	return got
}

// compareAll holds the whole truth against the API.
func (x *tenant) compareAll() {
	x.t.Helper()
	truth := x.Truth()
	for _, a := range truth.Agents {
		if diff := gocmp.Diff(a, x.seen(a)); diff != "" {
			x.t.Errorf("truth (-) and API (+) differ:\n%s", diff)
		}
	}
	for _, b := range truth.Blueprints {
		if diff := gocmp.Diff(b, x.seenBlueprint(b)); diff != "" {
			x.t.Errorf("truth (-) and API (+) of a blueprint differ:\n%s", diff)
		}
	}
	if diff := gocmp.Diff(truth.People, x.seenPeople(truth.Agents)); diff != "" {
		x.t.Errorf("people in the truth (-) and the API (+) differ:\n%s", diff)
	}
}

// TestEveryOperation draws changes of all kinds; each must change the truth or the blueprint, and the API must agree.
func TestEveryOperation(t *testing.T) {
	x := start(t)
	x.PageSize = 0
	done := map[sandbox.Op]int{}
	for range 12 {
		for _, op := range append([]sandbox.Op{sandbox.DeleteAgent}, everyOp()...) { // two deleted: one to restore, one to purge
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
			if same := gocmp.Equal(truth, x.Truth()); same != (op == sandbox.ActAgent) {
				t.Errorf("%s: truth unchanged = %t (%s)", op, same, out.Text)
			}
		}
		x.compareAll()
	}
	for _, op := range everyOp() {
		if lacks := op == sandbox.SuspendPerson || op == sandbox.ImportAgents; (done[op] == 0) != lacks {
			t.Errorf("%s was done %d times", op, done[op])
		}
	}
}

// wellSaid checks that an outcome says what a person and a test need.
func (x *tenant) wellSaid(op sandbox.Op, out sandbox.Outcome) {
	x.t.Helper()
	ofPerson := strings.HasPrefix(string(op), "person.")
	if out.Op != op || (out.Agent == "") != ofPerson || out.Name == "" || out.Text == "" || !out.At.Equal(x.clock()) {
		x.t.Errorf("%s: the outcome is %+v", op, out)
	}
	switch op {
	case sandbox.AddOwner, sandbox.RemoveOwner, sandbox.AddCredential, sandbox.RemoveCredential, sandbox.AddGrant, sandbox.RemoveGrant,
		sandbox.AddRole, sandbox.RemoveRole, sandbox.AddInheritable, sandbox.RemoveInheritable, sandbox.AddConsent, sandbox.RemoveConsent,
		sandbox.DisablePerson, sandbox.EnablePerson, sandbox.RenamePerson, sandbox.ActAgent, sandbox.RaiseRisk:
		if out.Key == "" {
			x.t.Errorf("%s: the outcome has no key", op)
		}
	}
	if op == sandbox.ActAgent || op == sandbox.RaiseRisk || op == sandbox.DismissRisk {
		return // reports of their own tell of these
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
	if diff := gocmp.Diff(a, x.agent(a.ID)); diff != "" {
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
	from, to := stamp(seedTime.Add(3*time.Minute)), stamp(seedTime.Add(6*time.Minute))
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
