package entra

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

const betaSignIns = "/beta/auditLogs/signIns?$filter=signInEventTypes/any(t: t eq 'servicePrincipal' or t eq 'nonInteractiveUser')"

func TestSignIns(t *testing.T) {
	x := start(t)
	a, u := x.some("agent_identity"), x.some("agent_user")
	person := x.onePerson("user")
	alone := x.do(sandbox.Change{Op: sandbox.ActAgent, Agent: a.ID, Name: "alone"})
	x.pass(time.Minute)
	behalf := x.do(sandbox.Change{Op: sandbox.ActAgent, Agent: a.ID, Person: person.ID})
	x.pass(time.Minute)
	itself := x.do(sandbox.Change{Op: sandbox.ActAgent, Agent: u.ID})
	if !strings.Contains(behalf.Text, "on behalf of "+person.Name) {
		t.Errorf("the outcome says %q", behalf.Text)
	}
	parent := x.ok("/v1.0/servicePrincipals/" + a.ID).body["agentIdentityBlueprintId"]
	all, _ := x.walk(betaSignIns)
	if len(all) != 3 || all[0]["id"] != itself.Key || all[2]["id"] != alone.Key {
		t.Fatalf("the sign-ins are %s", compact(all))
	}
	for i, want := range map[int]jsonObject{
		0: {"userId": u.ID, "servicePrincipalId": u.LinkedTo, "subject": "agentIDuser", "above": u.LinkedTo},
		1: {"userId": person.ID, "servicePrincipalId": a.ID, "subject": "notAgentic", "above": nil},
		2: {"userId": "", "servicePrincipalId": a.ID, "subject": "notAgentic", "above": nil},
	} {
		got, agent := all[i], all[i]["agent"].(jsonObject)
		if got["userId"] != want["userId"] || got["servicePrincipalId"] != want["servicePrincipalId"] ||
			agent["agentSubjectType"] != want["subject"] || agent["agentSubjectParentId"] != want["above"] {
			t.Errorf("sign-in %d is %s, want %s", i, compact(got), compact(want))
		}
	}
	if agent := all[2]["agent"].(jsonObject); agent["parentAppId"] != parent {
		t.Errorf("the blueprint is %v, want %v", agent["parentAppId"], parent)
	}
	byAgent, _ := x.walk(betaSignIns + " and agent/agentType eq 'AgentIdentity' and createdDateTime ge " + stamp(seedTime.Add(time.Minute)))
	if len(byAgent) != 2 {
		t.Errorf("%d sign-ins in the window, want 2", len(byAgent))
	}
	x.ok("/beta/auditLogs/signIns/" + alone.Key)
	old := strings.Replace(betaSignIns, "/beta", "/v1.0", 1)
	for _, address := range []string{"/v1.0/auditLogs/signIns", "/beta/auditLogs/signIns", old + " or userId ne ''"} {
		plain, _ := x.walk(address)
		if len(plain) != 1 || plain[0]["userId"] != person.ID || (plain[0]["agent"] != nil) != strings.HasPrefix(address, "/beta") {
			t.Errorf("%s without a filter shows %s, want the person's own", address, compact(plain))
		}
	}
}

// TestLateSignIns waits for the log's lag, and for its retention.
func TestLateSignIns(t *testing.T) {
	x := start(t)
	a := x.some("agent_identity")
	x.Nature.LogLag = time.Minute
	late := x.do(sandbox.Change{Op: sandbox.ActAgent, Agent: a.ID, Name: "alone"})
	if all, _ := x.walk(betaSignIns); len(all) != 0 || !late.At.Equal(x.clock().Add(time.Minute)) {
		t.Errorf("%d sign-ins within the lag, the outcome says %s", len(all), late.At)
	}
	x.pass(time.Minute)
	if all, _ := x.walk(betaSignIns); len(all) != 1 || find(all, late.Key) == nil {
		t.Errorf("%d sign-ins after the lag", len(all))
	}
	x.Nature.LogLag = 0
	x.pass(31 * 24 * time.Hour)
	x.do(sandbox.Change{Op: sandbox.ActAgent, Agent: a.ID, Name: "alone"})
	if all, _ := x.walk(betaSignIns); len(all) != 1 || find(all, late.Key) != nil {
		t.Errorf("%d sign-ins after the retention, want the newest", len(all))
	}
}

