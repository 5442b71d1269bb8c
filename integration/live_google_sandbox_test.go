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
	"github.com/rollcallhq/rollcall/integration/sandbox/google"
)

// liveOnGoogle makes the live suite for a sandbox: the same code, faster.
func liveOnGoogle(t *testing.T, org *google.Sandbox, mutate bool, wrap func(http.Handler) http.Handler) *googleLive {
	t.Helper()
	server := httptest.NewServer(wrap(sandbox.Serve(org)))
	t.Cleanup(server.Close)
	l := newLive(t, liveGoogle, liveSettings{endpoint: server.URL, perMinute: 1_000_000, pages: 40, mutate: mutate,
		auth: map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(org.Token())},
		own: map[string]string{"ORGANIZATION": org.Organization(), "WRITE_PROJECT": org.Projects()[0], "WRITE_TOKEN": org.Token(),
			"WORKSPACE_ADMIN": "cloud-admin@tessellate.example"}}).parts.(*googleLive)
	l.pause = time.Millisecond
	return l
}

// busyGoogle is an organization in which something has happened.
func busyGoogle(t *testing.T, mood google.Options) *google.Sandbox {
	t.Helper()
	org := google.New(sandbox.NewCompany(suiteSeed, 60), suiteSeed)
	org.Options = mood
	for range 2 {
		for _, change := range googleChanges() {
			if _, err := org.Mutate(change); err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
				t.Fatal(err)
			}
		}
	}
	return org
}

// names are what a sandbox's report must not have.
func googleNames(org *google.Sandbox) []string {
	out := append([]string{org.Token()}, org.Projects()...)
	for _, a := range org.Truth().Agents {
		out = append(out, a.ID, a.Name)
	}
	return out
}

// The live suite works: it runs here, against sandboxes over HTTP, changes included, in organizations of two kinds.
func TestLiveGoogleSuiteOnSandbox(t *testing.T) {
	for _, c := range []struct {
		mood  google.Options
		facts []string // what the report must have found out
	}{
		{google.Options{}, []string{": registry: a runtime identity, principal, agents.global.org-N", ": log: callerAgent",
			"engine: effectiveIdentity without a scheme, agents.global.org-N", "reports: in token an agent of type GEMINI_ENTERPRISE, whose id is a number", "log: an entry was received within 2s"}},
		{google.Options{NoRuntimeIdentityEvery: 2, RedeliverEvery: 3, EmptyPages: true, Settle: 20 * time.Millisecond, LogDelay: 20 * time.Millisecond},
			[]string{": registry: an agent without its runtime identity"}},
	} {
		org := busyGoogle(t, c.mood)
		before := org.Truth()
		l := liveOnGoogle(t, org, true, plain)
		l.announce(t)
		l.run(t)
		if after := org.Truth(); len(after.Agents) != len(before.Agents) {
			t.Errorf("there were %d agents, and there are %d", len(before.Agents), len(after.Agents))
		}
		lines := strings.Join(l.report.lines(), "\n")
		if os.Getenv(contract.Variable) != "skip" && len(l.report.findings) > 0 {
			t.Errorf("departures from the discovery documents:\n%s", lines)
		}
		for _, want := range append(c.facts, "log: cloudresourcemanager.googleapis.com SetIamPolicy",
			"status codes of POST /logging/v2/entries:list: map[200:", "status codes of GET /iam/v1/projects/{projectsId}/serviceAccounts: map[200:") {
			if !strings.Contains(lines, want) {
				t.Errorf("the report does not say %q:\n%s", want, lines)
			}
		}
		for _, secret := range googleNames(org) {
			if strings.Contains(lines, secret) {
				t.Errorf("the report shows %s:\n%s", secret, lines)
			}
		}
	}
}

