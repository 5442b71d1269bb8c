package hub_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

// archiving is a hub that archives to a folder.
func (w *world) archiving(folder string) *running {
	c := config.Default()
	c.NATS = config.NATS{URLs: []string{fmt.Sprintf("nats://127.0.0.1:%d", w.port)}, Replicas: 1, Stream: "ROLLCALL"}
	c.Tenants = []config.Tenant{{Name: "acme", Connections: w.company.Connections()}}
	c.Archive = config.Archive{Folder: folder, Segment: 10, Age: 200 * time.Millisecond}
	return w.start(c)
}

// archived opens the archive when it holds as many events as the log.
func (w *world) archived(h *running, folder string) *archive.Archive {
	w.t.Helper()
	f, err := archive.OpenFolder(folder)
	if err != nil {
		w.t.Fatal(err)
	}
	var a *archive.Archive
	h.until(w.t, "the log is archived", func() bool {
		if a, err = archive.Open(w.t.Context(), f); err != nil {
			return false
		}
		have := uint64(0)
		for _, e := range a.Entries() {
			have += e.Events
		}
		held, err := h.Log().Count(w.t.Context())
		return err == nil && have == held
	})
	if r, err := archive.Verify(w.t.Context(), f, nil); err != nil || r.Err() != nil {
		w.t.Errorf("the archive is not sound: %v %+v", err, r)
	}
	return a
}

func (w *world) jetstream() jetstream.JetStream {
	w.t.Helper()
	nc, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", w.port))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		w.t.Fatal(err)
	}
	return js
}

