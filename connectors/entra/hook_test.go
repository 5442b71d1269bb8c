package entra

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
)

const (
	hookState   = "s3cr3t-state-0123"
	notifyURL   = "https://hooks.acme.example/hooks/acme/entra"
	typeJSON    = "application/json; charset=utf-8"
	changeOf    = `{"changeType":"updated","clientState":"` + hookState + `","resource":"Users/x"}`
	reauthorize = `{"lifecycleEvent":"reauthorizationRequired","clientState":"` + hookState + `"}`
)

func (g *graph) hooked(t *testing.T) *Connector {
	t.Helper()
	s := g.settings()
	s.Hook = connectors.Hook{Secret: hookState}
	s.Options = map[string]string{optionNotify: notifyURL}
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Connector)
}

func TestHookAnswers(t *testing.T) {
	c := newGraph(t, nil).hooked(t)
	var _ connectors.Pushed = c
	for _, try := range []struct {
		name, method, query, typ, body string
		status                         int
		wakes                          []string
		answer                         string
	}{
		{"validation", "POST", "?validationToken=a%20b%3Ci%3E", "text/plain", "", 200, nil, "a b<i>"},
		{"empty validation", "POST", "?validationToken=", "text/plain", "", 400, nil, ""},
		{"long validation", "POST", "?validationToken=" + strings.Repeat("x", maxValidation+1), "text/plain", "", 400, nil, ""},
		{"change", "POST", "", typeJSON, `{"value":[` + changeOf + `]}`, 202, []string{feedUsers}, ""},
		{"lifecycle", "POST", "", typeJSON, `{"value":[` + changeOf + `,` + reauthorize + `]}`, 202, []string{feedSubscription, feedUsers}, ""},
		{"forged", "POST", "", typeJSON, `{"value":[{"clientState":"guess"}]}`, 401, nil, ""},
		{"one forged", "POST", "", typeJSON, `{"value":[` + changeOf + `,{"clientState":"guess"}]}`, 401, nil, ""},
		{"no state", "POST", "", typeJSON, `{"value":[{}]}`, 401, nil, ""},
		{"nothing", "POST", "", typeJSON, `{"value":[]}`, 400, nil, ""},
		{"no JSON", "POST", "", typeJSON, `<html>`, 400, nil, ""},
		{"form", "POST", "", "text/plain", `{"value":[` + changeOf + `]}`, 400, nil, ""},
		{"too large", "POST", "", typeJSON, `{"value":[` + strings.Repeat(" ", connectors.MaxPush) + `]}`, 413, nil, ""},
		{"get", "GET", "", "", "", 405, nil, ""},
	} {
		t.Run(try.name, func(t *testing.T) {
			r := httptest.NewRequest(try.method, "/"+try.query, strings.NewReader(try.body))
			r.Header.Set("Content-Type", try.typ)
			w := httptest.NewRecorder()
			wakes := c.Receive(w, r)
			if w.Code != try.status || !slices.Equal(wakes, try.wakes) || w.Body.String() != try.answer {
				t.Errorf("answered %d %q, wakes %v", w.Code, w.Body, wakes)
			}
			if try.answer != "" && !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
				t.Error("a browser may take the answer for a page")
			}
		})
	}
	w := httptest.NewRecorder()
	none := newGraph(t, nil).connector()
	if none.Receive(w, httptest.NewRequest("POST", "/", nil)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a connection without a hook answers %d", w.Code)
	}
}

func TestSubscriptionIsMadeAndRenewed(t *testing.T) {
	g := newGraph(t, map[string]canned{"/subscriptions": list()})
	feeds := g.hooked(t).Feeds()
	f := feeds[len(feeds)-1]
	if f.Name != feedSubscription {
		t.Fatalf("the last feed is %s", f.Name)
	}
	pullAll(t, f, nil, knows())
	if made := g.bodies["POST /subscriptions"]; !strings.Contains(made, hookState) || !strings.Contains(made, notifyURL) || !strings.Contains(made, `"users"`) {
		t.Errorf("made with %s", made)
	}
	g.answers["POST /subscriptions"] = canned{status: 403, body: errorBody("Forbidden")} // also where the quota is used up
	if p := pullAll(t, f, nil, knows()); len(p.Blind) != 1 || !strings.Contains(p.Blind[0].Reason, "100 in a tenant") {
		t.Errorf("without a quota: blind %v", p.Blind)
	}
	delete(g.answers, "POST /subscriptions")
	g.set("/subscriptions", list(`{"id":"5f5f","resource":"users","notificationUrl":"https://elsewhere.example/"}`,
		`{"id":"6f6f","resource":"users","notificationUrl":"`+notifyURL+`","expirationDateTime":"2026-10-20T00:00:00Z"}`))
	g.set("/subscriptions/6f6f", canned{body: `{}`})
	pullAll(t, f, nil, knows())
	if renewed := g.bodies["PATCH /subscriptions/6f6f"]; !strings.Contains(renewed, "expirationDateTime") || strings.Contains(renewed, "clientState") {
		t.Errorf("renewed with %s", renewed)
	}
	g.set("/subscriptions/6f6f", canned{status: 400, body: `{"error":{"code":"ValidationError","message":"clientState ` + hookState + ` is bad"}}`})
	if err := pullError(t, f, nil); strings.Contains(err.Error(), hookState) {
		t.Errorf("the secret is in the error %q", err)
	}
	g.set("/subscriptions", canned{status: 403, body: errorBody("Authorization_RequestDenied")})
	wantFault(t, pullError(t, f, nil), connectors.Forbidden, needUsers)
}

func TestOptions(t *testing.T) {
	for _, c := range []struct{ name, value, words string }{
		{optionPage, "0", "from 1 to 100"}, {optionPage, "x", "from 1 to 100"}, {optionPerMinute, "-1", "from 1 to"},
		{optionActivities, "some", "none, admin or all"}, {optionNotify, "http://x.example", "https"},
		{optionNotify, notifyURL, "hook.secret"}, {"pagesize", "1", optionPage},
	} {
		s := newGraph(t, nil).settings()
		s.Options = map[string]string{c.name: c.value}
		_, err := New(s)
		if err == nil {
			t.Errorf("%s=%s is taken", c.name, c.value)
			continue
		}
		wantWords(t, err, "options.", c.words)
	}
	s := newGraph(t, nil).settings()
	s.Options, s.Hook = map[string]string{optionNotify: notifyURL}, connectors.Hook{Secret: connectors.Secret(strings.Repeat("s", maxState+1))}
	if _, err := New(s); err == nil || !strings.Contains(err.Error(), "128") {
		t.Errorf("a secret that Graph does not take: %v", err)
	}
}

// FuzzHook: no body without the secret wakes anything, and none panics.
func FuzzHook(f *testing.F) {
	f.Add([]byte(`{"value":[{"clientState":"guess"}]}`))
	f.Add([]byte(`{"value":[` + reauthorize + `]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		h := newHook(connectors.Hook{Secret: hookState}, true)
		r := httptest.NewRequest("POST", "/", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", typeJSON)
		if wakes := h.receive(httptest.NewRecorder(), r); wakes != nil && !strings.Contains(string(body), hookState) && !strings.Contains(string(body), `\`) {
			t.Errorf("%q wakes %v", body, wakes)
		}
	})
}
