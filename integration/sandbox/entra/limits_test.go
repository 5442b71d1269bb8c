package entra

import (
	"testing"
	"time"
)

// TestLimits uses the budgets up: the directory's with Retry-After and a warning before, that of identity protection without.
func TestLimits(t *testing.T) {
	x := start(t)
	x.Nature.EnforceLimits, x.Nature.ResourceUnits = true, 10
	users := "/v1.0/users" // two units
	for i, want := range []string{"", "", "", "0.8", "1.0"} {
		if got := x.ok(users).header.Get("x-ms-throttle-limit-percentage"); got != want {
			t.Errorf("call %d states %q, want %q", i, got, want)
		}
	}
	x.pass(4 * time.Second)
	r := x.refused(429, "TooManyRequests", users)
	if r.header.Get("Retry-After") != "6" || r.header.Get("x-ms-throttle-scope") == "" {
		t.Errorf("the refusal says %v", r.header)
	}
	x.ok("/v1.0/auditLogs/directoryAudits") // a budget of its own
	x.pass(6 * time.Second)
	x.ok(users)

	x.ok("/beta/identityProtection/riskyAgents")
	if r := x.refused(429, "TooManyRequests", "/beta/identityProtection/riskyAgents"); r.header.Get("Retry-After") != "" {
		t.Error("identity protection says when to come back")
	}
	x.pass(time.Second)
	x.ok("/beta/identityProtection/riskyAgents")

	x.pass(10 * time.Second)
	for range 5 {
		x.ok("/v1.0/auditLogs/directoryAudits")
	}
	x.refused(429, "TooManyRequests", "/v1.0/auditLogs/directoryAudits")
}

// TestPublishedBudget is what a tenant of this size has.
func TestPublishedBudget(t *testing.T) {
	x := start(t)
	x.Nature.EnforceLimits = true
	for n, want := range map[int]int{3: 3500, 50: 5000, 501: 8000} {
		x.ix.upns = map[string]*object{}
		for i := range n {
			x.ix.upns[sprint("u%d", i)] = nil
		}
		if b, _ := x.budgetOf(newRequest(t, "/v1.0/users")); b.limit != want {
			t.Errorf("%d users have a budget of %d, want %d", n, b.limit, want)
		}
	}
}

// TestLimitsInBatch refuses single parts, each with its own delay; the whole is 200.
func TestLimitsInBatch(t *testing.T) {
	x := start(t)
	x.Nature.EnforceLimits, x.Nature.ResourceUnits = true, 20
	a := x.some("agent_identity").ID
	var steps []step
	for i, rel := range []string{"/owners", "/microsoft.graph.agentIdentity/sponsors", "/oauth2PermissionGrants", "/appRoleAssignments", "/memberOf"} {
		for j := range 4 {
			steps = append(steps, step{ID: sprint("%d", 4*i+j), Method: "GET", URL: "/servicePrincipals/" + a + rel})
		}
	}
	got := x.batch(batchOf(steps...))
	count := map[int]int{}
	for _, p := range got {
		count[p.Status]++
		if p.Status == 429 && p.Headers["Retry-After"] != "10" {
			t.Errorf("a refused part has the headers %v", p.Headers)
		}
	}
	if count[200] != 14 || count[429] != 6 { // of 20 units: 8 parts cost one, 8 cost two, and what is refused is booked too; the whole costs nothing
		t.Errorf("the parts are %v", count)
	}
	x.pass(10 * time.Second)
	for _, st := range steps {
		if got[st.ID].Status == 429 && x.batch(batchOf(st))[st.ID].Status != 200 {
			t.Error("a part is still refused later")
		}
	}
}
