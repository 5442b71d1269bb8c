package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// Report is what Verify found. Without Faults every byte is as it was written, and no segment is missing before the last one known.
type Report struct {
	Segments uint64  `json:"segments"`
	Events   uint64  `json:"events"`
	Bytes    uint64  `json:"bytes"` // of the events' lines, not compressed
	Size     uint64  `json:"size"`  // as stored
	Faults   []Fault `json:"faults"`

	// Unnamed are objects that no entry names: what a process has left that was stopped before it could enter its segment, or a segment
	// whose entry was taken out. They are no part of the archive.
	Unnamed []string `json:"unnamed"`

	digests map[uint64]string
}

// Verify reads every object of an archive and holds each segment against its entry, each against its own header, and each against the one
// before it. It names every segment that was changed, cut short, swapped or taken out; the last ones, taken out with their entries, are found
// by who knows how far the archive went: see replay.VerifyChains with a pinned head. progress, if set, is told after each segment.
// An error says that the store could not be read.
func Verify(ctx context.Context, store Store, progress func(done, total uint64)) (Report, error) {
	names, err := store.List(ctx, "")
	if err != nil {
		return Report{}, fmt.Errorf("reading the archive in %s: %w", store, err)
	}
	v := &verification{store: store, named: map[string]bool{}, holds: map[string]uint64{}, report: Report{digests: map[uint64]string{}}}
	var last uint64
	for _, name := range names {
		if n, ok := numberIn(name); ok {
			last = max(last, n)
		} else if strings.HasPrefix(name, indexPrefix) {
			v.fault(&Fault{Text: name + " lies in the archive's index and is no part of it"})
		}
	}
	for n := uint64(1); n <= last; n++ {
		if err := v.load(ctx, n); err != nil {
			return v.report, err
		}
	}
	for i, e := range v.entries {
		if err := v.check(ctx, e); err != nil {
			return v.report, err
		}
		if progress != nil {
			progress(uint64(i)+1, uint64(len(v.entries)))
		}
	}
	for _, name := range names {
		if !strings.HasPrefix(name, indexPrefix) && !v.named[name] {
			v.report.Unnamed = append(v.report.Unnamed, name)
		}
	}
	sort.SliceStable(v.report.Faults, func(i, j int) bool { return v.report.Faults[i].Number < v.report.Faults[j].Number })
	return v.report, ctx.Err()
}

// Expect holds the archive against what somebody knows of it: a segment with its digest that must be there. Number 0 is nothing.
func (r *Report) Expect(number uint64, digest string) {
	got, ok := r.digests[number]
	switch {
	case number == 0 || ok && got == digest:
	case ok:
		r.Faults = append(r.Faults, Fault{number, fmt.Sprintf("segment %d: its digest is %s, and was %s: it was written anew", number, short(got), short(digest))})
	case !slices.ContainsFunc(r.Faults, func(f Fault) bool { return f.Number == number }):
		r.Faults = append(r.Faults, Fault{number, fmt.Sprintf("segment %d: it is missing, with its entry: the archive went that far", number)})
	}
}

type verification struct {
	store   Store
	entries []Entry           // those that could be read
	named   map[string]bool   // objects that an entry names
	holds   map[string]uint64 // which segment has a digest
	before  *Entry
	report  Report
}

func (v *verification) fault(f *Fault) { v.report.Faults = append(v.report.Faults, *f) }

// load reads an entry.
func (v *verification) load(ctx context.Context, number uint64) error {
	e, err := getEntry(ctx, v.store, number)
	if e.Name != "" {
		v.named[e.Name] = true
	}
	if errors.Is(err, events.ErrTooNew) && !v.newer(ctx, e.Name) {
		err = &Fault{number, fmt.Sprintf("segment %d: its entry %s was changed: it has another format than the segment", number, indexName(number))}
	}
	if f := (*Fault)(nil); errors.As(err, &f) {
		v.fault(f)
		return nil
	}
	if err != nil {
		return err
	}
	v.entries, v.holds[e.Digest] = append(v.entries, e), number
	return nil
}

// newer reports whether a segment says itself that a newer version has written it.
func (v *verification) newer(ctx context.Context, name string) bool {
	if !strings.HasPrefix(name, segmentPrefix) {
		return false
	}
	b, err := v.store.Get(ctx, name)
	if err == nil {
		_, err = unpack(b)
	}
	return errors.Is(err, events.ErrTooNew)
}

// check holds a segment against its entry and both against the segment before. Where that one's entry cannot be read, it has been named.
func (v *verification) check(ctx context.Context, e Entry) error {
	if before := v.before; before == nil && e.Number == 1 || before != nil && before.Number == e.Number-1 {
		if before == nil {
			before = &Entry{}
		}
		if f := e.follows(before); f != nil {
			v.fault(f)
		}
	}
	v.before, v.report.digests[e.Number] = &e, e.Digest
	v.report.Segments, v.report.Size = v.report.Segments+1, v.report.Size+uint64(e.Size)
	b, err := fetch(ctx, v.store, &e)
	if f := (*Fault)(nil); errors.As(err, &f) {
		if other := v.holds[digest(b)]; b != nil && other > 0 {
			f = e.fault("it holds segment %d: the two were swapped, or one was copied over the other", other)
		}
		v.fault(f)
		return nil
	}
	if err != nil {
		return err
	}
	if f := v.inside(&e, b); f != nil {
		v.fault(f)
	}
	written, err := encodeEntry(&e)
	if err != nil {
		return err
	}
	stored, err := v.store.Get(ctx, indexName(e.Number))
	if err == nil && !bytes.Equal(stored, written) {
		v.fault(e.fault("its entry %s was changed", indexName(e.Number)))
	}
	return err
}

// inside reads a segment whole.
func (v *verification) inside(e *Entry, b []byte) *Fault {
	u, err := unpack(b)
	if err != nil {
		return e.fault("%v", err)
	}
	defer u.close()
	if u.Header != e.Header {
		return e.fault("%s", twoHeaders)
	}
	var s segment
	last, content := uint64(0), newContent()
	for {
		line, err := u.next()
		if errors.Is(err, io.EOF) {
			break
		}
		var m events.Stored
		if err == nil {
			m, err = parseLine(line)
		}
		if err != nil {
			return e.fault("%v", err)
		}
		if at := m.Position.Sequence; at <= last || at < e.From || at > e.To {
			return e.fault("it holds the event at %d after that at %d, and covers %d to %d", at, last, e.From, e.To)
		}
		if last = m.Position.Sequence; s.Events == 0 {
			s.First, s.FirstTime = last, m.Time
		}
		s.Last, s.LastTime, s.Events = last, m.Time, s.Events+1
		content.add(line)
	}
	v.report.Events, v.report.Bytes = v.report.Events+s.Events, v.report.Bytes+content.bytes
	if s.First != e.First || s.Last != e.Last || s.Events != e.Events || !s.FirstTime.Equal(e.FirstTime) || !s.LastTime.Equal(e.LastTime) ||
		content.bytes != e.Bytes || content.digest() != e.Content {
		return e.fault("its events are not those that its header says")
	}
	return nil
}

// Err is nil for an archive that is sound, and else says how much is not.
func (r *Report) Err() error {
	if n := len(r.Faults); n > 0 {
		return fmt.Errorf("the archive is not sound: %d faults", n)
	}
	return nil
}
