package hub

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/internal/config"
)

// receiver is a connector's part in a push.
type receiver func(w http.ResponseWriter, r *http.Request) []string

func (f receiver) Receive(w http.ResponseWriter, r *http.Request) []string { return f(w, r) }

// wakes takes everything, and wakes feeds.
func wakes(feeds ...string) receiver {
	return func(http.ResponseWriter, *http.Request) []string { return feeds }
}

// sleeper is a runner that notes when its feeds are woken.
type sleeper struct {
	mu    sync.Mutex
	state string
	began time.Time
	woken []string
}

func (s *sleeper) Nudge(feed string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.woken = append(s.woken, feed+" after "+time.Since(s.began).String())
	return true
}

func (s *sleeper) Status() connectors.Status { return connectors.Status{State: s.state} }

func (s *sleeper) news() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.woken
	s.woken = nil
	return out
}

// doorTo is a door that is not listening, with one hook at /hooks/acme/okta.
func doorTo(pushed connectors.Pushed, runner woken) (*door, *hook) {
	k := newHook("okta", pushed, runner, slog.New(slog.DiscardHandler))
	return &door{slots: make(chan struct{}, mostAtOnce), hooks: map[string]*hook{"acme/okta": k, "acme/later": nil}}, k
}

func push(d *door, path string) int {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}")))
	return w.Code
}

