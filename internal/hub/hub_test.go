package hub_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// patience bounds what must happen in the end.
const patience = time.Minute

// world is a small company at one vendor, and a NATS server that is not the hub's own.
type world struct {
	t       *testing.T
	company *demo.Company
	dir     string
	port    int
	nats    *natsd.Server
}

func newWorld(t *testing.T) *world {
	company, err := demo.Start(demo.Options{Agents: 9, Vendors: []string{"okta"}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, company: company, dir: t.TempDir()}
	t.Cleanup(func() {
		w.stopNATS()
		if err := company.Close(); err != nil {
			t.Error(err)
		}
	})
	w.startNATS()
	return w
}

// startNATS starts the server, always on the same port.
func (w *world) startNATS() {
	w.t.Helper()
	s, err := natsd.Start(w.t.Context(), natsd.Options{Dir: w.dir, Port: w.port})
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(s.ClientURL())
	if err != nil {
		w.t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		w.t.Fatal(err)
	}
	w.port, _ = strconv.Atoi(port)
	w.nats = s
}

func (w *world) stopNATS() {
	if w.nats != nil {
		if err := w.nats.Shutdown(); err != nil {
			w.t.Error(err)
		}
		w.nats = nil
	}
}

// running is a hub at work.
type running struct {
	*hub.Hub
	stop func()
}

func (w *world) hub() *running {
	w.t.Helper()
	c := config.Default()
	c.NATS = config.NATS{URLs: []string{fmt.Sprintf("nats://127.0.0.1:%d", w.port)}, Replicas: 1, Stream: "ROLLCALL"}
	c.Tenants = []config.Tenant{{Name: "acme", Connections: w.company.Connections()}}
	return w.start(c)
}

// start has a hub work until it is stopped, or the test ends.
func (w *world) start(c config.Config) *running {
	w.t.Helper()
	h, err := hub.Open(w.t.Context(), hub.Options{Config: c, Vendors: all.Vendors})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	r := &running{Hub: h}
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
		h.Close()
	}
	w.t.Cleanup(r.stop)
	return r
}

// reader opens a reader, and waits for the board to show that the hub is running.
func (w *world) reader(h *running) *hub.Reader {
	w.t.Helper()
	r, err := hub.OpenReader(w.t.Context(), hub.Where{URL: fmt.Sprintf("nats://127.0.0.1:%d", w.port)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(r.Close)
	h.until(w.t, "the board shows the hub", func() bool {
		shown, err := r.Statuses(w.t.Context())
		return err == nil && len(shown) == 1 && shown[0].Hub == h.ID && shown[0].State == connectors.StateRunning
	})
	return r
}

// until waits for something about a hub to become true.
func (r *running) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.After(patience)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-end:
			t.Fatalf("it never came to be: %s; %+v", what, r.Statuses())
		case <-r.Moved():
		case <-look.C:
		}
	}
}

func (r *running) caughtUp(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if stuck, err := r.CaughtUp(ctx); err != nil || len(stuck) > 0 {
		t.Fatalf("not caught up: %v %v; %+v", err, stuck, r.Statuses())
	}
}

// knows reports whether the roster has an agent with that name.
func (r *running) knows(t *testing.T, name string) bool {
	agents, err := roster.Reader{Store: r.View}.Agents(t.Context(), "acme")
	for _, a := range agents {
		if a.Name == name {
			return true
		}
	}
	return err != nil && t.Context().Err() != nil
}

// When NATS comes back with an older copy of its data while the hub runs, the hub notices, begins a new epoch, and reads the
// vendor again: what the restore took away is there once more.
func TestRestoredWhileItRuns(t *testing.T) {
	w := newWorld(t)
	first := w.hub()
	first.caughtUp(t)
	first.stop()
	w.stopNATS()
	saved := filepath.Join(t.TempDir(), "nats")
	if err := os.CopyFS(saved, os.DirFS(filepath.Join(w.dir, "nats"))); err != nil {
		t.Fatal(err)
	}
	w.startNATS()

	h := w.hub()
	h.caughtUp(t)
	made, err := w.company.Vendors[0].State.Mutate(sandbox.Change{Op: sandbox.CreateAgent, Name: "Late arrival"})
	if err != nil {
		t.Fatal(err)
	}
	h.until(t, "the roster knows the new agent", func() bool { return h.knows(t, made.Name) })
	before := h.Log().Epoch()

	w.stopNATS()
	if err := os.RemoveAll(filepath.Join(w.dir, "nats")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(w.dir, "nats"), os.DirFS(saved)); err != nil {
		t.Fatal(err)
	}
	w.startNATS()

	h.until(t, "a new epoch has begun", func() bool { return h.Log().Epoch().Former == before.ID })
	h.until(t, "the roster knows the agent again", func() bool { return h.knows(t, made.Name) })
	h.caughtUp(t)
}

// Of two hubs one reads and the other stands by: it is settled as it is, publishes nothing of its own, and takes over.
func TestStandby(t *testing.T) {
	w := newWorld(t)
	first := w.hub()
	first.caughtUp(t)
	second := w.hub()
	second.until(t, "the second hub is a standby", func() bool {
		s := second.Statuses()
		return len(s) == 1 && s[0].State == connectors.StateStandby
	})
	second.caughtUp(t)
	w.reader(first)
	first.stop()
	second.until(t, "the standby reads", func() bool { return second.Statuses()[0].State == connectors.StateRunning })
	second.caughtUp(t)
}

// An approval needs something that is held back, of one connection that there is.
func TestApproveNamesWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	h := w.hub()
	h.caughtUp(t)
	r := w.reader(h)
	for connection, want := range map[string]string{
		"okta":  "nothing of connection okta is held back (it is running)",
		"entra": "no hub reads a connection \"entra\": `rollcall connections` lists them",
	} {
		if _, err := r.Approve(t.Context(), hub.Approve{Connection: connection}); err == nil || err.Error() != want {
			t.Errorf("approving %s: %v, want %s", connection, err, want)
		}
	}
}
