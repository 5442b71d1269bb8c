package archive_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/archive/archivetest"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

func TestMemory(t *testing.T) {
	archivetest.Store(t, func(*testing.T) archive.Store { return archivetest.NewMemory() })
}

func TestFolder(t *testing.T) {
	archivetest.Store(t, func(t *testing.T) archive.Store { return makeFolder(t, t.TempDir()) })
}

func makeFolder(t *testing.T, dir string) archive.Store {
	t.Helper()
	f, err := archive.MakeFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t *testing.T, s archive.Store) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func write(t *testing.T, s archive.Store, log archive.Log, o archive.Options) archive.Written {
	t.Helper()
	w, err := open(t, s).Write(t.Context(), log, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func sound(t *testing.T, s archive.Store) archive.Report {
	t.Helper()
	r, err := archive.Verify(t.Context(), s, nil)
	if err := errors.Join(err, r.Err()); err != nil {
		t.Errorf("%v: %v", err, r.Faults)
	}
	return r
}

func newLog(t *testing.T, n int) *eventlog.Log {
	t.Helper()
	log := eventlog.NewMemory()
	t.Cleanup(log.Close)
	archivetest.Fill(t, log, n)
	return log
}

// What is stopped at any point leaves an archive whose segments are all sound, and the next call goes on.
func TestKilledAtEveryStep(t *testing.T) {
	log := newLog(t, 28)
	for _, point := range []string{"archive.sealed", "archive.folder.written", "archive.folder.linked", "archive.stored", "archive.entered"} {
		for nth := 1; nth <= 6; nth++ {
			t.Run(fmt.Sprint(point, nth), func(t *testing.T) {
				s := makeFolder(t, t.TempDir())
				if killed := kill(fmt.Sprintf("%s:%d", point, nth), func() { write(t, s, log, archive.Options{Events: 10}) }); !killed && nth <= 3 {
					t.Fatal("the failpoint was not hit")
				}
				before := sound(t, s)
				w := write(t, s, log, archive.Options{Events: 10})
				if before.Events+w.Events != 28 {
					t.Errorf("%d events before and %d after, want 28 in all", before.Events, w.Events)
				}
				sound(t, s)
				archivetest.Same(t, log, open(t, s), events.Query{})
			})
		}
	}
}

// kill runs work until it hits the failpoint, where it ends as its process would, but for what is deferred.
func kill(point string, work func()) (killed bool) {
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

// Two processes that write the same archive make one archive.
func TestTwoWriters(t *testing.T) {
	log, s := newLog(t, 100), archivetest.NewMemory()
	one, two := open(t, s), open(t, s)
	if _, err := one.Write(t.Context(), log, archive.Options{Events: 30}); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Write(t.Context(), log, archive.Options{Events: 40}); !errors.Is(err, archive.ErrOvertaken) {
		t.Errorf("the slower writer: %v, want ErrOvertaken", err)
	}
	if r := sound(t, s); r.Events != 100 || len(r.Unnamed) != 1 {
		t.Errorf("verified %+v, want 100 events, and one object of the slower writer's", r)
	}
	archivetest.Same(t, log, open(t, s), events.Query{})
}

// A segment that is not full waits until its first event is old enough.
func TestAge(t *testing.T) {
	log, s := newLog(t, 50), archivetest.NewMemory()
	for _, step := range []struct {
		age  time.Duration
		want uint64
	}{{time.Hour, 40}, {time.Hour, 0}, {0, 10}, {0, 0}} {
		if w := write(t, s, log, archive.Options{Events: 20, Age: step.age}); w.Events != step.want {
			t.Errorf("with age %s: %d events, want %d", step.age, w.Events, step.want)
		}
	}
}

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

// purged is a log whose first events were taken out.
type purged struct {
	*eventlog.Log
	upTo uint64
}

func (p *purged) Stored(ctx context.Context, q events.Query) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		for s, err := range p.Log.Stored(ctx, q) {
			if s.Position.Sequence > p.upTo && !yield(s, err) {
				return
			}
		}
	}
}

func (p *purged) Read(ctx context.Context, q events.Query) iter.Seq2[events.Message, error] {
	return func(yield func(events.Message, error) bool) {
		for m, err := range p.Log.Read(ctx, q) {
			if m.Position.Sequence > p.upTo && !yield(m, err) {
				return
			}
		}
	}
}

func (p *purged) Count(ctx context.Context) (n uint64, err error) {
	for range p.Stored(ctx, events.Query{}) {
		n++
	}
	return n, ctx.Err()
}

// Whatever is asked of archive and log as one gives what the whole log gives.
func TestHistory(t *testing.T) {
	log := newLog(t, 200)
	end, err := log.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var first uint64
	var times []time.Time
	for s := range log.Stored(t.Context(), events.Query{}) {
		if times = append(times, s.Time); first == 0 {
			first = s.Position.Sequence
		}
	}
	times = append(times, time.Time{}, times[0].Add(-time.Hour), times[len(times)-1].Add(time.Hour))
	s := archivetest.NewMemory()
	for n, size := range []int{7, 30, 64} { // what was archived ends before the log does
		half := &bounded{log, end.Sequence * uint64(n+1) / 4}
		write(t, s, half, archive.Options{Events: size})
	}
	a := open(t, s)
	covers, err := a.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		gone := &purged{log, rapid.Uint64Range(0, covers.Sequence).Draw(t, "gone")}
		h, err := archive.Join(context.Background(), gone, a)
		if err != nil {
			t.Fatal(err)
		}

		if _, archived := h.Archived(); archived != (gone.upTo >= first) {
			t.Fatalf("with all up to %d gone, the archive is read: %v", gone.upTo, archived)
		}
		if n, err := h.Count(context.Background()); err != nil || n != 200 {
			t.Fatalf("Count is %d (%v), want 200", n, err)
		}
		for range 20 {
			q := events.Query{
				From: rapid.Uint64Range(0, end.Sequence+3).Draw(t, "from"), To: rapid.Uint64Range(0, end.Sequence+3).Draw(t, "to"),
				FromTime: rapid.SampledFrom(times).Draw(t, "since"), ToTime: rapid.SampledFrom(times).Draw(t, "until"),
				LastOnly: rapid.Bool().Draw(t, "last only"),
				Filter: events.Filter{
					Holder: rapid.SampledFrom([]string{"", "agent 3", "agent 4", "agent 99"}).Draw(t, "holder"),
					Type:   rapid.SampledFrom([]events.Type{"", "agent.updated", "activity.sign_in"}).Draw(t, "type"),
				},
			}
			if rapid.Bool().Draw(t, "no times") {
				q.FromTime, q.ToTime = time.Time{}, time.Time{}
			}
			same(t, log, h, q)
		}
	})
}

