package okta

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
)

const hookSecret = "hook-secret-of-this-test"

var _ connectors.Pushed = (*connector)(nil)

// hooked makes a connector that has a hook.
func hooked(t testing.TB, more ...func(*connectors.Settings)) *connector {
	t.Helper()
	s := connectors.Settings{Tenant: "acme", Connection: "okta", Endpoint: "http://127.0.0.1:1", Transport: http.DefaultTransport,
		Auth: map[string]connectors.Secret{"method": "bearer", "token": testToken}, Hook: connectors.Hook{Secret: hookSecret}}
	for _, m := range more {
		m(&s)
	}
	c, err := newConnector(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// aDelivery is the body of a delivery as Okta sends it.
func aDelivery(id string, entries ...string) string {
	return `{"eventType":"com.okta.event_hook","eventTypeVersion":"1.0","cloudEventsVersion":"0.1",` +
		`"source":"https://acme.okta.com/api/v1/eventHooks/who1","eventId":"` + id + `","eventTime":"2026-08-20T07:01:14.000Z",` +
		`"contentType":"application/json","data":{"events":[` + strings.Join(entries, ",") + `]}}`
}

func aChange(eventType string) string {
	return anEntry(time.Date(2026, 8, 20, 7, 1, 12, 0, time.UTC), "u1", eventType, "SUCCESS", "wlp1")
}

// request is one request to the hook.
type request struct {
	method string
	header http.Header
	body   string
}

func (r request) send(c *connector) (*httptest.ResponseRecorder, []string) {
	req := httptest.NewRequest(r.method, "/hooks/acme/okta", strings.NewReader(r.body))
	req.Header = r.header
	w := httptest.NewRecorder()
	wake := c.Receive(w, req)
	return w, wake
}

func post(secret, body string) request {
	return request{http.MethodPost, http.Header{"Authorization": {secret}}, body}
}

func get(challenge string) request {
	return request{http.MethodGet, http.Header{challengeHeader: {challenge}}, ""}
}

func TestHookAnswers(t *testing.T) {
	change := aDelivery("e1", aChange("workload_principal.deactivate"))
	large := aDelivery("e1", aChange("workload_principal.deactivate"), `"`+strings.Repeat("x", connectors.MaxPush)+`"`)
	for name, c := range map[string]struct {
		request
		status int
		body   string
		wakes  bool
	}{
		"a change":                      {post(hookSecret, change), 200, "", true},
		"a change among others":         {post(hookSecret, aDelivery("e1", `null`, `7`, aChange("user.session.start"), aChange("resource.owner.update"))), 200, "", true},
		"nothing of the log feed's":     {post(hookSecret, aDelivery("e1", aChange("user.session.start"))), 200, "", false},
		"nothing at all":                {post(hookSecret, aDelivery("e1")), 200, "", false},
		"null events":                   {post(hookSecret, `{"eventType":"com.okta.event_hook","eventId":null,"data":{"events":null}}`), 200, "", false},
		"null data":                     {post(hookSecret, `{"eventType":"com.okta.event_hook","eventId":null,"data":null}`), 200, "", false},
		"null type and actor":           {post(hookSecret, aDelivery("e1", `{"eventType":null,"actor":null}`)), 200, "", false},
		"no id":                         {post(hookSecret, aDelivery("", aChange("application.lifecycle.update"))), 200, "", true},
		"an odd entry":                  {post(hookSecret, aDelivery("e1", `{"eventType":"resource.owner.update","actor":"x","target":3}`)), 200, "", false},
		"forged":                        {post("another-secret-of-this-te", change), 401, "", false},
		"without a secret":              {request{http.MethodPost, http.Header{}, change}, 401, "", false},
		"an empty secret":               {post("", change), 401, "", false},
		"the beginning of the secret":   {post(hookSecret[:len(hookSecret)-1], change), 401, "", false},
		"in another header":             {request{http.MethodPost, http.Header{"X-Secret": {hookSecret}}, change}, 401, "", false},
		"forged and broken":             {post("another-secret-of-this-te", "{"), 401, "", false},
		"broken":                        {post(hookSecret, `{"eventType":"com.okta.event_hook"`), 400, "", false},
		"empty":                         {post(hookSecret, ""), 400, "", false},
		"no envelope":                   {post(hookSecret, aChange("workload_principal.deactivate")), 400, "", false},
		"null":                          {post(hookSecret, "null"), 400, "", false},
		"another envelope":              {post(hookSecret, strings.Replace(change, "event_hook", "inline_hook", 1)), 400, "", false},
		"too large":                     {post(hookSecret, large), 413, "", false},
		"another method":                {request{http.MethodDelete, http.Header{"Authorization": {hookSecret}}, change}, 405, "", false},
		"a verification":                {get("abc-123"), 200, `{"verification":"abc-123"}`, false},
		"a verification to be escaped":  {get(`"},{\`), 200, `{"verification":"\"},{\\"}`, false},
		"a verification of nothing":     {get(""), 400, "", false},
		"a huge challenge":              {get(strings.Repeat("x", maxChallenge+1)), 400, "", false},
		"a challenge that is no text":   {get("\xff"), 400, "", false},
		"a challenge of the most bytes": {get(strings.Repeat("x", maxChallenge)), 200, `{"verification":"` + strings.Repeat("x", maxChallenge) + `"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, wake := c.send(hooked(t))
			if w.Code != c.status || w.Body.String() != c.body {
				t.Errorf("answered %d %q, want %d %q", w.Code, w.Body, c.status, c.body)
			}
			if woken := slices.Equal(wake, []string{systemLog}); woken != c.wakes || !woken && len(wake) > 0 {
				t.Errorf("wakes %q, want it to wake: %v", wake, c.wakes)
			}
			if allow := w.Header().Get("Allow"); (allow == "GET, POST") != (c.status == 405) {
				t.Errorf("answer %d allows %q", w.Code, allow)
			}
		})
	}
}

// A verification is JSON that no browser takes for anything else.
func TestHookVerificationIsJSON(t *testing.T) {
	w, _ := get("<script>").send(hooked(t))
	if w.Header().Get("Content-Type") != "application/json" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers are %v", w.Header())
	}
}

// The header with the secret is the one that is configured, and no other.
func TestHookInAHeaderOfItsOwn(t *testing.T) {
	c := hooked(t, func(s *connectors.Settings) { s.Hook.Header = "x-rollcall" })
	body := aDelivery("e1", aChange("workload_principal.update"))
	if w, wake := post(hookSecret, body).send(c); w.Code != 401 || wake != nil {
		t.Errorf("the default header is answered with %d, wakes %q", w.Code, wake)
	}
	if w, wake := (request{http.MethodPost, http.Header{"X-Rollcall": {hookSecret}}, body}).send(c); w.Code != 200 || wake == nil {
		t.Errorf("its own header is answered with %d, wakes %q", w.Code, wake)
	}
}

// A connection without a hook takes nothing, not even with an empty secret.
func TestNoHook(t *testing.T) {
	c := hooked(t, func(s *connectors.Settings) { s.Hook = connectors.Hook{} })
	for _, r := range []request{post("", aDelivery("e1", aChange("workload_principal.update"))), get("abc")} {
		if w, wake := r.send(c); w.Code != 503 || wake != nil || w.Body.Len() > 0 {
			t.Errorf("%s is answered with %d %q, wakes %q", r.method, w.Code, w.Body, wake)
		}
	}
}

// A delivery that Okta repeats is taken, and wakes nothing again. A forged one is not remembered: it cannot take another's place.
func TestHookRepeats(t *testing.T) {
	c := hooked(t)
	body := aDelivery("e1", aChange("workload_principal.update"))
	for n, want := range []struct {
		secret string
		status int
		wakes  bool
	}{{"forged-secret-of-this-te", 401, false}, {hookSecret, 200, true}, {hookSecret, 200, false}} {
		if w, wake := post(want.secret, body).send(c); w.Code != want.status || (len(wake) > 0) != want.wakes {
			t.Errorf("time %d: answered %d, wakes %q; want %+v", n+1, w.Code, wake, want)
		}
	}
	for range 2 {
		if _, wake := post(hookSecret, aDelivery("", aChange("workload_principal.update"))).send(c); wake == nil {
			t.Error("a delivery without an id is taken for another")
		}
	}
}

// What is remembered is bounded, and what is repeated is remembered longer.
func TestHookForgets(t *testing.T) {
	var d deliveries
	d.again("first")
	for range mostDeliveries {
		d.again("often")
	}
	if !d.again("first") {
		t.Error("one that came often took the place of another")
	}
	for n := range 3 * mostDeliveries {
		d.again("often")
		d.again(fmt.Sprint(n))
	}
	if len(d.last) != mostDeliveries || cap(d.last) > 4*mostDeliveries {
		t.Errorf("%d are remembered, room for %d", len(d.last), cap(d.last))
	}
	if d.again("0") {
		t.Error("the first one is remembered")
	}
	if !d.again("often") {
		t.Error("the one that came often is forgotten")
	}
}

// A body that ends before its time is broken.
func TestHookBodyCutOff(t *testing.T) {
	body := io.MultiReader(strings.NewReader(aDelivery("e1", aChange("workload_principal.update"))), iotest.ErrReader(io.ErrUnexpectedEOF))
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.Header.Set("Authorization", hookSecret)
	w := httptest.NewRecorder()
	if wake := hooked(t).Receive(w, r); w.Code != 400 || wake != nil {
		t.Errorf("answered %d, wakes %q", w.Code, wake)
	}
}

// The hook wakes the feed for what the feed's filter lets pass, and for nothing else.
func TestHookReadsWhatTheFeedReads(t *testing.T) {
	beginnings := regexp.MustCompile(`eventType sw "([^"]+)"`)
	for _, activities := range []string{activitiesNone, activitiesAdmin, activitiesAll} {
		o := logOptions{activities: activities}
		for _, m := range beginnings.FindAllStringSubmatch(o.filter(), -1) {
			if !o.reads([]byte(`{"eventType":"` + m[1] + `x","actor":{"id":"wlp1"}}`)) {
				t.Errorf("with activities %s, %s is read and does not wake", activities, m[1])
			}
		}
	}
	for _, c := range []struct {
		eventType, actor   string
		none, admin, every bool
	}{
		{"workload_principal.ai_agent.update", "00u1", true, true, true},
		{"application.lifecycle.delete", "00u1", true, true, true},
		{"application.user_membership.add", "00u1", false, false, false},
		{"application.user_membership.add", "wlp1", false, true, true},
		{"app.oauth2.token.grant.id_jag", "00u1", false, false, true},
		{"app.oauth2.token.grant.id_jag", "wlp1", false, true, true},
		{"user.session.start", "wlp1", false, false, true},
		{"user.session.start", "00u1", false, false, false},
		{"", "wlp1", false, false, true},
	} {
		entry := []byte(`{"eventType":"` + c.eventType + `","actor":{"id":"` + c.actor + `"}}`)
		for activities, want := range map[string]bool{activitiesNone: c.none, activitiesAdmin: c.admin, activitiesAll: c.every} {
			o := logOptions{activities: activities}
			if o.reads(entry) != want {
				t.Errorf("with activities %s, %s by %s wakes: %v, want %v", activities, c.eventType, c.actor, !want, want)
			}
		}
	}
}

func FuzzHook(f *testing.F) {
	f.Add([]byte(aDelivery("e1", aChange("workload_principal.update"))), hookSecret)
	f.Add([]byte(aDelivery("", "null", "[]", aChange("user.session.start"))), hookSecret)
	f.Add([]byte(aDelivery("e1", aChange("workload_principal.update"))), "")
	f.Add([]byte(`{"eventType":"com.okta.event_hook","data":{"events":{}}}`), hookSecret)
	f.Fuzz(func(t *testing.T, body []byte, secret string) {
		h := newHook(connectors.Hook{Secret: hookSecret}, defaultLogOptions())
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header = http.Header{"Authorization": {secret}}
		w := httptest.NewRecorder()
		wake := h.receive(w, r)
		switch {
		case secret != hookSecret && (wake != nil || w.Code != http.StatusUnauthorized):
			t.Fatalf("without the secret it answers %d and wakes %q", w.Code, wake)
		case secret == hookSecret && w.Code != 200 && w.Code != 400 && w.Code != 413:
			t.Fatalf("with the secret it answers %d", w.Code)
		case wake != nil && w.Code != 200, w.Body.Len() > 0:
			t.Fatalf("it answers %d %q and wakes %q", w.Code, w.Body, wake)
		}
	})
}