// The first push wakes at once; those of the second after it wake together at its end; none is lost.
func TestWakesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{state: connectors.StateRunning, began: time.Now()}
		feed := "log"
		d, k := doorTo(receiver(func(http.ResponseWriter, *http.Request) []string { return []string{feed} }), s)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- k.run(ctx) }()
		for range 50 {
			push(d, "/hooks/acme/okta")
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		feed = "other"
		push(d, "/hooks/acme/okta")
		synctest.Wait()
		if got, want := s.news(), []string{"log after 0s", "log after 1s", "other after 10.5s"}; !slices.Equal(got, want) {
			t.Errorf("woken %q, want %q", got, want)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A hub that does not read the connection asks for the push again; what wakes nothing is answered as the connector says.
func TestHookOfAHubThatDoesNotRead(t *testing.T) {
	for state, want := range map[string]int{
		connectors.StateRunning: 200, connectors.StateHeld: 200, connectors.StateFailing: 200, connectors.StateUnauthorized: 200,
		connectors.StateStarting: 503, connectors.StateStandby: 503, connectors.StateStopped: 503,
	} {
		d, k := doorTo(wakes("log"), &sleeper{state: state})
		if got := push(d, "/hooks/acme/okta"); got != want {
			t.Errorf("%s: answered %d, want %d", state, got, want)
		}
		if due := k.take(); (len(due) > 0) != (want == 200) {
			t.Errorf("%s: %q is to be woken", state, due)
		}
		d, _ = doorTo(wakes(), &sleeper{state: state})
		if got := push(d, "/hooks/acme/okta"); got != 200 {
			t.Errorf("%s: a push that wakes nothing is answered %d", state, got)
		}
	}
}

// Only the paths of hooks are there, and an unknown tenant looks like an unknown connection.
func TestPathsOfTheDoor(t *testing.T) {
	d, _ := doorTo(wakes("log"), &sleeper{state: connectors.StateRunning})
	for path, want := range map[string]int{
		"/hooks/acme/okta": 200, "/hooks/acme/later": 503, "/hooks/acme/other": 404, "/hooks/other/okta": 404, "/hooks/acme": 404,
		"/hooks/acme/okta/": 404, "/hooks/": 404, "/hooks//acme/okta": 404, "/acme/okta": 404, "/": 404,
	} {
		if got := push(d, path); got != want {
			t.Errorf("%s is answered %d, want %d", path, got, want)
		}
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/hooks/other/okta", nil))
	if w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Errorf("a path that is not there is answered with %v %q", w.Header(), w.Body)
	}
}

// A connector that panics neither ends the hub nor tells what was sent.
func TestPanicOfAReceiver(t *testing.T) {
	var said bytes.Buffer
	d, k := doorTo(receiver(func(w http.ResponseWriter, _ *http.Request) []string {
		_, _ = io.WriteString(w, "half an answer")
		panic(errors.New("s3cr3t-content"))
	}), &sleeper{state: connectors.StateRunning})
	k.logger = slog.New(slog.NewTextHandler(&said, nil))
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/acme/okta", nil))
	if w.Code != 500 || w.Body.Len() > 0 {
		t.Errorf("answered %d %q", w.Code, w.Body)
	}
	if s := said.String(); !strings.Contains(s, "a connector panicked") || strings.Contains(s, "s3cr3t") {
		t.Errorf("the log says %s", s)
	}
	if push(d, "/hooks/acme/okta") != 500 {
		t.Error("the door is not open any more")
	}
}

// More requests than the door takes at once are sent away, and room is made again.
func TestTooManyPushes(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	d, _ := doorTo(receiver(func(http.ResponseWriter, *http.Request) []string {
		inside <- struct{}{}
		<-leave
		return nil
	}), &sleeper{state: connectors.StateRunning})
	codes := make(chan int)
	for range mostAtOnce {
		go func() { codes <- push(d, "/hooks/acme/okta") }()
		<-inside
	}
	if got := push(d, "/hooks/acme/okta"); got != 503 {
		t.Errorf("one too many is answered %d", got)
	}
	close(leave)
	for range mostAtOnce {
		if got := <-codes; got != 200 {
			t.Errorf("one of the first is answered %d", got)
		}
	}
	go func() { <-inside }()
	if got := push(d, "/hooks/acme/okta"); got != 200 {
		t.Errorf("one after them is answered %d", got)
	}
}

// No connector reads more than the door lets in.
func TestLargePush(t *testing.T) {
	var read int64
	var failed error
	d, _ := doorTo(receiver(func(_ http.ResponseWriter, r *http.Request) []string {
		read, failed = io.Copy(io.Discard, r.Body)
		return nil
	}), &sleeper{state: connectors.StateRunning})
	body := strings.NewReader(strings.Repeat("x", 3*connectors.MaxPush))
	d.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/hooks/acme/okta", body))
	var large *http.MaxBytesError
	if read != connectors.MaxPush || !errors.As(failed, &large) {
		t.Errorf("%d bytes were read, then %v", read, failed)
	}
}

// Deliveries and refusals are counted; a verification is neither.
func TestHookStatus(t *testing.T) {
	d, k := doorTo(receiver(func(w http.ResponseWriter, r *http.Request) []string {
		if r.Header.Get("Authorization") == "" && r.Method == http.MethodPost {
			w.WriteHeader(http.StatusUnauthorized)
		}
		return nil
	}), &sleeper{state: connectors.StateRunning})
	push(d, "/hooks/acme/okta")
	d.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/hooks/acme/okta", nil))
	if s := k.status(); s.Refused != 1 || s.Deliveries != 0 || !s.LastAt.IsZero() {
		t.Errorf("after a forgery and a verification: %+v", s)
	}
	r := httptest.NewRequest(http.MethodPost, "/hooks/acme/okta", nil)
	r.Header.Set("Authorization", "x")
	d.ServeHTTP(httptest.NewRecorder(), r)
	if s := k.status(); s.Refused != 1 || s.Deliveries != 1 || s.LastAt.IsZero() {
		t.Errorf("after a delivery: %+v", s)
	}
}

// An address that stands for all of a machine's is shown as one that others can reach.
func TestReachable(t *testing.T) {
	if got := reachable("127.0.0.1:8090"); got != "127.0.0.1:8090" {
		t.Errorf("loopback is shown as %s", got)
	}
	for _, all := range []string{"0.0.0.0:8090", "[::]:8090"} {
		if got := reachable(all); got == all || !strings.HasSuffix(got, ":8090") {
			t.Errorf("%s is shown as %s", all, got)
		}
	}
}

// A door says what keeps it from opening.
func TestDoorThatDoesNotOpen(t *testing.T) {
	c := config.Default()
	c.Hooks.Listen = "127.0.0.1:0"
	first, err := openDoor(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	c.Hooks.Listen = first.listener.Addr().String()
	if d, err := openDoor(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil || !strings.HasPrefix(err.Error(), "hooks.listen: ") {
		t.Errorf("a second one at the same address: %v, error %v", d, err)
	}
	c.Hooks.Certificate, c.Hooks.Key = "/nope", "/nope"
	if d, err := openDoor(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil || !strings.HasPrefix(err.Error(), "hooks.certificate: ") {
		t.Errorf("one without its certificate: %v, error %v", d, err)
	}
}
