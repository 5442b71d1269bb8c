package entra

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
)

func errorBody(code string) string {
	return fmt.Sprintf(`{"error":{"code":%q,"message":"It says why.","innererror":{"date":"2026-05-06T07:08:09","request-id":"11-22"}}}`, code)
}

const html = "<html><head><title>502 Bad Gateway</title></head><body>proxy.acme.example says no. Authorization: Bearer " + testToken + "</body></html>"

// linked is a cursor whose link g answers with the given.
func linked(t *testing.T, g *graph, c canned) connectors.Cursor {
	g.set("/servicePrincipals/delta?$deltatoken=old", c)
	from, err := cursor{Link: g.srv.URL + "/v1.0/servicePrincipals/delta?$deltatoken=old"}.encode()
	if err != nil {
		t.Fatal(err)
	}
	return from
}

func TestFaults(t *testing.T) {
	after := map[string]string{"Retry-After": "7"}
	for _, c := range []struct {
		name   string
		answer canned
		kind   connectors.FaultKind // 0: transient
		words  string
	}{
		{"401", canned{status: 401, body: errorBody("InvalidAuthenticationToken")}, connectors.Unauthorized, "credentials"},
		{"403", canned{status: 403, body: errorBody("Authorization_RequestDenied")}, connectors.Forbidden, needDirectory},
		{"licence", canned{status: 403, body: errorBody("Authentication_RequestFromNonPremiumTenantOrB2CTenant")}, connectors.Forbidden, "P1"},
		{"403 of a proxy", canned{status: 403, body: html}, connectors.Forbidden, "502 Bad Gateway"},
		{"403 of another server", canned{status: 403, body: `{"detail":"no"}`}, connectors.Forbidden, "the proxies on the way"},
		{"403 without body", canned{status: 403}, connectors.Forbidden, "with nothing instead of"},
		{"407 of a proxy", canned{status: 407, body: html}, 0, "status 407"},
		{"404", canned{status: 404, body: errorBody("Request_ResourceNotFound")}, connectors.Forbidden, "Agent ID"},
		{"404 of another server", canned{status: 404, body: html}, connectors.Forbidden, "check the endpoint"},
		{"405 without body", canned{status: 405}, connectors.Forbidden, "status 405"},
		{"501 of another server", canned{status: 501, body: html}, connectors.Forbidden, "check the endpoint"},
		{"501", canned{status: 501, body: errorBody("NotImplemented")}, connectors.Forbidden, "endpoint"},
		{"429", canned{status: 429, body: errorBody("TooManyRequests"), header: after}, connectors.RateLimited, "TooManyRequests"},
		{"503 with delay", canned{status: 503, body: errorBody("serviceNotAvailable"), header: after}, connectors.RateLimited, "503"},
		{"503", canned{status: 503, body: errorBody("serviceNotAvailable")}, 0, "serviceNotAvailable"},
		{"502 in HTML", canned{status: 502, body: html}, 0, "GET /v1.0/servicePrincipals/delta: status 502"},
		{"200 in HTML", canned{body: html}, 0, "Bad Gateway"},
		{"truncated", canned{body: `{"value":[{"id":"a1`}, 0, "incomplete JSON"},
		{"empty", canned{}, 0, "nothing"},
		{"no value", canned{body: `{}`}, 0, `"value"`},
		{"array", canned{body: `[]`}, 0, "other or incomplete JSON"},
		{"null value", canned{body: `{"value":null,"@odata.deltaLink":"{{self}}/x"}`}, 0, `"value"`},
		{"no link", canned{body: `{"value":[]}`}, 0, "deltaLink"},
		{"foreign link", canned{body: `{"value":[],"@odata.nextLink":"https://evil.example/v1.0/x"}`}, 0, "https://evil.example"},
		{"link without scheme", canned{body: `{"value":[],"@odata.deltaLink":"//evil.example/x"}`}, 0, "not followed"},
		{"redirect", canned{status: 302, header: map[string]string{"Location": "https://evil.example/"}}, 0, "status 302"},
		{"410 at the first call", canned{status: 410, body: errorBody("resyncRequired")}, 0, "resyncRequired"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGraph(t, map[string]canned{"/servicePrincipals/delta": c.answer})
			err := pullError(t, g.feed("service-principals"), nil)
			wantWords(t, err, c.words)
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 700 {
				t.Errorf("the error is no line: %q", err)
			}
			if c.kind == 0 {
				if f := connectors.AsFault(err); f != nil {
					t.Errorf("got the fault %v, want a transient error", f)
				}
				return
			}
			if f := wantFault(t, err, c.kind); c.answer.header != nil && f.After != 7*time.Second {
				t.Errorf("wait for %v, not 7s", f.After)
			}
		})
	}
}

