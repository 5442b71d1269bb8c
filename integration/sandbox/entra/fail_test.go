package entra

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// TestFaults plays each fault of the vendor's own form through the chassis.
func TestFaults(t *testing.T) {
	x := start(t)
	_, delta := x.round(spSelect)
	page := x.ok("/v1.0/users").link("nextLink")
	server := sandbox.Serve(x.Sandbox)
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	for name, c := range map[string]struct {
		fault  sandbox.Fault
		url    string
		status int
		body   string
		header string
	}{
		"429":         {sandbox.Fault{Kind: sandbox.RateLimit, After: 1500 * time.Millisecond}, "/v1.0/users", 429, `"code":"TooManyRequests"`, "Retry-After=2"},
		"429 scope":   {sandbox.Fault{Kind: sandbox.RateLimit}, "/v1.0/users", 429, `"innerError"`, "X-Ms-Throttle-Information=ResourceUnitLimitExceeded"},
		"429 bare":    {sandbox.Fault{Kind: sandbox.RateLimit}, "/v1.0/users", 429, ``, "Retry-After="},
		"500":         {sandbox.Fault{Kind: sandbox.ServerError}, "/v1.0/users", 500, `"code":"UnknownError"`, ""},
		"401":         {sandbox.Fault{Kind: sandbox.Unauthorized}, "/v1.0/users", 401, `"code":"InvalidAuthenticationToken"`, ""},
		"403":         {sandbox.Fault{Kind: sandbox.Forbidden}, "/v1.0/users", 403, `"code":"Authorization_RequestDenied"`, ""},
		"410":         {sandbox.Fault{Kind: sandbox.Expired}, delta, 410, `"code":"resyncRequired"`, "Location=" + srv.URL + "/v1.0/servicePrincipals/delta?$deltatoken="},
		"page token":  {sandbox.Fault{Kind: sandbox.Expired}, page, 400, `"code":"Directory_ExpiredPageToken"`, ""},
		"no token":    {sandbox.Fault{Kind: sandbox.Expired}, "/v1.0/users", 200, `"value":[{`, ""},
		"empty":       {sandbox.Fault{Kind: sandbox.EmptyOK}, "/v1.0/users", 200, `"value":[]`, ""},
		"empty delta": {sandbox.Fault{Kind: sandbox.EmptyOK}, "/v1.0/users/delta", 200, `"@odata.deltaLink"`, ""},
		"no list":     {sandbox.Fault{Kind: sandbox.EmptyOK}, "/v1.0/users/" + x.some("agent_user").ID, 200, `"displayName"`, ""},
		"html":        {sandbox.Fault{Kind: sandbox.BadGateway}, "/v1.0/users", 502, `<html>`, ""},
		"login 429":   {sandbox.Fault{Kind: sandbox.RateLimit, After: time.Second}, "/t/oauth2/v2.0/token", 429, `"error":"temporarily_unavailable"`, "Retry-After=1"},
		"login 500":   {sandbox.Fault{Kind: sandbox.ServerError}, "/t/oauth2/v2.0/token", 500, `"error":"server_error"`, ""},
		"login 401":   {sandbox.Fault{Kind: sandbox.Unauthorized}, "/t/oauth2/v2.0/token", 401, `"error":"invalid_client"`, ""},
		"login 403":   {sandbox.Fault{Kind: sandbox.Forbidden}, "/t/oauth2/v2.0/token", 400, `"error":"unauthorized_client"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server.Clear()
			if err := server.Inject(c.fault); err != nil {
				t.Fatal(err)
			}
			res, body := fetch(t, srv.URL+strings.TrimPrefix(c.url, x.url), x.Token())
			if res.StatusCode != c.status || !strings.Contains(body, c.body) {
				t.Errorf("%d %s, want %d with %s", res.StatusCode, body, c.status, c.body)
			}
			if name, want, ok := strings.Cut(c.header, "="); ok && res.Header.Get(name) != want {
				t.Errorf("header %s is %q, want %q", name, res.Header.Get(name), want)
			}
		})
	}
}

func fetch(t *testing.T, address, token string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// TestFaultsLeaveWritesAlone injects faults that have no form for a batch and for a subscription: both are answered as ever.
func TestFaultsLeaveWritesAlone(t *testing.T) {
	x := start(t)
	x.NotifyClient = &http.Client{Transport: &inbox{}}
	t.Cleanup(func() { _ = x.Close() })
	for i, kind := range []sandbox.FaultKind{sandbox.EmptyOK, sandbox.Expired} {
		server := sandbox.Serve(x.Sandbox)
		srv := httptest.NewServer(server)
		t.Cleanup(srv.Close)
		if err := server.Inject(sandbox.Fault{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		r := x.call(http.MethodPost, srv.URL+"/v1.0/$batch", batchOf(step{ID: "1", Method: "GET", URL: "/organization"}))
		if r.status != http.StatusOK || !strings.Contains(string(r.raw), `"status":200`) {
			t.Errorf("%s: the batch is %d %s", kind, r.status, r.raw)
		}
		r = x.call(http.MethodPost, srv.URL+"/v1.0/subscriptions", wish("expirationDateTime", stamp(seedTime.Add(24*time.Hour))))
		if n := len(x.st.Subscriptions); r.status != http.StatusCreated || n != i+1 {
			t.Errorf("%s: the subscription is %d %s, there are %d", kind, r.status, r.raw, n)
		}
		if len(server.Fired()) != 0 {
			t.Errorf("%s was counted as played: %v", kind, server.Fired())
		}
	}
}

// TestEmptyDeltaCanBeMended checks that the link of an empty delta page leads to everything that was left out.
func TestEmptyDeltaCanBeMended(t *testing.T) {
	x := start(t)
	want, link := x.round(spSelect)
	empty := func(address string) string {
		r := httptest.NewRequest(http.MethodGet, address, nil)
		r.Host = strings.TrimPrefix(x.url, "http://")
		r.Header.Set("Authorization", "Bearer "+x.Token())
		w := httptest.NewRecorder()
		if !x.Fail(w, r, sandbox.Fault{Kind: sandbox.EmptyOK}) {
			t.Fatal("the fault was not played")
		}
		s, _ := decoded(t, w.Body.Bytes())["@odata.deltaLink"].(string)
		return s
	}
	if got, _ := x.round(empty(spSelect)); len(got) != len(want) {
		t.Errorf("after an empty first page: %d objects, want %d", len(got), len(want))
	}
	a := x.do(sandbox.Change{Op: sandbox.DisableAgent, Native: "agent_identity"}).Agent
	if got, _ := x.round(empty(link)); len(got) != 1 || got[0]["id"] != a {
		t.Errorf("after an empty later page: %s, want the change of %s", compact(got), a)
	}
}
