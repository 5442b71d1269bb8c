package integration

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/okta"
)

// liveOn makes the live suite for a sandbox: the same code, faster, and with owners set by the sandbox's administrator.
func liveOn(t *testing.T, org *okta.Sandbox, wrap func(http.Handler) http.Handler) *oktaLive {
	t.Helper()
	server := httptest.NewServer(wrap(sandbox.Serve(org)))
	t.Cleanup(server.Close)
	auth := oktaSettings(t, org, server.URL, nil).Auth
	l := newLive(t, liveOkta, liveSettings{endpoint: server.URL, auth: auth, mutate: true, perMinute: 1_000_000, pages: 3,
		own: map[string]string{"OWNER": "somebody of the sandbox's"}}).parts.(*oktaLive)
	l.pause = 20 * time.Millisecond
	l.own = func(_ context.Context, orn string) error {
		out, err := org.Mutate(sandbox.Change{Op: sandbox.AddOwner, Agent: orn[strings.LastIndex(orn, ":")+1:]})
		l.live.own["OWNER"] = out.Key
		return err
	}
	return l
}

func plain(h http.Handler) http.Handler { return h }

// The live suite works: it runs here, against a sandbox over HTTP, changes included, in orgs of two kinds.
func TestLiveSuiteOnSandbox(t *testing.T) {
	for _, c := range []struct {
		mood  okta.Options
		facts []string // what the report must have found out
	}{
		{okta.Options{DPoP: true, OpDelay: 30 * time.Millisecond},
			[]string{": platform at the top level", ": agents: next in the Link header", "never seen: platform in profile", "log: type workload_principal.register"}},
		{okta.Options{AgentPaging: okta.InBody, NoOwnerSweep: true, PlatformInProfile: true, BetaEventTypes: true},
			[]string{": platform in profile", "never seen: agents: next in the Link header", "never seen: platform at the top level",
				"log: type workload_principal.ai_agent.register", "status codes of GET /governance/api/v1/resource-owners: map[200:"}},
	} {
		org := okta.NewWith(sandbox.NewCompany(suiteSeed, 60), suiteSeed, c.mood)
		for _, op := range sandbox.Ops() { // so that there is something in the log
			if _, err := org.Mutate(sandbox.Change{Op: op, Native: "ai_agent"}); err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
				t.Fatal(err)
			}
		}
		before := len(org.Truth().Agents)
		l := liveOn(t, org, plain)
		l.announce(t)
		l.run(t)
		if after := len(org.Truth().Agents); after != before {
			t.Errorf("there were %d agents, and there are %d", before, after)
		}
		if len(l.report.findings) > 0 {
			t.Errorf("the sandbox departs from the contract: %v", l.report.findings)
		}
		lines := strings.Join(l.report.lines(), "\n")
		for _, want := range append(c.facts, "status codes of GET "+agentsAPI+": map[200:", "rate limit of /api/v1/logs: ", "has the type WorkloadPrincipal") {
			if !strings.Contains(lines, want) {
				t.Errorf("the report does not say %q:\n%s", want, lines)
			}
		}
		for _, secret := range []string{org.Token(), l.caller.access} {
			if strings.Contains(lines, secret) {
				t.Error("the report shows a token")
			}
		}
	}
}

