package archive_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/archive/archivetest"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// Each fault in each object is found, and the segment named. Every byte is altered once, and every fifth length cut.
func TestFaults(t *testing.T) {
	log, s := newLog(t, 9), archivetest.NewMemory()
	write(t, s, log, archive.Options{Events: 3})
	if r := sound(t, s); r.Segments != 3 {
		t.Fatalf("%d segments, want 3", r.Segments)
	}
	for name, whole := range s.Objects {
		number := uint64(name[strings.Index(name, "/")+10] - '0')
		for at := range whole {
			b := slices.Clone(whole)
			b[at] ^= 1 << (at % 8)
			mustFind(t, s, fmt.Sprintf("bit flip at %d of %s", at, name), number, func(m map[string][]byte) { m[name] = b })
			if at%5 == 0 || at == len(whole)-1 {
				mustFind(t, s, fmt.Sprintf("%s cut to %d", name, at), number, func(m map[string][]byte) { m[name] = whole[:at] })
			}
		}
		mustFind(t, s, name+" longer", number, func(m map[string][]byte) { m[name] = append(slices.Clone(whole), 0) })
		if number < 3 || strings.HasPrefix(name, "segments/") { // the last entry alone: the archive is then one segment shorter
			mustFind(t, s, name+" taken out", number, func(m map[string][]byte) { delete(m, name) })
		}
		for other, content := range s.Objects {
			if other != name && strings.HasPrefix(other, name[:5]) {
				n := uint64(other[strings.Index(other, "/")+10] - '0')
				swap := func(m map[string][]byte) { m[name], m[other] = content, whole }
				mustFind(t, s, name+" swapped with "+other, number, swap)
				if f := mustFind(t, s, name+" swapped with "+other, n, swap); name < "segments" != strings.Contains(f.Text, "is that of segment") ||
					name > "segments" != strings.Contains(f.Text, "it holds segment") {
					t.Errorf("%s swapped with %s: %s", name, other, f.Text)
				}
				mustFind(t, s, other+" copied over "+name, number, func(m map[string][]byte) { m[name] = content })
			}
		}
	}
	for _, number := range []uint64{1, 2} { // with its entry
		mustFind(t, s, "segment and entry taken out", number, func(m map[string][]byte) {
			for name := range m {
				if strings.Contains(name, fmt.Sprintf("/%010d", number)) {
					delete(m, name)
				}
			}
		})
	}
}

func mustFind(t *testing.T, sound *archivetest.Memory, what string, number uint64, damage func(map[string][]byte)) (found archive.Fault) {
	t.Helper()
	s := sound.Clone()
	damage(s.Objects)
	r, err := archive.Verify(t.Context(), s, nil)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	at := slices.IndexFunc(r.Faults, func(f archive.Fault) bool {
		return f.Number == number && strings.HasPrefix(f.Text, fmt.Sprintf("segment %d", number))
	})
	if at >= 0 {
		found = r.Faults[at]
	} else {
		t.Errorf("%s: segment %d is not named: %v", what, number, r.Faults)
	}
	got, err := read(t, s) // nobody is told altered events
	if err != nil {
		return found
	}
	if want, _ := read(t, sound); !slices.Equal(got, want) {
		t.Errorf("%s: %d of %d events are read without an error", what, len(got), len(want))
	}
	return found
}

// read reads an archive whole.
func read(t *testing.T, s archive.Store) (hashes []string, err error) {
	a, err := archive.Open(t.Context(), s)
	if err != nil {
		return nil, err
	}
	for s, err := range a.Stored(t.Context(), events.Query{}) {
		if err != nil {
			return hashes, err
		}
		hashes = append(hashes, s.Hash)
	}
	end, err := a.End(t.Context()) // from where on the log is read, and archived
	return append(hashes, end.String()), err
}

// A segment that somebody has written anew, with its entry, shows in the next one.
func TestForgedSegment(t *testing.T) {
	log := (&tape{}).restored(0, "a", 9)
	forged := &tape{messages: slices.Clone(log.messages), epoch: "a", survived: log.survived}
	m := &forged.messages[4]
	m.Body = []byte(`{"type":"agent.updated","forged":true}`)
	m.Hash = events.ChainHash("", m.Body)
	s, other := archivetest.NewMemory(), archivetest.NewMemory()
	write(t, s, log, archive.Options{Events: 3})
	write(t, other, forged, archive.Options{Events: 3})
	sound(t, other)
	for name := range s.Objects {
		if strings.Contains(name, "/0000000002") {
			delete(s.Objects, name)
		}
	}
	for name, content := range other.Objects {
		if strings.Contains(name, "/0000000002") {
			s.Objects[name] = content
		}
	}
	if r, err := archive.Verify(t.Context(), s, nil); err != nil || len(r.Faults) != 1 || r.Faults[0].Number != 3 || !strings.Contains(r.Faults[0].Text, "and segment 2 has") {
		t.Errorf("%+v, %v: want a fault between segment 2 and 3", r.Faults, err)
	}
	if _, err := archive.Open(t.Context(), s); err == nil {
		t.Error("it is read")
	}
}