func TestExpiredCursor(t *testing.T) {
	for name, c := range map[string]canned{
		"syncStateNotFound":   {status: 400, body: errorBody("syncStateNotFound")},
		"resyncRequired":      {status: 410, body: errorBody("resyncRequired"), header: map[string]string{"Location": "https://graph.example/?$deltatoken="}},
		"410 without body":    {status: 410},
		"page token":          {status: 400, body: errorBody("Directory_ExpiredPageToken")},
		"inner code":          {status: 404, body: `{"error":{"code":"UnknownError","message":"m","innerError":{"code":"x","innerError":{"code":"syncStateNotFound"}}}}`},
		"a 400 of any reason": {status: 400, body: errorBody("Request_BadRequest")},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGraph(t, nil)
			wantFault(t, pullError(t, g.feed("service-principals"), linked(t, g, c)), connectors.CursorExpired)
		})
	}
	t.Run("but not a proxy's 400", func(t *testing.T) {
		g := newGraph(t, nil)
		err := pullError(t, g.feed("service-principals"), linked(t, g, canned{status: 400, body: html}))
		if f := connectors.AsFault(err); f != nil {
			t.Errorf("got %v", f)
		}
	})
}

func TestUnusableCursorStartsAnew(t *testing.T) {
	g := newGraph(t, nil)
	for _, from := range []string{``, `x`, `{}`, `{"v":99}`, `{"v":1,"link":"https://evil.example/v1.0/x"}`, `{"v":1,"link":"http://a b/"}`,
		`{"v":1,"list":"` + scopeAgents + `","next":"https://evil.example/v1.0/x"}`} {
		err := pullError(t, g.feed("service-principals"), connectors.Cursor(from))
		wantFault(t, err, connectors.CursorExpired)
	}
	if n := len(g.asked); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestCursorOfAnOlderVersionIsRead(t *testing.T) {
	g := newGraph(t, map[string]canned{"/servicePrincipals/delta?$deltatoken=old": {
		body: `{"value":[],"@odata.deltaLink":"{{self}}/servicePrincipals/delta?$deltatoken=new"}`}})
	old := `{"v":1,"added_later":[1],"link":"` + g.srv.URL + `/v1.0/servicePrincipals/delta?$deltatoken=old"}`
	if _, err := g.feed("service-principals").Pull(t.Context(), connectors.Cursor(old)); err != nil {
		t.Fatal(err)
	}
}

func TestUnreachable(t *testing.T) {
	g := newGraph(t, nil)
	f := g.feed("users")
	g.srv.Close()
	err := pullError(t, f, nil)
	wantWords(t, err, "GET /v1.0/users/delta")
	if connectors.AsFault(err) != nil || strings.Contains(err.Error(), "$select") {
		t.Errorf("got %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"": 0, "12": 12 * time.Second, "-1": 0, "x": 0,
		"Wed, 06 May 2026 07:09:09 GMT": time.Minute, "Wed, 06 May 2026 07:00:00 GMT": 0,
	} {
		if got := retryAfter(map[string][]string{"Retry-After": {s}}, now); got != want {
			t.Errorf("%q: %v, not %v", s, got, want)
		}
	}
}