// What a run leaves behind is removed, though the run fails half-way; what is young, or not the suite's, stays.
func TestLiveSuiteCleansUp(t *testing.T) {
	var ago atomic.Int64
	ago.Store(int64(2 * time.Hour))
	org := okta.NewWith(sandbox.NewCompany(suiteSeed, suiteAgents), suiteSeed, okta.Options{
		Now: func() time.Time { return time.Now().Add(-time.Duration(ago.Load())) }})
	create := func(name string) {
		if _, err := org.Mutate(sandbox.Change{Op: sandbox.CreateAgent, Native: "ai_agent", Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"old-1", "old-2", "old-3", "old-4"} {
		create(liveNames + name)
	}
	create("my " + liveNames + "agent")
	statuses := map[string]bool{}
	for _, a := range org.Truth().Agents {
		if strings.HasPrefix(a.Name, liveNames) {
			statuses[a.Status] = true
		}
	}
	if !statuses["active"] || !statuses["pending"] {
		t.Fatalf("what is left behind is %v: to be removed are agents that are active and that never were", statuses)
	}
	ago.Store(0)
	create(liveNames + "young")
	l := liveOn(t, org, plain)
	t.Run("half-way", func(t *testing.T) {
		t.Cleanup(func() { l.remove(t, l.name, 0) })
		l.remove(t, liveNames, time.Hour)
		id := l.register(t)
		if err := l.own(t.Context(), l.orn(t, id)); err != nil {
			t.Fatal(err)
		}
		l.must(t, http.MethodPost, agentsAPI+"/"+id+"/lifecycle/activate", nil)
	})
	var left []string
	for _, a := range org.Truth().Agents {
		if strings.Contains(a.Name, liveNames) {
			left = append(left, a.Name)
		}
	}
	if want := []string{"my " + liveNames + "agent", liveNames + "young"}; !slices.Equal(sorted(left), want) {
		t.Errorf("left are %v, want %v", left, want)
	}
}

// A feed that may not be read, and one that takes too many calls, are told and are no failure.
func TestLiveSuiteBearsWithAnOrg(t *testing.T) {
	org := okta.New(sandbox.NewCompany(suiteSeed, suiteAgents), suiteSeed)
	l := liveOn(t, org, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/governance/") {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusForbidden)
				_, _ = w.Write([]byte(`{"errorCode":"E0000006","errorId":"oae1"}`))
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	l.read(t)
	r := l.reader(t, 0)
	l.caps.left.Store(2)
	_, err := r.pull(t.Context(), "connections")
	for range 5 { // what comes before it asks about the agents
		if err == nil {
			_, err = r.pull(t.Context(), "connections")
		}
	}
	if err == nil || !l.caps.spent() {
		t.Errorf("a feed went on after its calls were used up: %v", err)
	}
	l.unreadable(t, "connections", 0, err)
	if l.report.statuses["GET /governance/api/v1/resource-owners"][403] == 0 {
		t.Errorf("the refusal is not in the report: %v", l.report.statuses)
	}
}

func TestLiveVariables(t *testing.T) {
	good := map[string]string{"ENDPOINT": "https://acme.okta.com/", "TOKEN": "00abc"}
	for _, c := range []struct {
		set  map[string]string
		want string // part of the error; empty: none
	}{
		{nil, ""},
		{map[string]string{"MUTATE": "yes", "OWNER": "00u1", "CALLS_PER_MINUTE": "30", "PAGES": "1"}, ""},
		{map[string]string{"MUTATE": "yes"}, "OWNER"},
		{map[string]string{"MUTATE": "true", "OWNER": "00u1"}, "the word yes"},
		{map[string]string{"CALLS_PER_MINUTE": "many"}, "CALLS_PER_MINUTE"},
		{map[string]string{"TOKEN": ""}, "CLIENT_ID"},
		{map[string]string{"TOKEN": "", "CLIENT_ID": "0oa1", "KEY_ID": "k", "PRIVATE_KEY_FILE": "/nowhere"}, "PRIVATE_KEY_FILE"},
		{map[string]string{"TOKEN": "", "CLIENT_ID": "0oa1", "KEY_ID": "k", "PRIVATE_KEY": "pem", "SCOPES": "a, b"}, ""},
	} {
		s, ok, err := liveOkta.settings(func(name string) string {
			name = strings.TrimPrefix(name, liveOkta.prefix())
			if value, set := c.set[name]; set {
				return value
			}
			return good[name]
		})
		if !ok || (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error is %v, want %q", c.set, err, c.want)
		}
		if err == nil && (s.endpoint != "https://acme.okta.com" || s.mutate != (c.set["MUTATE"] == "yes") || s.auth["method"] == "") {
			t.Errorf("%v: read as %+v", c.set, s)
		}
	}
	if _, ok, err := liveOkta.settings(func(string) string { return "" }); ok || err != nil {
		t.Errorf("without an endpoint: %v %v", ok, err)
	}
}
