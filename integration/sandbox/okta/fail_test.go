package okta

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// playing serves an org with one fault.
func playing(t *testing.T, f sandbox.Fault, opt Options) *org {
	t.Helper()
	o := start(t, opt)
	s := sandbox.Serve(o.Sandbox)
	if err := s.Inject(f); err != nil {
		t.Fatal(err)
	}
	o.serve(s)
	return o
}

func TestFaultForms(t *testing.T) {
	for kind, want := range map[sandbox.FaultKind]struct {
		status int
		code   string
	}{
		sandbox.RateLimit: {429, "E0000047"}, sandbox.ServerError: {500, "E0000009"}, sandbox.Unauthorized: {401, "E0000011"},
		sandbox.Forbidden: {403, "E0000006"}, sandbox.Expired: {400, "E0000054"},
	} {
		o := playing(t, sandbox.Fault{Kind: kind, After: 20 * time.Second}, Options{PageSize: 3})
		r := o.get(agents + "?after=" + cursor{list: "agents"}.String())
		if r.status != want.status || r.code() != want.code || r.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %q %s", kind, r.status, r.header.Get("Content-Type"), r.body)
		}
		if r.header.Get("X-Okta-Request-Id") == "" || r.header.Get("X-Rate-Limit-Limit") == "" {
			t.Errorf("%s: headers %v", kind, r.header)
		}
		if wait := r.wait(t); kind == sandbox.RateLimit && (wait != 20*time.Second || r.header.Get("X-Rate-Limit-Remaining") != "0") {
			t.Errorf("%s: the headers tell to wait %s, want 20s", kind, wait)
		}
	}
}

// wait is what a client makes of the headers of a 429: the reset minus the date.
func (r reply) wait(t *testing.T) time.Duration {
	t.Helper()
	reset, err := strconv.ParseInt(r.header.Get("X-Rate-Limit-Reset"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	date, err := http.ParseTime(r.header.Get("Date"))
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(reset, 0).Sub(date)
}

func TestExpiredNeedsACursor(t *testing.T) {
	o := playing(t, sandbox.Fault{Kind: sandbox.Expired}, Options{PageSize: 3})
	if r := o.get(agents); r.status != 200 {
		t.Errorf("without a cursor: %d", r.status)
	}
	if r := o.get(logsPath + "?after=1_0"); r.code() != "E0000054" {
		t.Errorf("with a log cursor: %d %s", r.status, r.body)
	}
}

func TestEmptyLists(t *testing.T) {
	o := playing(t, sandbox.Fault{Kind: sandbox.EmptyOK}, Options{PageSize: 3})
	a, p := o.st.Agents[0], o.st.Apps[0]
	for _, path := range []string{
		agents, ownersPath + url.QueryEscape(sweep), "/api/v1/apps", "/api/v1/users", "/api/v1/groups", "/api/v1/api-tokens", logsPath,
		agents + "/" + a.ID + "/connections", agents + "/" + a.ID + "/credentials/jwks", "/api/v1/apps/" + p.ID + "/grants",
		"/api/v1/apps/" + p.ID + "/credentials/jwks", "/oauth2/v1/clients/" + p.ID + "/roles",
	} {
		if r := o.get(path); r.status != 200 || len(r.ids(t)) != 0 || r.next() != "" && path != logsPath {
			t.Errorf("%s: %d %s, next %q", path, r.status, r.body, r.next())
		}
	}
	if r := o.get(agents + "/" + a.ID); r.status != 200 || len(r.body) < 50 {
		t.Errorf("one agent is no list: %d %s", r.status, r.body)
	}
}

// TestAnEmptyLogLosesNothing goes on after the fault from the link that it left.
func TestAnEmptyLogLosesNothing(t *testing.T) {
	o := playing(t, sandbox.Fault{Kind: sandbox.EmptyOK, Times: 1}, Options{})
	path := logsPath + "?since=2026-11-14T00:00:00Z&limit=1000"
	next := o.get(path).next()
	if got, want := len(o.get(next).ids(t)), len(o.get(path).ids(t)); got != want || want == 0 {
		t.Errorf("%d entries after the fault, want all %d", got, want)
	}
}

func TestRateLimits(t *testing.T) {
	o := start(t, Options{EnforceLimits: true, Limits: map[string]int{"logs": 3}})
	for i := range 3 {
		r := o.get(logsPath)
		if left := r.header.Get("X-Rate-Limit-Remaining"); r.status != 200 || left != strconv.Itoa(2-i) || r.header.Get("X-Rate-Limit-Limit") != "3" {
			t.Errorf("call %d: %d, %s left", i, r.status, left)
		}
	}
	r := o.get(logsPath)
	if r.status != 429 || r.code() != "E0000047" || r.wait(t) != time.Minute {
		t.Errorf("one too many: %d %s", r.status, r.body)
	}
	if r := o.get(agents); r.status != 200 {
		t.Errorf("another class: %d, want 200", r.status)
	}
	o.clock.advance(time.Minute)
	if r := o.get(logsPath); r.status != 200 {
		t.Errorf("a minute later: %d, want 200", r.status)
	}
}

func TestLimitsAreGenerousUnlessEnforced(t *testing.T) {
	o := start(t, Options{})
	for range 200 {
		if r := o.get(logsPath); r.status != 200 {
			t.Fatalf("status %d", r.status)
		}
	}
	if left, _ := strconv.Atoi(o.get(logsPath).header.Get("X-Rate-Limit-Remaining")); left < 100_000 {
		t.Errorf("%d calls left, too few to let a careful client hurry", left)
	}
}
