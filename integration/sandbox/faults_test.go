package sandbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const whole = `["one","two","three"]` + "\n"

// get returns status, body and what went wrong on the way.
func get(t *testing.T, url string) (int, string, error) {
	t.Helper()
	res, err := call(t, "GET", url, "")
	if err != nil {
		return 0, "", err
	}
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func TestFaultForms(t *testing.T) {
	for _, c := range []struct {
		kind   FaultKind
		status int
		body   string
		err    error
	}{
		{RateLimit, 429, "", nil},
		{BadGateway, 502, "<html>", nil},
		{Slow, 200, whole, nil},
		{Truncated, 200, whole[:len(whole)/2], nil},
		{Reset, 200, whole[:len(whole)/2], io.ErrUnexpectedEOF},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			_, s, url := start(t)
			if err := s.Inject(Fault{Kind: c.kind, Times: 1, After: time.Millisecond}); err != nil {
				t.Fatal(err)
			}
			status, body, err := get(t, url+"/list")
			if status != c.status || !strings.HasPrefix(body, c.body) || !errors.Is(err, c.err) {
				t.Errorf("got %d, %q, %v; want %d, %q, %v", status, body, err, c.status, c.body, c.err)
			}
			if n := s.Fired()[c.kind]; n != 1 {
				t.Errorf("fired %d times, want 1", n)
			}
			if status, body, err := get(t, url+"/list"); status != 200 || body != whole || err != nil {
				t.Errorf("after the fault: %d, %q, %v; want the vendor's whole answer", status, body, err)
			}
		})
	}
}

func TestSlowEndsWithTheRequest(t *testing.T) {
	_, s, url := start(t)
	_ = s.Inject(Fault{Kind: Slow, After: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", url+"/list", nil)
	if _, err := http.DefaultClient.Do(r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the request's own deadline", err)
	}
}

func TestFaultsChooseTheirRequests(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault Fault
		want  []int
	}{
		{"until cleared", Fault{}, []int{429, 429, 429, 429}},
		{"times", Fault{Times: 2}, []int{429, 429, 200, 200}},
		{"every", Fault{Every: 2}, []int{200, 429, 200, 429}},
		{"every and times", Fault{Every: 2, Times: 1}, []int{200, 429, 200, 200}},
		{"path", Fault{Path: "^GET /list$"}, []int{429, 429, 429, 429}},
		{"other method", Fault{Path: "^POST /list$"}, []int{200, 200, 200, 200}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, s, url := start(t)
			c.fault.Kind = RateLimit
			if err := s.Inject(c.fault); err != nil {
				t.Fatal(err)
			}
			var got []int
			for range c.want {
				status, _, _ := get(t, url+"/list")
				got = append(got, status)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAFaultTheVendorLacksIsNotPlayed(t *testing.T) {
	_, s, url := start(t)
	_ = s.Inject(Fault{Kind: Expired, Times: 1})
	if status, body, _ := get(t, url+"/list"); status != 200 || body != whole {
		t.Errorf("without a cursor: %d %q, want the vendor's answer", status, body)
	}
	if n := len(s.Fired()); n != 0 {
		t.Errorf("%d faults fired, want none", n)
	}
	if status, _, _ := get(t, url+"/list?cursor=1"); status != http.StatusGone {
		t.Errorf("with a cursor: %d, want 410: the fault was not given back", status)
	}
}

func TestClear(t *testing.T) {
	_, s, url := start(t)
	_ = s.Inject(Fault{Kind: RateLimit})
	s.Clear()
	if status, _, _ := get(t, url+"/list"); status != 200 {
		t.Errorf("status %d after Clear, want 200", status)
	}
}

func TestCallsAreCountedByPattern(t *testing.T) {
	_, s, url := start(t)
	for _, p := range []string{
		"/v1/things/00000000-0000-4000-8000-000000000001", "/v1/things/00000000-0000-4000-8000-000000000002",
		"/_control/health",
	} {
		_, _, _ = get(t, url+p)
	}
	if diff := cmp.Diff(map[string]int{"GET /v1/things/{id}": 2}, s.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestPattern(t *testing.T) {
	for path, want := range map[string]string{
		"/api/v1/apps/0oa9jjjjjjjjjjjj0g7/grants":                               "/api/v1/apps/{id}/grants",
		"/workload-principals/api/v1/ai-agents":                                 "/workload-principals/api/v1/ai-agents",
		"/v1.0/servicePrincipals/microsoft.graph.agentIdentity":                 "/v1.0/servicePrincipals/microsoft.graph.agentIdentity",
		"/v1.0/servicePrincipals(appId='0f')":                                   "/v1.0/servicePrincipals(appId='{id}')",
		"/v1/projects/acme-prod/serviceAccounts/a@b.iam.gserviceaccount.com":    "/v1/projects/acme-prod/serviceAccounts/{id}",
		"/v1/projects/acme-prod/serviceAccounts/104857600000000000001:undelete": "/v1/projects/acme-prod/serviceAccounts/{id}:undelete",
		"/v1/projects/p/locations/us-central1/reasoningEngines":                 "/v1/projects/p/locations/us-central1/reasoningEngines",
	} {
		if got := Pattern(path); got != want {
			t.Errorf("Pattern(%q) = %q, want %q", path, got, want)
		}
	}
}
