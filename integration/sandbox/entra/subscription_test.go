package entra

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// TestSubscriptionRules holds wishes to the vendor's rules.
func TestSubscriptionRules(t *testing.T) {
	x := &inbox{}
	bubble(t, x, func(b *bubbled) {
		user := b.some("agent_user")
		for name, c := range map[string]struct {
			body   string
			status int
		}{
			"minimal":            {wish("lifecycleNotificationUrl", nil, "clientState", nil), 201},
			"one user":           {wish("resource", "/users/"+user), 201},
			"members":            {wish("resource", "groups/"+b.group()+"/members"), 201},
			"loopback":           {wish("notificationUrl", "http://127.0.0.1:9/x", "lifecycleNotificationUrl", nil), 201},
			"created":            {wish("changeType", "created"), 400},
			"no change type":     {wish("changeType", nil), 400},
			"service principals": {wish("resource", "servicePrincipals"), 400},
			"agents":             {wish("resource", "servicePrincipals/microsoft.graph.agentIdentity"), 400},
			"sponsors":           {wish("resource", "users/"+user+"/sponsors"), 400},
			"nobody":             {wish("resource", "users/00000000-0000-4000-8000-000000000000"), 404},
			"no resource":        {wish("resource", nil), 400},
			"http":               {wish("notificationUrl", "http://hub.example/x"), 400},
			"lifecycle by http":  {wish("lifecycleNotificationUrl", "http://hub.example/x"), 400},
			"relative":           {wish("notificationUrl", "/x"), 400},
			"no end":             {wish("expirationDateTime", nil), 400},
			"past":               {wish("expirationDateTime", stamp(time.Now().Add(-time.Hour))), 400},
			"too long":           {wish("expirationDateTime", stamp(time.Now().Add(30*24*time.Hour))), 400},
			"long state":         {wish("clientState", strings.Repeat("x", 129)), 400},
			"rich":               {wish("includeResourceData", true), 400},
			"not JSON":           {"{", 400},
		} {
			if r := b.call("POST", "/v1.0/subscriptions", c.body); r.status != c.status {
				t.Errorf("%s = %d %s, want %d", name, r.status, r.raw, c.status)
			}
		}
		short := b.call("POST", "/v1.0/subscriptions", wish("expirationDateTime", stamp(time.Now().Add(time.Minute))))
		if want := stamp(time.Now().Add(45 * time.Minute)); short.body["expirationDateTime"] != want {
			t.Errorf("a short life ends %v, want %s", short.body["expirationDateTime"], want)
		}
		for len(b.call("GET", "/v1.0/subscriptions", "").items()) < 100 {
			b.subscribe()
			if b.call("GET", "/v1.0/subscriptions", "").link("nextLink") != "" {
				break
			}
		}
		if r := b.call("POST", "/v1.0/subscriptions", wish()); r.status != 403 {
			t.Errorf("the 101st = %d %s, want 403", r.status, r.raw)
		}
	})
}

// TestHandshake refuses receivers that do not give the token back as they should.
func TestHandshake(t *testing.T) {
	for name, c := range map[string]func(token string) *http.Response{
		"another status": func(token string) *http.Response { return response(202, "text/plain", token) },
		"another type":   func(token string) *http.Response { return response(200, "application/json", token) },
		"another body":   func(string) *http.Response { return response(200, "text/plain", "hello") },
		"encoded": func(token string) *http.Response {
			return response(200, "text/plain", strings.ReplaceAll(token, " ", "%20"))
		},
		"a redirect": func(string) *http.Response { return response(302, "text/plain", "") },
	} {
		bubble(t, &inbox{validate: c}, func(b *bubbled) {
			r := b.call("POST", "/v1.0/subscriptions", wish())
			if r.status != 400 || r.code() != "ValidationError" || strings.Contains(string(r.raw), "s3cr3t") {
				t.Errorf("%s = %d %s, want 400 ValidationError", name, r.status, r.raw)
			}
			if n := len(b.call("GET", "/v1.0/subscriptions", "").items()); n != 0 {
				t.Errorf("%s left %d subscriptions", name, n)
			}
		})
	}
}

