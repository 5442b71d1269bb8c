package hub

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcallhq/rollcall/connectors"
)

// wakeEvery is the shortest time between two wakes of a connection.
const wakeEvery = time.Second

// woken is the part of a runner that a hook needs.
type woken interface {
	Nudge(feed string) bool
	Status() connectors.Status
}

// hook takes the pushes of one connection's vendor: the connector answers them, and the feeds that it names are woken.
type hook struct {
	connection string
	pushed     connectors.Pushed
	runner     woken
	logger     *slog.Logger
	rung       chan struct{} // something is due

	mu     sync.Mutex
	due    map[string]bool // feeds to wake
	counts connectors.HookStatus
}

func newHook(connection string, pushed connectors.Pushed, runner woken, logger *slog.Logger) *hook {
	return &hook{connection: connection, pushed: pushed, runner: runner, logger: logger, rung: make(chan struct{}, 1), due: map[string]bool{}}
}

// serve answers one request.
//
// A hub that does not read the connection, a standby above all, takes no delivery: 503 has the vendor send it again, which a
// balancer may lead to the hub that reads, and a 200 would say that somebody was woken. It costs nothing when nobody takes it,
// because a hub that begins to read asks every feed at once. Verifications and forgeries are answered as ever.
func (k *hook) serve(w http.ResponseWriter, r *http.Request) {
	a := &answer{header: http.Header{}}
	feeds := k.ask(a, r)
	switch {
	case len(feeds) == 0:
	case k.reads():
		k.ring(feeds)
	default:
		a = &answer{header: http.Header{}, status: http.StatusServiceUnavailable}
	}
	k.count(r.Method, a.code())
	a.send(w)
}

// ask has the connector answer, and makes a failure of a panic. What it panics with may hold what was sent, so only its type is
// told.
func (k *hook) ask(a *answer, r *http.Request) (feeds []string) {
	defer func() {
		if v := recover(); v != nil {
			k.logger.Error("a connector panicked", "connection", k.connection, "in", "Receive", "panic", fmt.Sprintf("%T", v),
				"stack", string(debug.Stack()))
			*a, feeds = answer{header: http.Header{}, status: http.StatusInternalServerError}, nil
		}
	}()
	return k.pushed.Receive(a, r)
}

// reads reports whether this hub reads the connection.
func (k *hook) reads() bool {
	switch k.runner.Status().State {
	case connectors.StateStarting, connectors.StateStandby, connectors.StateStopped:
		return false
	}
	return true
}

// ring has the feeds woken, now or at the end of the second since the last wake.
func (k *hook) ring(feeds []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range feeds {
		k.due[f] = true
	}
	select {
	case k.rung <- struct{}{}:
	default:
	}
}

// run wakes feeds until ctx ends.
func (k *hook) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.rung:
		}
		for _, feed := range k.take() {
			k.runner.Nudge(feed)
		}
		if !pause(ctx, wakeEvery) {
			return nil
		}
	}
}

// take is what is due, which then is no more.
func (k *hook) take() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	feeds := slices.Sorted(maps.Keys(k.due))
	clear(k.due)
	return feeds
}

func (k *hook) count(method string, code int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case code < 200 || code > 299:
		k.counts.Refused++
	case method != http.MethodGet:
		k.counts.Deliveries++
		k.counts.LastAt = time.Now().UTC()
	}
}

func (k *hook) status() *connectors.HookStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.counts
	return &s
}

// alongside runs a hook beside the runner that it wakes.
func (k *hook) alongside(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return run(ctx) })
		g.Go(func() error { return k.run(ctx) })
		return g.Wait()
	}
}

// answer holds an answer back until it is known whether it stands.
type answer struct {
	header http.Header
	status int // 0: none said, which is 200
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

func (a *answer) code() int {
	if a.status == 0 {
		return http.StatusOK
	}
	return a.status
}

func (a *answer) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.code())
	_, _ = w.Write(a.body.Bytes()) // who has gone away needs no answer
}