// thin takes the events up to a sequence out of the stream, but for the last of each subject.
func (w *world) thin(js jetstream.JetStream, upTo uint64) {
	w.t.Helper()
	s, err := js.Stream(w.t.Context(), "ROLLCALL")
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := s.Info(w.t.Context(), jetstream.WithSubjectFilter(events.EventsPrefix+".>"))
	if err != nil {
		w.t.Fatal(err)
	}
	for subject := range info.State.Subjects {
		last, err := s.GetLastMsgForSubject(w.t.Context(), subject)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := s.Purge(w.t.Context(), jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(min(last.Sequence, upTo+1))); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Two hubs that archive to one folder make one archive, also when the one that does it ends, and the note says how far it goes.
func TestHubsArchive(t *testing.T) {
	w, folder := newWorld(t), filepath.Join(t.TempDir(), "a", "b")
	first := w.archiving(folder)
	first.caughtUp(t) // it reads the vendor, and the other one stands by
	second := w.archiving(folder)
	a := w.archived(first, folder)
	if len(a.Entries()) < 2 {
		t.Errorf("%d segments, want several", len(a.Entries()))
	}
	first.stop()
	made, err := w.company.Vendors[0].State.Mutate(sandbox.Change{Op: sandbox.CreateAgent, Name: "Late arrival"})
	if err != nil {
		t.Fatal(err)
	}
	second.until(t, "the standby has taken over", func() bool { return second.knows(t, made.Name) })
	a = w.archived(second, folder)
	last, _ := a.Last()
	r, err := hub.OpenReader(t.Context(), hub.Where{URL: fmt.Sprintf("nats://127.0.0.1:%d", w.port)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := hub.Archived{Folder: folder, Segment: last.Number, Digest: last.Digest, Epoch: last.Epoch, Sequence: last.To}
	second.until(t, "the note says how far the archive goes", func() bool {
		note, ok, err := r.Archived(t.Context())
		return err == nil && ok && note == want
	})
	if err := r.Drops(t.Context()); err != nil {
		t.Errorf("the hub's stream drops: %v", err)
	}
}

// When what is archived is taken out of the stream, but for last states, hubs go on as before, and a roster that is made anew, by a hub or by an
// operator, is made of archive and stream. Without the archive it is not made.
func TestRosterFromArchive(t *testing.T) {
	w, folder := newWorld(t), t.TempDir()
	h := w.archiving(folder)
	h.caughtUp(t)
	for n := range 20 { // so that there is history
		if _, err := w.company.Vendors[0].State.Mutate(sandbox.Change{Op: sandbox.RenameAgent, Name: fmt.Sprint("Name ", n)}); err != nil {
			t.Fatal(err)
		}
	}
	h.until(t, "the roster knows the last name", func() bool { return h.knows(t, "Name 19") })
	h.caughtUp(t)
	last, _ := w.archived(h, folder).Last() // more may come until the hub has stopped
	h.stop()

	js := w.jetstream()
	where := hub.Where{URL: fmt.Sprintf("nats://127.0.0.1:%d", w.port)}
	before := w.events(where, "none")
	w.thin(js, last.To)
	if now := w.events(where, "none"); len(now) >= len(before) {
		t.Fatalf("the stream holds %d events, and held %d", len(now), len(before))
	}
	if err := js.DeleteKeyValue(t.Context(), roster.Name); err != nil {
		t.Fatal(err)
	}
	h = w.archiving(folder)
	h.caughtUp(t)
	if now := w.events(where, ""); strings.Join(now, "\n") != strings.Join(before, "\n") {
		t.Errorf("archive and stream hold %d events, the stream held %d: the hub has appended some, or some are lost", len(now), len(before))
	}
	r, err := hub.OpenReader(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := r.Missing(t.Context()); err != nil || n != 0 {
		t.Errorf("%d events are missing (%v), want none", n, err)
	}
	w.verify(r)
	if _, err := r.Rebuild(t.Context(), func(string, uint64, uint64) {}); err != nil {
		t.Fatal(err)
	}
	h.stop()

	alone, err := hub.OpenReader(t.Context(), hub.Where{URL: where.URL, Archive: hub.NoArchive})
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	if _, err := alone.Rebuild(t.Context(), func(string, uint64, uint64) {}); err == nil || !strings.Contains(err.Error(), "the log lacks") {
		t.Errorf("rebuilding without the archive: %v, want that events are lacking", err)
	}
}

// events are the hashes of the connection's events, in the order of the log.
func (w *world) events(where hub.Where, folder string) (out []string) {
	w.t.Helper()
	where.Archive = folder
	r, err := hub.OpenReader(w.t.Context(), where)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	log, err := r.History(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for s, err := range log.Stored(w.t.Context(), events.Query{Filter: events.Filter{Tenant: "acme", Connection: w.company.Connections()[0].Name}}) {
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, fmt.Sprint(s.Position, s.Hash))
	}
	return out
}

// verify folds the history and compares the roster with it, and walks the chains.
func (w *world) verify(r *hub.Reader) {
	w.t.Helper()
	log, err := r.History(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	view, err := r.View.Snapshot(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	v, err := replay.Verify(w.t.Context(), log, view, roster.Version, roster.New, nil)
	if err != nil || len(v.Differences) > 0 {
		w.t.Errorf("the roster is not what archive and log make: %v %+v", err, v.Differences)
	}
	if chains, err := replay.VerifyChains(w.t.Context(), log, replay.Head{}, nil); err != nil || len(chains.Faults) > 0 {
		w.t.Errorf("the chains are not sound: %v %+v", err, chains.Faults)
	}
}

// What a stream drops by itself is told of, and its hub does not open it.
func TestStreamThatDrops(t *testing.T) {
	w := newWorld(t)
	h := w.hub()
	h.caughtUp(t)
	r := w.reader(h)
	js := w.jetstream()
	s, err := js.Stream(t.Context(), "ROLLCALL")
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	c.MaxAge = time.Hour
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	var wrong *eventlog.SettingsError
	if err := r.Drops(t.Context()); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "max_age") {
		t.Errorf("Drops: %v", err)
	}
	h.stop()
	cfg := config.Default()
	cfg.NATS = config.NATS{URLs: []string{fmt.Sprintf("nats://127.0.0.1:%d", w.port)}, Replicas: 1, Stream: "ROLLCALL"}
	if h, err := hub.Open(t.Context(), hub.Options{Config: cfg}); !errors.As(err, &wrong) {
		t.Errorf("a hub opens a stream that drops: %v", err)
		h.Close()
	}
}