func same(t *rapid.T, want, got archivetest.Reader, q events.Query) {
	all := func(r archivetest.Reader) (out []string) {
		for s, err := range r.Stored(context.Background(), q) {
			out = append(out, fmt.Sprint(s.Position, s.Time, s.Subject, s.Feed, s.Prev, s.Hash, string(s.Body), err))
		}
		return out
	}
	if diff := cmp.Diff(all(want), all(got)); diff != "" {
		t.Fatalf("%+v (-want +got):\n%s", q, diff)
	}
}

// bounded is a log as it was when it ended earlier.
type bounded struct {
	*eventlog.Log
	to uint64
}

func (b *bounded) End(ctx context.Context) (events.Position, error) {
	p, err := b.Log.End(ctx)
	p.Sequence = b.to
	return p, err
}

// A reading that follows goes from the archive over into the log, and on with what is appended.
func TestHistoryFollows(t *testing.T) {
	log, s := newLog(t, 60), archivetest.NewMemory()
	write(t, s, &bounded{log, 40}, archive.Options{Events: 10})
	h, err := archive.Join(t.Context(), &purged{log, 30}, open(t, s))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got []uint64
	for m, err := range h.Read(ctx, events.Query{Following: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, m.Position.Sequence); len(got) == 60 {
			archivetest.Fill(t, log, 20)
		}
		if len(got) == 80 {
			break
		}
	}
	var want []uint64
	for m := range log.Read(t.Context(), events.Query{}) {
		want = append(want, m.Position.Sequence)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
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
