package hub

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/archive/archivetest"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// thinning is a hub with a log of 120 events and its archive, in segments of 30.
func thinning(t *testing.T) (*Hub, *archive.Archive) {
	t.Helper()
	r := readerOf(t)
	archivetest.Fill(t, r.Log, 120)
	f, err := archive.MakeFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &Hub{log: r.Log, nc: r.nc, folder: f, opts: Options{Logger: slog.New(slog.DiscardHandler), Config: config.Config{Archive: config.Archive{Keep: time.Nanosecond}}}}
	if h.Board, err = openBoards(t.Context(), r.nc); err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write(t.Context(), r.Log, archive.Options{Events: 30}); err != nil {
		t.Fatal(err)
	}
	last, _ := a.Last()
	if err := h.noteArchived(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	return h, a
}

func all(t *testing.T, log History, q events.Query) string {
	t.Helper()
	var out strings.Builder
	for s, err := range log.Stored(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out, s.Position, s.Subject, s.Hash)
	}
	return out.String()
}

// Killed at every step, what is removed is archived, last states stay, and the next pass does what is left to do.
func TestThinKilledAtEveryStep(t *testing.T) {
	for _, point := range []string{"thin.noted:1", "thin.subject:1", "thin.subject:7", "thin.removed:1", "thin.noted:3", "thin.subject:40", "thin.removed:4"} {
		t.Run(point, func(t *testing.T) {
			h, a := thinning(t)
			before, states := all(t, h.log, events.Query{}), all(t, h.log, events.Query{LastOnly: true})
			if !killedAt(point, func() { _ = h.thin(t.Context(), a) }) {
				t.Fatal("the failpoint was not hit")
			}
			check := func() {
				t.Helper()
				log, err := joined(t.Context(), h.log, h.folder.String())
				if err != nil {
					t.Fatal(err)
				}
				if now := all(t, log, events.Query{}); now != before {
					t.Errorf("log and archive hold %d events, and held %d", strings.Count(now, "\n"), strings.Count(before, "\n"))
				}
				if now := all(t, h.log, events.Query{LastOnly: true}); now != states {
					t.Errorf("the stream's last states were:\n%s and are:\n%s", states, now)
				}
				if err := complete(t.Context(), log); err != nil {
					t.Error(err)
				}
			}
			check()
			if err := h.thin(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			check()
			if left := all(t, h.log, events.Query{}); left != states {
				t.Errorf("the stream holds %d events, want the %d last states", strings.Count(left, "\n"), strings.Count(states, "\n"))
			}
			note, _, err := archived(t.Context(), h.Board.Archives)
			if end, _ := a.End(t.Context()); err != nil || note.Thinned != end.Sequence || note.Thinning != end.Sequence {
				t.Errorf("the note is %+v (%v)", note, err)
			}
		})
	}
}

func killedAt(point string, work func()) (killed bool) {
	exit := failpoint.Exit
	failpoint.Exit = runtime.Goexit
	failpoint.Arm(point)
	defer func() { failpoint.Exit = exit; failpoint.Arm("") }()
	done := make(chan struct{})
	killed = true
	go func() {
		defer close(done)
		work()
		killed = false
	}()
	<-done
	return killed
}

// Nothing is removed that is younger than archive.keep, that is in a segment which was changed, or that is not archived.
func TestThinKeeps(t *testing.T) {
	h, a := thinning(t)
	before := all(t, h.log, events.Query{})
	h.opts.Config.Archive.Keep = time.Hour
	if err := h.thin(t.Context(), a); err != nil || all(t, h.log, events.Query{}) != before {
		t.Errorf("young events were removed (%v)", err)
	}
	h.opts.Config.Archive.Keep = 0
	if err := h.thin(t.Context(), a); err != nil || all(t, h.log, events.Query{}) != before {
		t.Errorf("events were removed without archive.keep (%v)", err)
	}
	h.opts.Config.Archive.Keep = time.Nanosecond
	damage(t, h.folder.String(), "segments/0000000001-*")
	if err := h.thin(t.Context(), a); err == nil || !strings.Contains(err.Error(), "segment 1") || all(t, h.log, events.Query{}) != before {
		t.Errorf("events of a changed segment were removed (%v)", err)
	}
}

// What was removed from the stream is not archived anew as if it had never been, and a hub without the archive does not fold what is left.
func TestThinnedLogNeedsItsArchive(t *testing.T) {
	h, a := thinning(t)
	if err := h.thin(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := mayArchive(t.Context(), h.Board.Archives, h.log, a); err != nil {
		t.Errorf("the archive cannot be continued: %v", err)
	}
	folder := h.folder
	var err error
	if h.folder, err = archive.MakeFolder(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	empty, err := archive.Open(t.Context(), h.folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := mayArchive(t.Context(), h.Board.Archives, h.log, empty); err == nil || !strings.Contains(err.Error(), "cannot be continued: the log lacks") || !strings.Contains(err.Error(), folder.String()) {
		t.Errorf("an archive in another folder: %v", err)
	}
	first := func() error {
		for _, err := range (&folded{h.log, h}).Read(t.Context(), events.Query{}) {
			return err
		}
		return nil
	}
	if err := first(); err == nil || !strings.Contains(err.Error(), "the log lacks") && !strings.Contains(err.Error(), "lacks") {
		t.Errorf("folding with an empty archive: %v", err)
	}
	h.folder = nil
	if err := first(); err == nil || !strings.Contains(err.Error(), "set archive.folder") {
		t.Errorf("folding without an archive: %v", err)
	}
	h.folder = folder
	if err := first(); err != nil {
		t.Errorf("folding with the archive: %v", err)
	}
	remove(t, folder)
	if err := first(); err == nil || !strings.Contains(err.Error(), "and the archive cannot be read: segment 1: its entry") {
		t.Errorf("folding with a damaged archive: %v", err)
	}
	whole, _ := thinning(t)
	remove(t, whole.folder)
	for _, err := range (&folded{whole.log, whole}).Read(t.Context(), events.Query{}) { // the log alone is whole
		if err != nil {
			t.Error(err)
		}
	}
}

// remove takes the first segment's entry out.
func remove(t *testing.T, f *archive.Folder) {
	t.Helper()
	if err := os.Remove(filepath.Join(f.String(), "index", "0000000001.json")); err != nil {
		t.Fatal(err)
	}
}

// damage alters the one file that a pattern names.
func damage(t *testing.T, dir, pattern string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(found[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
}