// TestSubscriptionLife renews, lets end, deletes.
func TestSubscriptionLife(t *testing.T) {
	x := &inbox{}
	bubble(t, x, func(b *bubbled) {
		one, two := b.subscribe(), b.subscribe("lifecycleNotificationUrl", nil)
		end := stamp(time.Now().Add(48 * time.Hour))
		if r := b.call("PATCH", "/v1.0/subscriptions/"+one, `{"expirationDateTime":"`+end+`"}`); r.status != 200 || r.body["expirationDateTime"] != end {
			t.Errorf("PATCH = %d %s", r.status, r.raw)
		}
		if r := b.call("PATCH", "/v1.0/subscriptions/"+one, `{"resource":"groups"}`); r.status != 400 {
			t.Errorf("PATCH of the resource = %d %s, want 400", r.status, r.raw)
		}
		time.Sleep(25 * time.Hour)
		if r := b.call("GET", "/v1.0/subscriptions/"+two, ""); r.status != 404 || r.code() != "ResourceNotFound" {
			t.Errorf("an ended subscription = %d %s", r.status, r.raw)
		}
		b.call("GET", "/v1.0/subscriptions/"+one, "")
		if r := b.call("DELETE", "/v1.0/subscriptions/"+one, ""); r.status != 204 {
			t.Errorf("DELETE = %d %s", r.status, r.raw)
		}
		b.do(sandbox.Change{Op: sandbox.RenameAgent, Native: "agent_user"})
		rest()
		if n := x.notes(t); len(n) != 0 {
			t.Errorf("after the end: %s", compact(n))
		}
		for _, c := range [][2]string{{"DELETE", one}, {"PATCH", one}, {"POST", one + "/reauthorize"}, {"GET", one}} {
			if r := b.call(c[0], "/v1.0/subscriptions/"+c[1], "{}"); r.status != 404 {
				t.Errorf("%s of what is gone = %d %s", c[0], r.status, r.raw)
			}
		}
		if r := b.call("PUT", "/v1.0/subscriptions", "{}"); r.status != 400 {
			t.Errorf("PUT = %d %s", r.status, r.raw)
		}
	})
}

// TestSubscribe subscribes from within the process.
func TestSubscribe(t *testing.T) {
	x := &inbox{}
	bubble(t, x, func(b *bubbled) {
		id, err := b.Subscribe("users", "https://hub.example/in", "", "s3cr3t")
		if err != nil || b.call("GET", "/v1.0/subscriptions/"+id, "").body["expirationDateTime"] != stamp(time.Now().Add(29*24*time.Hour)) {
			t.Errorf("Subscribe: %v, %s", err, b.call("GET", "/v1.0/subscriptions/"+id, "").raw)
		}
		b.do(sandbox.Change{Op: sandbox.RenameAgent, Native: "agent_user"})
		rest()
		if n := x.notes(t); len(n) != 1 || n[0]["subscriptionId"] != id {
			t.Errorf("told was %s", compact(n))
		}
		x.validate = func(string) *http.Response { return response(404, "text/plain", "") }
		if _, err := b.Subscribe("users", "https://hub.example/in", "", "s3cr3t"); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("a receiver that refuses: %v", err)
		}
	})
}

// TestSubscriptionsOverTheWire subscribes through a batch at a real receiver, and carries the subscription into another sandbox.
func TestSubscriptionsOverTheWire(t *testing.T) {
	came := make(chan string, 8)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := r.URL.Query().Get("validationToken"); token != "" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, token)
			return
		}
		b, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		came <- string(b)
	}))
	t.Cleanup(hub.Close)
	x, y := start(t), start(t)
	t.Cleanup(func() { _ = errors.Join(x.Close(), y.Close()) })
	body := wish("notificationUrl", hub.URL+"/in", "lifecycleNotificationUrl", nil, "expirationDateTime", stamp(seedTime.Add(24*time.Hour)))
	got := x.batch(batchOf(step{ID: "1", Method: "POST", URL: "/subscriptions", Headers: map[string]string{"Content-Type": "application/json"}, Body: json.RawMessage(body)}))
	if got["1"].Status != 201 {
		t.Fatalf("in a batch: %d %s", got["1"].Status, got["1"].Body)
	}
	if x.OnlyReads(nil) || !x.OnlyReads(nil) {
		t.Error("a subscription must be saved, and only once")
	}
	state, err := x.Snapshot()
	if err != nil || y.Restore(state) != nil {
		t.Fatal("the snapshot cannot be restored")
	}
	u := y.do(sandbox.Change{Op: sandbox.RenameAgent, Native: "agent_user"}).Agent
	select {
	case b := <-came:
		if !strings.Contains(b, u) {
			t.Errorf("the restored tenant told %s, want %s", b, u)
		}
	case <-t.Context().Done():
		t.Fatal("nothing came")
	}
}
