package integration

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/integration/contract"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/entra"
)

// liveOnEntra makes the live suite for a sandbox: the same code, faster. agent is to be changed; empty: none is.
func liveOnEntra(t *testing.T, org *entra.Sandbox, agent string, wrap func(http.Handler) http.Handler) *entraLive {
	t.Helper()
	server := httptest.NewServer(wrap(sandbox.Serve(org)))
	t.Cleanup(server.Close)
	l := newLive(t, liveEntra, liveSettings{endpoint: server.URL, perMinute: 1_000_000, pages: 40, mutate: agent != "",
		auth: map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(org.Token())},
		own:  map[string]string{"AGENT": agent, "WRITE_TOKEN": org.AdminToken()}}).parts.(*entraLive)
	l.pause = time.Millisecond
	return l
}

// activeOne is an agent identity that may act.
func activeOne(t *testing.T, org *entra.Sandbox) sandbox.TruthAgent {
	t.Helper()
	all := org.Truth().Agents
	i := slices.IndexFunc(all, func(a sandbox.TruthAgent) bool { return a.Native == "agent_identity" && a.Status == "active" })
	if i < 0 {
		t.Fatal("no agent identity is active")
	}
	return all[i]
}

// The live suite works: it runs here, against sandboxes over HTTP, changes included, in tenants of two kinds.
func TestLiveEntraSuiteOnSandbox(t *testing.T) {
	for _, c := range []struct {
		mood  entra.Nature
		facts []string // what the report must have found out
	}{
		{entra.Nature{}, []string{": delta: an agent identity with its @odata.type", "never seen: delta: an agent identity without",
			"status codes of GET /beta/identityProtection/riskyAgents: map[200:", "audit: an entry is called Add sponsor"}},
		{entra.Nature{OmitTypes: true, Replays: true, EmptyPages: true, Risk: entra.Absent, SignIns: entra.Unlicensed},
			[]string{": delta: an agent identity without its @odata.type", "status codes of GET /beta/identityProtection/riskyAgents: map[404:"}},
	} {
		org := entra.New(sandbox.NewCompany(suiteSeed, 60), suiteSeed)
		org.Nature = c.mood
		for range 4 {
			for _, op := range slices.Concat(sandbox.Ops(), sandbox.DirectoryOps()) { // so that there is something in the log
				if _, err := org.Mutate(sandbox.Change{Op: op}); err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
					t.Fatal(err)
				}
			}
		}
		agent := activeOne(t, org)
		l := liveOnEntra(t, org, agent.ID, plain)
		l.announce(t)
		l.run(t)
		if now := activeOne(t, org); now.ID != agent.ID || now.Name != agent.Name {
			t.Errorf("the agent was %s and is %s", agent.Name, now.Name)
		}
		lines := strings.Join(l.report.lines(), "\n")
		if os.Getenv(contract.Variable) != "skip" && len(l.report.findings) > 0 && c.mood == (entra.Nature{}) {
			t.Errorf("departures from the published types:\n%s", lines)
		}
		for _, want := range append(c.facts, "status codes of GET /v1.0/servicePrincipals/delta: map[200:", "resource units a call") {
			if !strings.Contains(lines, want) {
				t.Errorf("the report does not say %q:\n%s", want, lines)
			}
		}
		for _, secret := range []string{org.Token(), org.AdminToken(), agent.ID, agent.Name} {
			if strings.Contains(lines, secret) {
				t.Errorf("the report shows %s", secret)
			}
		}
	}
}

// Whatever fails on the way, the agent is as it was in the end.
func TestLiveEntraSuiteCleansUp(t *testing.T) {
	org := entra.New(sandbox.NewCompany(suiteSeed, suiteAgents), suiteSeed)
	agent := activeOne(t, org)
	l := liveOnEntra(t, org, agent.ID, plain)
	t.Run("half-way", func(t *testing.T) {
		l.borrow(t)
		if err := l.patch(t.Context(), map[string]any{"displayName": l.name, "accountEnabled": false}); err != nil {
			t.Fatal(err)
		}
		if now := activeOne(t, org); now.ID == agent.ID {
			t.Error("it is active in the middle")
		}
	})
	if now := activeOne(t, org); now.ID != agent.ID || now.Name != agent.Name {
		t.Errorf("the agent was %s and is %s", agent.Name, now.Name)
	}
}

// A feed that may not be read is told and is no failure; without a permission the lists are read and that is said.
func TestLiveEntraSuiteBearsWithATenant(t *testing.T) {
	org := entra.New(sandbox.NewCompany(suiteSeed, suiteAgents), suiteSeed)
	l := liveOnEntra(t, org, "", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/v1.0/auditLogs/") || strings.HasSuffix(r.URL.Path, "/applications/delta") {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusForbidden)
				_, _ = w.Write([]byte(`{"error":{"code":"Authorization_RequestDenied","message":"no"}}`))
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	l.read(t)
	if l.report.statuses["GET /v1.0/auditLogs/directoryAudits"][403] == 0 || l.report.statuses["GET /v1.0/applications/microsoft.graph.agentIdentityBlueprint"][200] == 0 {
		t.Errorf("the refusal is not in the report: %v", l.report.statuses)
	}
}

func TestLiveEntraVariables(t *testing.T) {
	good := map[string]string{"ENDPOINT": "https://graph.microsoft.com/", "TENANT_ID": "t", "CLIENT_ID": "c", "CLIENT_SECRET": "s"}
	for _, c := range []struct {
		set          map[string]string
		method, want string // want is part of the error; empty: none
	}{
		{nil, "client_secret", ""},
		{map[string]string{"TOKEN": "eyJ"}, "bearer", ""},
		{map[string]string{"CLIENT_SECRET": ""}, "", "CERTIFICATE_FILE"},
		{map[string]string{"CERTIFICATE_FILE": "/nowhere"}, "", "CERTIFICATE_FILE"},
		{map[string]string{"CERTIFICATE_FILE": "live_entra_sandbox_test.go"}, "certificate", ""},
		{map[string]string{"MUTATE": "yes"}, "", "AGENT"},
		{map[string]string{"MUTATE": "yes", "AGENT": "a", "WRITE_TOKEN": "eyJ"}, "client_secret", ""},
		{map[string]string{"MUTATE": "y"}, "", "the word yes"},
	} {
		s, ok, err := liveEntra.settings(func(name string) string {
			name = strings.TrimPrefix(name, "ROLLCALL_LIVE_ENTRA_")
			if value, set := c.set[name]; set {
				return value
			}
			return good[name]
		})
		if !ok || (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error is %v, want %q", c.set, err, c.want)
		}
		if err == nil && (s.endpoint != "https://graph.microsoft.com" || s.auth["method"].Reveal() != c.method) {
			t.Errorf("%v: read as %v", c.set, s.auth["method"].Reveal())
		}
	}
}
