package okta

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// ids are all that an entry names: the actor, the client and the targets.
func (e logEvent) ids() []string {
	ids := append(each(e.Target, func(t logTarget) string { return t.ID }), e.Actor.ID)
	return append(ids, present(e.Client.ID)...)
}

// acted lets somebody act and finds the entry in the log by the outcome's key.
func (o *org) acted(c sandbox.Change) (sandbox.Outcome, logEvent) {
	o.t.Helper()
	c.Op = sandbox.ActAgent
	out := o.must(c)
	e := find(o.st.Log, func(e *logEntry) bool { return e.Event.UUID == out.Key })
	if e == nil || out.Name == "" || out.Text == "" {
		o.t.Fatalf("no entry of the outcome %+v", out)
	}
	return out, e.Event
}

func TestEveryKindOfDeed(t *testing.T) {
	o := start(t, Options{})
	a := find(o.st.Agents, func(a *agent) bool { return a.Status == "ACTIVE" && a.AppID == "" })
	o.connect4(a)
	seen, as := map[string]int{}, map[string]int{}
	for range 300 {
		out, e := o.acted(sandbox.Change{Agent: a.ID})
		seen[e.EventType]++
		seen[e.Outcome.Result]++
		as[e.Actor.Type]++
		if out.Agent != a.ID || !slices.Contains(e.ids(), a.ID) {
			t.Fatalf("%s names %v, and not the agent %s", e.EventType, e.ids(), a.ID)
		}
		if strings.Contains(e.EventType, "token.grant") {
			token := slices.ContainsFunc(e.Target, func(t logTarget) bool { return strings.HasPrefix(t.ID, "AT.") })
			if *e.Client.ID != a.ID || token != (e.Outcome.Result == "SUCCESS") {
				t.Fatalf("token grant %+v", e)
			}
		}
		if strings.HasPrefix(e.EventType, "user.lifecycle.") {
			want := map[string]string{"user.lifecycle.suspend": "SUSPENDED", "user.lifecycle.unsuspend": "ACTIVE"}[e.EventType]
			if u := o.st.user(e.Target[0].ID); e.Actor.ID != a.ID || u.Status != want {
				t.Fatalf("%s by %s, and %s is %s", e.EventType, e.Actor.ID, u.name(), u.Status)
			}
		}
	}
	for _, want := range []string{
		"app.oauth2.token.grant.id_jag", "app.oauth2.token.grant.oauth_sts", "app.oauth2.token.grant.vaulted_secret",
		"app.oauth2.token.grant.service_account", "app.oauth2.as.token.grant.access_token", "user.authentication.sso",
		"user.lifecycle.suspend", "user.lifecycle.unsuspend", "SUCCESS", "FAILURE",
	} {
		if seen[want] == 0 {
			t.Errorf("never %s: %v", want, seen)
		}
	}
	if as["User"] == 0 || as["WorkloadPrincipal"] == 0 {
		t.Errorf("actors %v, want both persons and the agent", as)
	}
}

// connect4 gives an agent one connection of each kind.
func (o *org) connect4(a *agent) {
	a.Connections = nil
	for _, kind := range []string{toApp, toServer, toSecret, toAccount} {
		n := &connection{ID: "mcn" + kind, Type: kind, Status: "ACTIVE", Target: o.st.Apps[0].ID, Account: "account"}
		if kind == toServer {
			n.Target = o.st.Servers[0].ID
		}
		a.Connections = append(a.Connections, n)
	}
}

func TestDeedsOfAppsAndTokens(t *testing.T) {
	o := start(t, Options{})
	admin := find(o.st.Apps, func(a *app) bool { return a.isAgent() && a.Status == "ACTIVE" && len(a.Roles) > 0 })
	plain := find(o.st.Apps, func(a *app) bool { return a.isAgent() && a.Status == "ACTIVE" && len(a.Roles) == 0 })
	seen := map[string]int{}
	for range 40 {
		for _, a := range []*app{admin, plain} {
			_, e := o.acted(sandbox.Change{Agent: a.ID})
			if e.Actor.ID != a.ID || e.Actor.Type != "PublicClientApp" || *e.Client.ID != a.ID {
				t.Fatalf("actor and client of %+v", e)
			}
			seen[a.ID+e.EventType[:4]]++
		}
		out, e := o.acted(sandbox.Change{Native: "api_token"})
		if holder := o.st.user(e.Actor.ID); e.Transaction.Detail["requestApiTokenId"] != out.Agent || holder == nil || !strings.HasPrefix(e.EventType, "user.") {
			t.Fatalf("deed of a token: %+v", e)
		}
	}
	if seen[admin.ID+"user"] == 0 || seen[admin.ID+"app."] == 0 || seen[plain.ID+"user"] != 0 {
		t.Errorf("deeds %v; want administration by the administrator %s alone", seen, admin.ID)
	}
}

// TestWhoActs draws without naming anybody: whoever acts is active and an AI agent or a service app.
func TestWhoActs(t *testing.T) {
	o := start(t, Options{})
	seen := map[string]int{}
	for range 60 {
		out, _ := o.acted(sandbox.Change{})
		a, _ := o.truth(out.Agent)
		if seen[a.Native]++; a.Status != "active" {
			t.Fatalf("%+v acted", a)
		}
	}
	if seen["ai_agent"] == 0 || seen["service_app"] == 0 || seen["api_token"] != 0 {
		t.Errorf("who acted: %v", seen)
	}
}

// TestImports runs imports: what changes is imported, and the log has the two entries of each run and none about an agent.
func TestImports(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	var came, went, renamed int
	for range 40 {
		o.clock.advance(time.Minute)
		before, at := byID(o.Truth().Agents), len(o.st.Log)
		out := o.must(sandbox.Change{Op: sandbox.ImportAgents})
		after := byID(o.Truth().Agents)
		types := each(o.st.Log[at:], func(e *logEntry) string { return e.Event.EventType })
		if diff := cmp.Diff([]string{"app.ai_agent_provider.import.start", "app.ai_agent_provider.import.complete"}, types); diff != "" {
			t.Fatalf("log of an import (-want +got):\n%s", diff)
		}
		if e := o.st.Log[at].Event; e.Target[0].ID != o.st.Provider || e.Transaction.Type != "JOB" || e.Client.IPAddress != nil {
			t.Fatalf("an entry of the import: %+v", e)
		}
		if a := o.agentAt(out.Agent); a.Platform == "" || a.ExternalID == "" || a.Profile.Name != out.Name {
			t.Fatalf("imported %+v, outcome %+v", a, out)
		}
		for id, a := range after {
			if b, known := before[id]; !known {
				came++
			} else if b.Name != a.Name {
				renamed++
			}
		}
		for id := range before {
			if _, there := after[id]; !there {
				if went++; id != out.Key {
					t.Fatalf("%s is gone, the outcome says %+v", id, out)
				}
			}
		}
	}
	o.compare("after imports")
	if came < 5 || went < 5 || renamed < 5 {
		t.Errorf("%d came, %d went, %d were renamed", came, went, renamed)
	}
}

func byID(all []sandbox.TruthAgent) map[string]sandbox.TruthAgent {
	m := map[string]sandbox.TruthAgent{}
	for _, a := range all {
		m[a.ID] = a
	}
	return m
}
