package integration

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/natsd"
)

// Two hubs share one NATS server. One reads, the other stands by; when the first is killed, in the middle of changes, the second
// takes every connection over. Nothing is told twice, nothing is lost.
func TestTwoHubs(t *testing.T) {
	w := newWorld(t, demo.Options{Agents: 9})
	server, err := natsd.Start(t.Context(), natsd.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown() //nolint:errcheck // the test is over
	where := hub.Where{URL: server.ClientURL()}
	nats := fmt.Sprintf("{urls: [%q]}", server.ClientURL())

	first := w.start(t, w.config(t, "first", nats))
	hubs := &watched{t: t, where: where}
	eventually(t, "the first hub reads everything", func() bool { return hubs.reading() != "" })
	reader := hubs.reading()
	second := w.start(t, w.config(t, "second", nats))

	w.change(t, 40)
	if now := hubs.reading(); now != "" && now != reader {
		t.Errorf("the second hub took over from a first that was alive")
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	w.change(t, 40)
	eventually(t, "the second hub reads everything", func() bool { now := hubs.reading(); return now != "" && now != reader })

	// A third hub, on a server of its own, tells what the vendors hold in the end.
	if w.child(t, w.config(t, "third", ""), "") {
		t.Fatal("the third hub was killed")
	}
	want := alive(left(t, hub.Where{Data: filepath.Join(w.dir, "third")}))
	deadline := time.Now().Add(settleTime)
	for diff := "?"; diff != ""; time.Sleep(20 * time.Millisecond) {
		if diff = gocmp.Diff(want, alive(hubs.roster())); diff != "" && time.Now().After(deadline) {
			t.Fatalf("the roster is not what the vendors hold (-third hub +roster):\n%s", diff)
		}
	}
	if err := second.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = second.Wait()                                // it was killed
	if w.child(t, w.config(t, "second", nats), "") { // it may have been killed before the roster held what the log holds
		t.Fatal("the last hub was killed")
	}
	left(t, where)
}

// change makes n changes of all sorts at the sandboxes.
func (w *world) change(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		op := sandbox.Ops()[i%len(sandbox.Ops())]
		_, err := w.company.Vendors[i%len(w.company.Vendors)].State.Mutate(sandbox.Change{Op: op})
		if err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
			t.Fatal(err)
		}
	}
}

// alive are the agents that are not deleted, unnamed.
func alive(o outcome) []string {
	return slices.DeleteFunc(unnamed(o.Roster), func(line string) bool { return strings.HasPrefix(line, string(events.StatusDeleted)+" ") })
}

// watched looks at what hubs do from outside.
type watched struct {
	t     *testing.T
	where hub.Where
	r     *hub.Reader
}

func (h *watched) open() *hub.Reader {
	h.t.Helper()
	if h.r == nil {
		r, err := hub.OpenReader(h.t.Context(), h.where)
		if err != nil {
			return nil // no hub has made log and view yet
		}
		h.r = r
		h.t.Cleanup(r.Close)
	}
	return h.r
}

// reading is the one hub that reads all three connections and is caught up with them; empty while there is none.
func (h *watched) reading() string {
	r := h.open()
	if r == nil {
		return ""
	}
	statuses, err := r.Statuses(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	who := ""
	for _, s := range statuses {
		if s.State != connectors.StateRunning || !s.CaughtUp() || who != "" && who != s.Hub {
			return ""
		}
		who = s.Hub
	}
	if len(statuses) < 3 {
		return ""
	}
	return who
}

func (h *watched) roster() outcome {
	return outcome{Roster: people(h.t, h.t.Context(), h.open())}
}