// The end of an archive, taken out whole, is known to who knows the log's end.
func TestTailTakenOut(t *testing.T) {
	log, s := newLog(t, 9), archivetest.NewMemory()
	write(t, s, log, archive.Options{Events: 3})
	last, _ := open(t, s).Last()
	for name := range s.Objects {
		if strings.Contains(name, "/0000000003") {
			delete(s.Objects, name)
		}
	}
	r := sound(t, s)
	if r.Expect(0, ""); r.Err() != nil {
		t.Errorf("nothing is expected, and found: %v", r.Faults)
	}
	if r.Expect(last.Number, last.Digest); len(r.Faults) != 1 || r.Faults[0].Number != 3 || !strings.Contains(r.Faults[0].Text, "it is missing, with its entry") {
		t.Errorf("a last segment that is known of: %v", r.Faults)
	}
	if r.Expect(2, last.Digest); len(r.Faults) != 2 || !strings.Contains(r.Faults[1].Text, "it was written anew") {
		t.Errorf("a segment that was another: %v", r.Faults)
	}
	if w := write(t, s, log, archive.Options{Events: 3}); w.Events != 3 {
		t.Errorf("the log gave %d events again, want 3", w.Events)
	}
	archivetest.Same(t, log, open(t, s), events.Query{})
}

// An archive goes on with its own log alone.
func TestForeignLog(t *testing.T) {
	s := archivetest.NewMemory()
	write(t, s, newLog(t, 9), archive.Options{})
	if _, err := open(t, s).Write(t.Context(), newLog(t, 9), archive.Options{}); !errors.Is(err, archive.ErrForeign) {
		t.Errorf("writing: %v, want ErrForeign", err)
	}
	if _, err := archive.Join(t.Context(), newLog(t, 9), open(t, s)); !errors.Is(err, archive.ErrForeign) {
		t.Errorf("joining: %v, want ErrForeign", err)
	}
}

// An event that the log holds damaged is archived and told of as it is.
func TestDamagedEvent(t *testing.T) {
	for _, body := range []string{`{"id":"other"}`, "no JSON", "{\n}", "", `"\u0000"`, "\xff"} {
		log, s := newLog(t, 9), archivetest.NewMemory()
		damaged := &altered{log, map[uint64]string{5: body}}
		if w := write(t, s, damaged, archive.Options{}); w.Damaged != 1 {
			t.Errorf("%q: %d damaged, want 1", body, w.Damaged)
		}
		sound(t, s)
		archivetest.Same(t, damaged, open(t, s), events.Query{})
	}
}

// altered is a log in which some bodies were altered.
type altered struct {
	*eventlog.Log
	bodies map[uint64]string
}

func (a *altered) Stored(ctx context.Context, q events.Query) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		for s, err := range a.Log.Stored(ctx, q) {
			if body, ok := a.bodies[s.Position.Sequence]; ok {
				s.Body = []byte(body)
				err = s.Damage(fmt.Errorf("its hash is %s where its content makes %s: it was damaged or altered", s.Hash, events.ChainHash(s.Prev, s.Body)))
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// An archive that a newer version has written is refused, and not called damaged.
func TestNewerFormat(t *testing.T) {
	dir := t.TempDir()
	s := makeFolder(t, dir)
	write(t, s, newLog(t, 9), archive.Options{})
	path := filepath.Join(dir, "index", "0000000001.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(b), `"rollcall_archive":1`, `"rollcall_archive":9`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Open(t.Context(), s); !errors.Is(err, events.ErrTooNew) {
		t.Errorf("Open: %v, want ErrTooNew", err)
	}
	if r, err := archive.Verify(t.Context(), s, nil); err != nil || len(r.Faults) != 1 { // the segment itself is of this version
		t.Errorf("Verify: %+v, %v, want one fault", r, err)
	}
}

func TestNoFolder(t *testing.T) {
	if _, err := archive.OpenFolder(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "there is no archive in the folder") {
		t.Errorf("OpenFolder: %v", err)
	}
}
