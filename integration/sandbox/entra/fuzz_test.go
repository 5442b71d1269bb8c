package entra

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// FuzzFilter checks that any filter is either refused or can be applied to any row.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		"id eq 'a' or id eq 'b'", "activityDateTime ge 2026-01-01T00:00:00Z and activityDateTime le 2026-02-01", "tags/any(t:t eq 'x')",
		"targetResources/any(t: t/id eq 'x')", "not (accountEnabled eq true)", "startswith(displayName,'it''s')", "id in ('a','b')",
		"a/b/c eq null", "((((", "'", "a eq", "n gt 3.5", "displayName ne null and (x le 1 or y lt -2)",
	} {
		f.Add(s)
	}
	row := map[string]any{"id": "a", "displayName": "Name", "accountEnabled": true, "tags": []any{"x", nil, 3.0, map[string]any{"id": "y"}},
		"activityDateTime": "2026-01-15T00:00:00.1234567Z", "n": 4.0, "a": map[string]any{"b": nil}}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := parseFilter(s)
		if err != nil {
			return
		}
		e.match(row)
		e.match(nil)
		if again, err := parseFilter(s); err != nil || again.match(row) != e.match(row) {
			t.Errorf("%q means two things", s)
		}
	})
}

// FuzzRequest sends any path and query: the answer is JSON or text, never a 500, and never holds the token.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"/v1.0/users?$top=3", "/v1.0/servicePrincipals/delta?$deltatoken=x", "/v1.0/users?$expand=manager($select=id),sponsors", "/v1.0",
		"/v1.0/applications(appId='x')", "/beta/servicePrincipals/graph.agentIdentity/x/inheritedAppRoleAssignments", "/v1.0//users",
		"/v1.0/users/microsoft.graph.agentUser/$count?$filter=id eq 'x'", "/v1.0/auditLogs", "/v1.0/directory/deletedItems/graph.user",
		"/v1.0/users?$orderby=displayName desc,id&$select=id", "/v1.0/groups()", "/x/oauth2/v2.0/token", "/v1.0/users?a=%zz", "/%zz",
		"/v1.0/roleManagement/directory/roleAssignments?$expand=principal,roleDefinition", "/v1.0/subscriptions/x", "/v1.0/subscriptions",
		"/beta/auditLogs/signIns?$filter=signInEventTypes/any(t:t eq 'x') and agent/agentType eq 'y'", "/beta/identityProtection/riskyAgents",
	} {
		f.Add(s)
	}
	s := NewWith(sandbox.NewCompany(1, 12), 1, Layout{At: seedTime})
	s.Now = func() time.Time { return seedTime }
	f.Fuzz(func(t *testing.T, address string) {
		path, raw, _ := strings.Cut(address, "?")
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path, r.URL.RawPath, r.URL.RawQuery = path, path, strings.ReplaceAll(raw, " ", "%20")
		r.Header.Set("Authorization", "Bearer "+s.Token())
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 || strings.Contains(w.Body.String(), s.Token()) {
			t.Errorf("%q = %d %s", address, w.Code, w.Body)
		}
		if w.Header().Get("Content-Type") != "text/plain" && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q: not JSON: %s", address, w.Body)
		}
	})
}

// FuzzToken checks that no text but one that was handed out is taken for a cursor, and that none breaks the service.
func FuzzToken(f *testing.F) {
	s := NewWith(sandbox.NewCompany(1, 12), 1, Layout{At: seedTime})
	s.Now = func() time.Time { return seedTime }
	good := s.seal(cursor{Use: "delta", Of: "users", Pos: 3})
	for _, t := range []string{good, good[1:], good + "A", "", "e30", strings.ToUpper(good)} {
		f.Add(t)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := s.open(token, "users", "delta"); err == nil && s.seal(c) != token {
			t.Errorf("%q was accepted, but was never handed out", token)
		}
	})
}

// FuzzBatch sends any body as a batch.
func FuzzBatch(f *testing.F) {
	f.Add(`{"requests":[{"id":"1","method":"GET","url":"/users?$top=1"}]}`)
	f.Add(`{"requests":[{"id":"1","method":"GET","url":"//x"},{"id":"2","method":"post","url":"/directoryObjects/getByIds","body":{"ids":["x"]}}]}`)
	f.Add(`{"requests":[{"id":"1","method":"G T","url":"%"}]}`)
	f.Add(`{"requests":null}`)
	s := NewWith(sandbox.NewCompany(1, 12), 1, Layout{At: seedTime})
	s.Now = func() time.Time { return seedTime }
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/v1.0/$batch", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+s.Token())
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q = %d %s", body, w.Code, w.Body)
		}
	})
}

// FuzzSubscription sends any body: it is refused or answered, never with a 500, and a subscription that was made holds the rules.
func FuzzSubscription(f *testing.F) {
	for _, s := range []string{
		wish(), wish("resource", "groups/x/members"), wish("changeType", "updated,"), wish("notificationUrl", "http://[::1]:9/"), "{}", "[]", "null",
		wish("expirationDateTime", "9999-12-31T23:59:59Z"), wish("clientState", nil), wish("resource", "//"),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := NewWith(sandbox.NewCompany(1, 6), 1, Layout{At: seedTime})
		s.NotifyClient = &http.Client{Transport: &inbox{}}
		r := httptest.NewRequest(http.MethodPost, "/v1.0/subscriptions", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+s.Token())
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q = %d %s", body, w.Code, w.Body)
		}
		for _, sub := range s.st.Subscriptions {
			left := time.Until(sub.Expires)
			if left < minLife-time.Minute || left > maxLife || len(sub.ClientState) > maxClientState || !deliverable(sub.URL) {
				t.Errorf("%q made %+v", body, sub)
			}
		}
	})
}
