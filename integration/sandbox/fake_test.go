package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// fake is the least vendor there can be: a list of names, and a cursor that is a number.
type fake struct {
	mu      sync.Mutex
	names   []string
	expired int
}

func (f *fake) Name() string  { return "fake" }
func (f *fake) Token() string { return "fake-token" }

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == http.MethodPost {
		f.names = append(f.names, r.URL.Query().Get("name"))
	}
	w.Header().Set("X-Vendor", "fake")
	w.WriteHeader(http.StatusOK)
	_ = json.NewEncoder(w).Encode(f.names)
}

// Fail has a form for rate limits, and for expired cursors only where a cursor was sent.
func (f *fake) Fail(w http.ResponseWriter, r *http.Request, x Fault) bool {
	switch {
	case x.Kind == RateLimit:
		w.Header().Set("Retry-After", fmt.Sprint(x.After.Seconds()))
		w.WriteHeader(http.StatusTooManyRequests)
	case x.Kind == Expired && r.URL.Query().Has("cursor"):
		w.WriteHeader(http.StatusGone)
	default:
		return false
	}
	return true
}

func (f *fake) Mutate(c Change) (Outcome, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.Op != CreateAgent {
		return Outcome{}, fmt.Errorf("%s: %w", c.Op, ErrNoTarget)
	}
	f.names = append(f.names, c.Name)
	return Outcome{Op: c.Op, Agent: c.Name, Name: c.Name}, nil
}

func (f *fake) Truth() Truth {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := Truth{Vendor: "fake"}
	for _, n := range f.names {
		t.Agents = append(t.Agents, TruthAgent{ID: n, Name: n})
	}
	return t
}

func (f *fake) ExpireCursors() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expired++
}

func (f *fake) Snapshot() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return json.Marshal(f.names)
}

func (f *fake) Restore(b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return json.Unmarshal(b, &f.names)
}

// start serves a fake with three agents.
func start(t *testing.T) (*fake, *Server, string) {
	t.Helper()
	f := &fake{names: []string{"one", "two", "three"}}
	s := Serve(f)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return f, s, h.URL
}

func call(t *testing.T, method, url, body string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err == nil {
		t.Cleanup(func() { _ = res.Body.Close() })
	}
	return res, err
}

// serveStore serves a store and returns its base URL.
func serveStore(t *testing.T, st *Store) string {
	t.Helper()
	h := httptest.NewServer(Serve(st))
	t.Cleanup(h.Close)
	return h.URL
}