// What a run leaves behind is deleted, though the run fails half-way; what is young, or not the suite's, stays.
func TestLiveGoogleSuiteCleansUp(t *testing.T) {
	org := google.New(sandbox.NewCompany(suiteSeed, suiteAgents), suiteSeed)
	l := liveOnGoogle(t, org, true, plain)
	post := func(id, description string) {
		l.must(t, http.MethodPost, l.accounts(), map[string]any{"accountId": id, "serviceAccount": map[string]any{"displayName": id, "description": description}})
	}
	old, young := madeAt+time.Now().Add(-2*time.Hour).UTC().Format(time.RFC3339), madeAt+time.Now().UTC().Format(time.RFC3339)
	post(liveNames+"old-1", old)
	post(liveNames+"old-2", old)
	post(liveNames+"young", young)
	post(liveNames+"theirs", "somebody's own")
	post("my-"+liveNames+"agent", old)
	t.Run("half-way", func(t *testing.T) {
		t.Cleanup(func() { l.remove(t, l.name, 0) })
		l.remove(t, liveNames, time.Hour)
		l.must(t, http.MethodPost, l.accounts()+"/"+l.create(t)+":disable", map[string]any{})
	})
	var left []string
	for _, a := range org.Truth().Agents {
		if strings.Contains(a.Name, liveNames) {
			left = append(left, a.Name)
		}
	}
	if want := []string{"my-" + liveNames + "agent", liveNames + "theirs", liveNames + "young"}; !slices.Equal(sorted(left), want) {
		t.Errorf("left are %v, want %v", left, want)
	}
}

// A feed that may not be read, and an API that is off, are told and are no failure; so are keys that an organization forbids.
func TestLiveGoogleSuiteBearsWithAnOrganization(t *testing.T) {
	org := busyGoogle(t, google.Options{})
	l := liveOnGoogle(t, org, true, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			status, why := 0, ""
			switch {
			case strings.HasPrefix(r.URL.Path, "/agentidentity/"), strings.HasPrefix(r.URL.Path, "/cloudasset/"):
				status, why = http.StatusForbidden, "PERMISSION_DENIED"
			case strings.HasSuffix(r.URL.Path, "keys:upload"):
				status, why = http.StatusBadRequest, "FAILED_PRECONDITION"
			default:
				h.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"error":{"code":` + map[int]string{403: "403", 400: "400"}[status] + `,"message":"no","status":"` + why + `"}}`))
		})
	})
	l.run(t)
	if l.report.statuses["GET /agentidentity/v1/projects/{projectsId}/locations"][403] == 0 {
		t.Errorf("the refusal is not in the report: %v", l.report.statuses)
	}
}

func TestLiveGoogleVariables(t *testing.T) {
	good := map[string]string{"PROJECTS": "acme, beta"}
	for _, c := range []struct {
		set          map[string]string
		method, want string // want is part of the error; empty: none
	}{
		{nil, "adc", ""},
		{map[string]string{"PROJECTS": "", "ORGANIZATION": "organizations/123"}, "adc", ""},
		{map[string]string{"ORGANIZATION": "acme.example"}, "", "the organization's number"},
		{map[string]string{"TOKEN": "ya29"}, "bearer", ""},
		{map[string]string{"TARGET": "a@acme.iam.gserviceaccount.com"}, "impersonation", ""},
		{map[string]string{"KEY_FILE": "/nowhere"}, "", "KEY_FILE"},
		{map[string]string{"KEY_FILE": "live_google_sandbox_test.go"}, "service_account_key", ""},
		{map[string]string{"KEY_FILE": "live_google_sandbox_test.go", "TARGET": "a@acme.iam.gserviceaccount.com"}, "impersonation", ""},
		{map[string]string{"MUTATE": "yes"}, "", "WRITE_PROJECT"},
		{map[string]string{"MUTATE": "yes", "WRITE_PROJECT": "acme"}, "", "WRITE_TOKEN"},
		{map[string]string{"MUTATE": "yes", "WRITE_PROJECT": "gamma", "WRITE_TOKEN": "ya29"}, "", "none of"},
		{map[string]string{"MUTATE": "yes", "WRITE_PROJECT": "beta", "WRITE_TOKEN": "ya29"}, "adc", ""},
		{map[string]string{"MUTATE": "y"}, "", "the word yes"},
	} {
		s, ok, err := liveGoogle.settings(func(name string) string {
			name = strings.TrimPrefix(name, "ROLLCALL_LIVE_GOOGLE_")
			if value, set := c.set[name]; set {
				return value
			}
			return good[name]
		})
		if !ok || (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error is %v, want %q", c.set, err, c.want)
		}
		if err == nil && s.auth["method"].Reveal() != c.method {
			t.Errorf("%v: read as %v", c.set, s.auth["method"].Reveal())
		}
	}
	if _, ok, err := liveGoogle.settings(func(name string) string { return map[string]string{"ROLLCALL_LIVE_GOOGLE_TOKEN": "ya29"}[name] }); ok || err != nil {
		t.Errorf("without anything to read: %v %v", ok, err)
	}
}
