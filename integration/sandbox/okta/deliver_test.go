package okta

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/integration/contract"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// inbox is a receiver without a network, for synctest's bubbles. It is the client's transport.
type inbox struct {
	answer func(attempt int, r *http.Request) (status int, err error)

	mu  sync.Mutex
	got []delivery
}

type delivery struct {
	at     time.Time
	header http.Header
	body   []byte
}

func (x *inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Method == http.MethodGet {
		body = `{"verification":"` + r.Header.Get("x-okta-verification-challenge") + `"}`
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
	b, _ := io.ReadAll(r.Body)
	x.mu.Lock()
	x.got = append(x.got, delivery{time.Now(), r.Header.Clone(), b})
	n := len(x.got)
	x.mu.Unlock()
	status, err := x.answer(n, r)
	if err != nil {
		return nil, err
	}
	h := http.Header{"Location": {"https://elsewhere.example/"}}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (x *inbox) deliveries() []delivery {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.got)
}

// status answers each attempt with the next status.
func status(codes ...int) func(int, *http.Request) (int, error) {
	return func(n int, _ *http.Request) (int, error) { return codes[n-1], nil }
}

// bubble runs a test with a hook at an inbox, by synctest's clock.
func bubble(t *testing.T, x *inbox, opt Options, test func(o *org, hook string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opt.Now, opt.HookClient = time.Now, &http.Client{Transport: x}
		o := &org{t: t, Sandbox: NewWith(sandbox.NewCompany(1, 60), 1, opt), clock: &clock{now: time.Now()}}
		id, err := o.RegisterHook("https://hub.example/hook", secretValue)
		if err != nil {
			t.Fatal(err)
		}
		test(o, id)
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (d delivery) envelope(t *testing.T) (e envelope) {
	t.Helper()
	mustDecode(t, d.body, &e)
	return e
}

func TestWhatHappensTogetherGoesTogether(t *testing.T) {
	x := &inbox{answer: status(204, 200)}
	bubble(t, x, Options{HookWindow: 100 * time.Millisecond}, func(o *org, id string) {
		o.mu.Lock()
		start := len(o.st.Log)
		o.mu.Unlock()
		o.must(sandbox.Change{Op: sandbox.DisableAgent, Native: "ai_agent"})
		time.Sleep(60 * time.Millisecond)
		o.must(sandbox.Change{Op: sandbox.AddCredential, Native: "ai_agent"})
		o.must(sandbox.Change{Op: sandbox.AddCredential, Native: "service_app"}) // its entry is not for hooks
		time.Sleep(60 * time.Millisecond)
		o.must(sandbox.Change{Op: sandbox.AddOwner})
		time.Sleep(time.Second)
		d := x.deliveries()
		if len(d) != 2 || d[0].at.Sub(o.clock.now) != 100*time.Millisecond {
			t.Fatalf("%d deliveries, want 2, the first after 100 ms", len(d))
		}
		o.mu.Lock()
		log := where(o.st.Log[start:], func(e *logEntry) bool { return catalogue[e.Event.EventType].eligible })
		o.mu.Unlock()
		one, two := d[0].envelope(t), d[1].envelope(t)
		if diff := cmp.Diff(each(log, func(e *logEntry) logEvent { return e.Event }), each(append(one.Data.Events, two.Data.Events...), func(e hookedEvent) logEvent { return e.logEvent })); diff != "" ||
			len(one.Data.Events) != 2 {
			t.Errorf("delivered %d and then (-log +delivered):\n%s", len(one.Data.Events), diff)
		}
		want := envelope{EventType: "com.okta.event_hook", TypeVersion: "1.0", CloudVersion: "0.1", ContentType: "application/json",
			Source: "https://okta." + o.st.Domain + eventHooks + "/" + id, EventID: one.EventID, EventTime: stamp(d[0].at), Data: one.Data}
		if diff := cmp.Diff(want, one, cmp.AllowUnexported(hookedEvent{})); diff != "" || one.EventID == "" || one.EventID == two.EventID {
			t.Errorf("envelope (-want +got):\n%s", diff)
		}
		if h := d[0].header; h.Get("Authorization") != secretValue || h.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", h)
		}
		if len(o.entries(id, "event_hook.delivery")) != 0 {
			t.Error("a good delivery is logged as failed")
		}
	})
}

func TestOnlyWhatAHookWants(t *testing.T) {
	x := &inbox{answer: status(200, 200, 200)}
	bubble(t, x, Options{}, func(o *org, id string) {
		set := func(status string, verified bool) {
			o.mu.Lock()
			defer o.mu.Unlock()
			h := o.st.hook(id)
			h.Events, h.Status, h.Verified = []string{"resource.owner.update"}, status, verified
		}
		set("ACTIVE", true)
		act := func() int {
			o.must(sandbox.Change{Op: sandbox.AddOwner})
			o.must(sandbox.Change{Op: sandbox.RenameAgent})
			time.Sleep(time.Second)
			return len(x.deliveries())
		}
		if n := act(); n != 1 || len(x.deliveries()[0].envelope(t).Data.Events) != 1 {
			t.Errorf("%d deliveries, want one with the owner's entry", n)
		}
		set("ACTIVE", false)
		if n := act(); n != 1 {
			t.Error("an unverified hook gets something")
		}
		set("INACTIVE", true)
		if n := act(); n != 1 {
			t.Error("an inactive hook gets something")
		}
		set("ACTIVE", true)
		o.must(sandbox.Change{Op: sandbox.AddOwner})
		set("INACTIVE", true) // before the delivery sets out
		time.Sleep(time.Second)
		if n := len(x.deliveries()); n != 1 {
			t.Error("a hook that was switched off meanwhile gets something")
		}
	})
}

func TestRetries(t *testing.T) {
	late := func(_ int, r *http.Request) (int, error) {
		<-r.Context().Done()
		return 0, r.Context().Err()
	}
	for name, c := range map[string]struct {
		answer   func(int, *http.Request) (int, error)
		attempts int
		reason   string // of the failure; empty: it went well
		took     time.Duration
	}{
		"well":              {status(200), 1, "", 0},
		"broken once":       {status(503, 204), 2, "", 0},
		"broken":            {status(500, 502), 2, "the receiver answered 502", 0},
		"refused":           {status(401), 1, "the receiver answered 401", 0},
		"refused afterward": {status(500, 404), 2, "the receiver answered 404", 0},
		"redirected":        {status(307), 1, "the receiver answered 307", 0},
		"late":              {late, 2, "the receiver did not answer within 3 seconds", 6 * time.Second},
		"unreachable":       {func(int, *http.Request) (int, error) { return 0, errors.New("refused") }, 2, "the receiver can't be reached", 0},
	} {
		t.Run(name, func(t *testing.T) {
			x := &inbox{answer: c.answer}
			bubble(t, x, Options{}, func(o *org, id string) {
				o.must(sandbox.Change{Op: sandbox.AddOwner})
				began := time.Now()
				time.Sleep(time.Minute)
				d := x.deliveries()
				if len(d) != c.attempts || string(d[0].body) != string(d[len(d)-1].body) {
					t.Fatalf("%d attempts, want %d with the same body", len(d), c.attempts)
				}
				failures := o.entries(id, "event_hook.delivery")
				if c.reason == "" && len(failures) == 0 {
					return
				}
				if len(failures) != 1 || *failures[0].Outcome.Reason != c.reason || failures[0].Outcome.Result != "FAILURE" {
					t.Fatalf("log %+v, want %q", failures, c.reason)
				}
				at, _ := time.Parse(time.RFC3339, failures[0].Published)
				if took := at.Sub(began) - hookWindow; took != c.took {
					t.Errorf("given up after %s, want %s", took, c.took)
				}
			})
		})
	}
}

// TestCloseEndsDeliveries closes while one delivery hangs and another waits; synctest fails a test that leaves anything running.
func TestCloseEndsDeliveries(t *testing.T) {
	x := &inbox{answer: func(_ int, r *http.Request) (int, error) {
		<-r.Context().Done()
		time.Sleep(time.Second) // until the transport has let go
		return 0, r.Context().Err()
	}}
	bubble(t, x, Options{}, func(o *org, id string) {
		o.must(sandbox.Change{Op: sandbox.AddOwner})
		time.Sleep(time.Second)
		o.must(sandbox.Change{Op: sandbox.AddOwner})
		began := time.Now()
		if err := o.Close(); err != nil || time.Since(began) != time.Second {
			t.Errorf("closed after %s, %v; want to wait for the delivery that is broken off", time.Since(began), err)
		}
		o.must(sandbox.Change{Op: sandbox.AddOwner})
		time.Sleep(time.Minute)
		if n := len(x.deliveries()); n != 1 || len(o.entries(id, "event_hook.delivery")) != 0 {
			t.Errorf("%d deliveries, want the one that was broken off, which is not logged", n)
		}
	})
}

// TestDeliveriesHoldTheContract holds each delivered event to the published form of log entries.
func TestDeliveriesHoldTheContract(t *testing.T) {
	c := contract.Okta(t)
	x := &inbox{answer: func(int, *http.Request) (int, error) { return 200, nil }}
	bubble(t, x, Options{}, func(o *org, _ string) {
		for range 20 {
			for _, op := range slices.Concat(sandbox.Ops(), sandbox.ExtraOps()) {
				_, _ = o.Mutate(sandbox.Change{Op: op}) // some find nothing, which other tests are about
			}
		}
		time.Sleep(time.Second)
		held := map[string]bool{}
		for _, d := range x.deliveries() {
			var e struct {
				Data struct{ Events []map[string]any }
			}
			mustDecode(t, d.body, &e)
			for _, event := range e.Data.Events {
				if _, there := event["insertionTimestamp"]; !there {
					t.Error("an event without insertionTimestamp")
				}
				for _, wrong := range asLogged(t, c, event) {
					t.Errorf("%v: %s", event["eventType"], wrong)
				}
				held[event["eventType"].(string)] = true
			}
		}
		if len(held) < 20 {
			t.Errorf("only %d types were delivered: %v", len(held), held)
		}
	})
}

// asLogged holds an event to the contract as if the System Log had answered it.
func asLogged(t *testing.T, c *contract.Contract, event map[string]any) []string {
	t.Helper()
	body, err := json.Marshal([]any{event})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/logs", nil)
	return c.Answer(r, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, body)
}

// TestCatalogue holds the types that the sandbox logs to the published catalogue.
func TestCatalogue(t *testing.T) {
	published := catalogueFile(t, filepath.Join(contract.Folder(t), "okta-event-types.csv"))
	unpublished := map[string]bool{"resource.owner.update": true}
	for _, beta := range betaNames {
		unpublished[beta] = true
	}
	for name, kind := range catalogue {
		tags, known := published[name]
		if known == unpublished[name] {
			t.Errorf("%s: published is %t", name, known)
		}
		if known && strings.Contains(tags, "event-hook-eligible") != kind.eligible {
			t.Errorf("%s: eligible is %t, the catalogue's tags are %s", name, kind.eligible, tags)
		}
		if kind.message == "" {
			t.Errorf("%s has no message", name)
		}
	}
	o := start(t, Options{})
	o.play(300)
	for _, e := range o.st.Log {
		if _, known := catalogue[e.Event.EventType]; !known {
			t.Errorf("%s is logged and not in the catalogue", e.Event.EventType)
		}
	}
	if n := len(eligibleTypes()); n > maxHookEvents {
		t.Errorf("%d types for one hook", n)
	}
}

// catalogueFile reads the tags of each published type.
func catalogueFile(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r := csv.NewReader(f)
	r.TrimLeadingSpace = true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, row := range rows {
		tags[row[0]] = row[3]
	}
	return tags
}
