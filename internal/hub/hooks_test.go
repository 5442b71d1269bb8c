package hub_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/hub"
)

const hookSecret = "hook-secret-of-this-test"

// pushing is a connector whose vendor pushes: the body of a push with the secret is the name of the feed to wake.
type pushing struct {
	hook connectors.Hook

	mu    sync.Mutex
	pulls map[string]int
}

func (p *pushing) Feeds() []connectors.Feed {
	feed := func(name string, err error) connectors.Feed {
		return connectors.Feed{Name: name, Kinds: []events.Kind{events.KindActivity}, Every: time.Hour,
			Pull: func(context.Context, connectors.Cursor) (connectors.Page, error) {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.pulls[name]++
				return connectors.Page{}, err
			}}
	}
	return []connectors.Feed{feed("log", nil), feed("other", nil), feed("leaky", errors.New("the vendor says "+hookSecret))}
}

func (p *pushing) Normalize(connectors.Record) (connectors.Reading, error) {
	return connectors.Reading{}, nil
}

func (p *pushing) Receive(w http.ResponseWriter, r *http.Request) []string {
	if r.Header.Get("Authorization") != p.hook.Secret.Reveal() {
		w.WriteHeader(http.StatusUnauthorized)
		return nil
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	return []string{string(b)}
}

// pulled is how often a feed was pulled.
func (p *pushing) pulled(feed string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pulls[feed]
}

// vendor makes the one connector.
func (p *pushing) vendor() connectors.Vendor {
	return connectors.Vendor{Name: "pushing", New: func(s connectors.Settings) (connectors.Connector, error) {
		p.hook = s.Hook
		return p, nil
	}}
}

// deliver pushes as a vendor does, and returns the status of the answer.
func deliver(t *testing.T, url, secret, body string) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", secret)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// pushed starts a hub with its own server, whose one connection has a hook.
func pushed(t *testing.T, p *pushing) (h *running, url string) {
	t.Helper()
	of := config.Connection{Name: "okta", Vendor: "pushing", Hook: connectors.Hook{Secret: hookSecret}}
	c := config.Default()
	c.Data = t.TempDir()
	c.Hooks.Listen = "127.0.0.1:0"
	c.Tenants = []config.Tenant{{Name: "acme", Connections: []config.Connection{of}}}
	opened, err := hub.Open(t.Context(), hub.Options{Config: c, Vendors: []connectors.Vendor{p.vendor()}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- opened.Run(ctx) }()
	return &running{Hub: opened, stop: func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		opened.Close()
	}}, opened.HookURL("acme", of)
}

// A vendor's push wakes the feed that it is about, a forged one none, and nothing of it is left when the hub ends.
func TestPushWakesAFeed(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	p := &pushing{pulls: map[string]int{}}
	h, url := pushed(t, p)
	if !strings.HasPrefix(url, "http://127.0.0.1:") || !strings.HasSuffix(url, "/hooks/acme/okta") {
		t.Errorf("the hook is at %s", url)
	}
	h.until(t, "all feeds were pulled", func() bool {
		return p.pulled("log") == 1 && p.pulled("other") == 1 && h.Statuses()[0].Feeds[2].LastError != ""
	})
	if text := h.Statuses()[0].Feeds[2].LastError; strings.Contains(text, hookSecret) {
		t.Errorf("the hook's secret is shown: %s", text)
	}
	if got := deliver(t, url, "forged", "other"); got != 401 {
		t.Errorf("a forged push is answered %d", got)
	}
	for _, path := range []string{"x", "/../../other/okta"} {
		if got := deliver(t, url+path, hookSecret, "log"); got != 404 {
			t.Errorf("a push to another path is answered %d", got)
		}
	}
	if got := deliver(t, url, hookSecret, "log"); got != 200 {
		t.Errorf("a push is answered %d", got)
	}
	h.until(t, "the feed was woken", func() bool { return p.pulled("log") == 2 })
	if s := h.Statuses()[0].Hook; s == nil || s.Deliveries != 1 || s.Refused != 1 || s.LastAt.IsZero() {
		t.Errorf("the hook's status is %+v", s)
	}
	h.stop()
	if got := p.pulled("other"); got != 1 { // it would have been woken before the one that was
		t.Errorf("the feed that a forged push named was pulled %d times", got)
	}
	goleak.VerifyNone(t, leaks)
}

// Okta's deliveries, from its own connector: the change shows at once, where the poll would be an hour away.
func TestOktaEventHook(t *testing.T) {
	w := newWorld(t)
	of := w.company.Connections()[0]
	of.Hook = connectors.Hook{Secret: hookSecret}
	of.Pace = map[string]time.Duration{"default": time.Hour}
	c := config.Default()
	c.Data, c.Hooks.Listen = t.TempDir(), "127.0.0.1:0"
	c.Tenants = []config.Tenant{{Name: "acme", Connections: []config.Connection{of}}}
	h := w.start(c)
	h.caughtUp(t)
	made, err := w.company.Vendors[0].State.Mutate(sandbox.Change{Op: sandbox.CreateAgent, Name: "Late arrival"})
	if err != nil {
		t.Fatal(err)
	}
	url := h.HookURL("acme", of)
	const body = `{"eventType":"com.okta.event_hook","eventId":"e1","data":{"events":[{"eventType":"workload_principal.register"}]}}`
	if got := deliver(t, url, "forged", body); got != 401 {
		t.Errorf("a forged delivery is answered %d", got)
	}
	if got := deliver(t, url, hookSecret, body); got != 200 {
		t.Errorf("a delivery is answered %d", got)
	}
	h.until(t, "the roster knows the new agent", func() bool { return h.knows(t, made.Name) })
}

// A connection whose vendor cannot push does not start with a hook.
func TestHookOfAVendorThatCannotPush(t *testing.T) {
	w := newWorld(t)
	of := w.company.Connections()[0]
	of.Hook = connectors.Hook{Secret: hookSecret}
	c := config.Default()
	c.Data, c.Hooks.Listen = t.TempDir(), "127.0.0.1:0"
	c.Tenants = []config.Tenant{{Name: "acme", Connections: []config.Connection{of}}}
	vendor := all.Vendors[0]
	vendor.Name = of.Vendor
	vendor.New = func(s connectors.Settings) (connectors.Connector, error) {
		return struct{ connectors.Connector }{&pushing{pulls: map[string]int{}}}, nil
	}
	h, err := hub.Open(t.Context(), hub.Options{Config: c, Vendors: []connectors.Vendor{vendor}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := h.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot push") {
		t.Errorf("Run = %v", err)
	}
}
