package okta

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		`status eq "ACTIVE"`, `not (a pr) and (b sw "x" or c ge 7)`, `eventType sw "a." or eventType eq "b"`, `a eq "\"`, `((`, `a eq`, `a[b eq "c"]`,
	} {
		f.Add(s)
	}
	everyField := fields{"": "eq ne sw ew co gt ge lt le pr"}
	f.Fuzz(func(t *testing.T, src string) {
		parsed, err := parseFilter(src, everyField)
		if err == nil {
			parsed(func(string) []string { return []string{"x", ""} })
		}
	})
}

func FuzzCursors(f *testing.F) {
	f.Add(cursor{list: "agents", key: 7}.String())
	f.Add("1787209272345_1000")
	f.Fuzz(func(t *testing.T, s string) {
		if c, ok := parseCursor(s); ok && c.String() != s {
			t.Errorf("%q is taken for the cursor %q", s, c)
		}
		c := &call{Sandbox: &Sandbox{st: &state{}}}
		if at, ok := c.parseLogCursor(s); ok && at < 0 {
			t.Errorf("%q is taken for the place %d", s, at)
		}
	})
}

// FuzzRequests asks for all kinds of things; whatever it is, the org answers in a form of its own and does not panic.
func FuzzRequests(f *testing.F) {
	for _, s := range []string{
		agents + "?limit=2&after=x", "/api/v1/logs?since=2026-01-01&until=x", ownersPath + "x", "/api/v1/apps?filter=%00", "//", "/oauth2/v1/token?client_assertion=a.b.c",
	} {
		f.Add("GET", s, "", "")
		f.Add("POST", s, "application/json", "{}")
	}
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	s := NewWith(sandbox.NewCompany(1, 12), 1, Options{Now: func() time.Time { return now }})
	f.Fuzz(func(t *testing.T, method, target, contentType, body string) {
		r, err := http.NewRequest(method, "http://org.example/", strings.NewReader(body))
		if err != nil {
			return
		}
		if r.URL, err = r.URL.Parse(target); err != nil {
			return
		}
		r.Header.Set("Authorization", "SSWS "+s.Token())
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code < 200 || w.Code >= 600 {
			t.Errorf("%s %q: status %d", method, target, w.Code)
		}
	})
}

// FuzzProofs gives the token endpoint foreign assertions and proofs; none of them is a key of the client's.
func FuzzProofs(f *testing.F) {
	f.Add("a.b.c", "a.b.c")
	f.Add(encode(assertionHeader{Alg: "ES256", Kid: "seeded"})+".e30.AA", encode(map[string]any{"typ": "dpop+jwt", "alg": "RS256",
		"jwk": map[string]string{"kty": "RSA", "n": "AQAB", "e": "AQAB"}})+".e30.AA")
	f.Add("..", encode(map[string]any{"jwk": map[string]string{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}})+".e30.AA")
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	s := NewWith(sandbox.NewCompany(1, 12), 1, Options{DPoP: true, Now: func() time.Time { return now }})
	f.Fuzz(func(t *testing.T, assertion, proof string) {
		r := httptest.NewRequest(http.MethodPost, "http://org.example/oauth2/v1/token", nil)
		r.Header.Set("DPoP", proof)
		c := &call{Sandbox: s, r: r, now: now, base: "http://org.example"}
		if c.checkAssertion(assertion) == nil {
			t.Errorf("assertion %q passes", assertion)
		}
		if _, _, err := c.proof(); err == nil {
			t.Errorf("proof %q passes", proof)
		}
	})
}