func TestRisk(t *testing.T) {
	x := start(t)
	a := x.some("agent_identity").ID
	x.do(sandbox.Change{Op: sandbox.RaiseRisk, Agent: a, Name: "high"})
	low := x.do(sandbox.Change{Op: sandbox.RaiseRisk, Agent: a, Name: "low"})
	other := x.do(sandbox.Change{Op: sandbox.RaiseRisk, Native: "agent_user"})
	r := x.ok("/beta/identityProtection/riskyAgents/" + a).body
	if r["riskLevel"] != "high" || r["riskState"] != "atRisk" || r["identityType"] != "agentIdentity" || r["isEnabled"] != true ||
		r["@odata.type"] != "#microsoft.graph.riskyAgentIdentity" {
		t.Errorf("the risky agent is %s", compact(r))
	}
	found := x.ok("/beta/identityProtection/agentRiskDetections?" + query("agentId eq '"+a+"'")).items()
	if len(found) != 2 || find(found, low.Key)["riskLevel"] != "low" {
		t.Errorf("the detections are %s", compact(found))
	}
	x.do(sandbox.Change{Op: sandbox.DismissRisk, Agent: a})
	if r = x.ok("/beta/identityProtection/riskyAgents/" + a).body; r["riskState"] != "dismissed" || x.agent(a).Risk != "" {
		t.Errorf("after the dismissal: %s, truth %q", compact(r), x.agent(a).Risk)
	}
	if d := x.ok("/beta/identityProtection/agentRiskDetections/" + low.Key).body; d["riskState"] != "dismissed" {
		t.Errorf("after the dismissal the detection is %s", compact(d))
	}
	if d := x.ok("/beta/identityProtection/agentRiskDetections/" + other.Key).body; d["riskState"] != "atRisk" || d["identityType"] != "agentUser" {
		t.Errorf("another agent's detection is %s", compact(d))
	}
	x.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: a})
	if r = x.ok("/beta/identityProtection/riskyAgents/" + a).body; r["isDeleted"] != true {
		t.Errorf("of a deleted agent: %s", compact(r))
	}
	x.refused(400, "BadRequest", "/v1.0/identityProtection/riskyAgents")
	x.refused(400, "BadRequest", "/beta/identityProtection/nonsense")
}

// TestAccess takes the licence or the API away.
func TestAccess(t *testing.T) {
	x := start(t)
	x.Nature.SignIns, x.Nature.Risk = Unlicensed, Unlicensed
	x.refused(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "/beta/auditLogs/signIns")
	x.refused(403, "Forbidden", "/beta/identityProtection/riskyAgents")
	x.refused(403, "Forbidden", "/beta/identityProtection/agentRiskDetections")
	x.Nature.SignIns, x.Nature.Risk = Absent, Absent
	x.refused(404, "ResourceNotFound", "/v1.0/auditLogs/signIns")
	x.refused(404, "ResourceNotFound", "/beta/identityProtection/riskyAgents")
	x.ok("/v1.0/auditLogs/directoryAudits")
}

// TestAuditsOvertake makes entries late by different delays: a reader that takes the newest time for its place loses some.
func TestAuditsOvertake(t *testing.T) {
	x := start(t)
	x.Nature.LogLag, x.Nature.LogJitter = time.Minute, 5*time.Minute
	since := "/v1.0/auditLogs/directoryAudits?$orderby=activityDateTime&$top=999&" + query("activityDateTime ge "+stamp(seedTime))
	x.PageSize = 0
	seen, overtaken, newest := map[string]bool{}, 0, ""
	for i := range 60 {
		x.pass(20 * time.Second)
		if i < 40 {
			x.do(changeOf(sandbox.RenameAgent))
		}
		for _, e := range x.ok(since).items() {
			id, at := e["id"].(string), e["activityDateTime"].(string)
			if !seen[id] && at < newest {
				overtaken++
			}
			seen[id], newest = true, max(newest, at)
		}
	}
	if len(seen) != 40 || overtaken == 0 {
		t.Errorf("%d entries, %d of them overtaken; want 40, some overtaken", len(seen), overtaken)
	}
}

// TestAuditsOfBeta tells which parties are agents; newer types only when a client asks.
func TestAuditsOfBeta(t *testing.T) {
	x := start(t)
	for native, want := range map[string]string{"agent_identity": "agenticAppInstance", "agent_user": "unknownFutureValue"} {
		x.pass(time.Minute)
		id := x.do(sandbox.Change{Op: sandbox.RenameAgent, Native: native}).Agent
		target := func(version string, header ...string) jsonObject {
			return x.ok(version+"/auditLogs/directoryAudits?$top=1", header...).items()[0]["targetResources"].([]any)[0].(jsonObject)
		}
		if got := target("/beta"); got["id"] != id || got["agentType"] != want || got["blueprintId"] == nil && x.blueprintID(x.ix.byID[id]) != nil {
			t.Errorf("beta shows %s, want %s", compact(got), want)
		}
		if got := target("/beta", "Prefer", "include-unknown-enum-members"); native == "agent_user" && got["agentType"] != "agentIDuser" {
			t.Errorf("with Prefer beta shows %s", compact(got))
		}
		if got := target("/v1.0"); got["agentType"] != nil {
			t.Errorf("v1.0 shows %s", compact(got))
		}
	}
}

// TestOrphanUsers lets a cascade leave the users behind.
func TestOrphanUsers(t *testing.T) {
	x := start(t)
	x.Nature.OrphanUsers = true
	u := x.some("agent_user")
	parent := x.ok("/v1.0/servicePrincipals/" + u.LinkedTo).body["agentIdentityBlueprintId"]
	app := x.ok(sprint("/v1.0/applications(appId='%s')", parent)).body["id"].(string)
	x.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: app})
	x.pass(time.Hour)
	if x.agent(u.LinkedTo).Status != "deleted" || x.agent(u.ID).Status != "active" {
		t.Errorf("the identity is %s, its user %s", x.agent(u.LinkedTo).Status, x.agent(u.ID).Status)
	}
}
