package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// Log is what is archived.
type Log interface {
	Stored(ctx context.Context, q events.Query) iter.Seq2[events.Stored, error]
	End(ctx context.Context) (events.Position, error)

	// Survived says up to which sequence an epoch's positions still mean the same; false: the log does not know the epoch.
	Survived(ctx context.Context, epoch string) (uint64, bool, error)
}

// DefaultEvents is how many events a segment has at most, unless Options say otherwise.
const DefaultEvents = 20_000

// Options say how to write. The zero value archives all that there is.
type Options struct {
	Events int // in a segment, at most; 0: DefaultEvents

	// Age is how old the first event of a last segment must be that is not full; younger ones wait for more.
	Age time.Duration

	// Progress, if set, is told after each event how many are still to come.
	Progress func(pending uint64)
}

// Written is what Write has added.
type Written struct {
	Segments uint64 `json:"segments"`
	Events   uint64 `json:"events"`
	Bytes    uint64 `json:"bytes"` // of the events' lines, not compressed
	Size     uint64 `json:"size"`  // as stored
	Damaged  uint64 `json:"damaged"`
}

var (
	// ErrOvertaken says that another process has written the next segment. Nothing is lost: open the archive again to go on.
	ErrOvertaken = errors.New("another process writes this archive, too")

	// ErrForeign says that archive and log do not belong together.
	ErrForeign = errors.New("the archive is not this log's")
)

// Write adds what the log holds beyond the archive's end, segment by segment. Each is durable before the next begins, so that Write may
// end at any point, and goes on behind the last segment when it is called again. An event that the log holds damaged is archived as it is.
func (a *Archive) Write(ctx context.Context, log Log, o Options) (Written, error) {
	var w Written
	if o.Events <= 0 {
		o.Events = DefaultEvents
	}
	end, err := log.End(ctx)
	if err != nil {
		return w, err
	}
	upTo, err := a.meets(ctx, log, end)
	if err != nil || upTo >= end.Sequence {
		return w, err
	}
	pack, err := newPacker()
	if err != nil {
		return w, err
	}
	defer pack.Close() //nolint:errcheck // what it wrote was closed by seal
	s := a.begin(end.Epoch, upTo+1)
	for m, err := range log.Stored(ctx, events.Query{From: upTo + 1, To: end.Sequence}) {
		if err != nil && !events.Damaged(err) {
			return w, err
		}
		if err != nil {
			w.Damaged++
		}
		if w.Segments == 0 && s.Events == 0 && m.Pending+1 < uint64(o.Events) && time.Since(m.Time) < o.Age {
			return w, nil // nothing is due yet
		}
		s.add(&m)
		if s.full(uint64(o.Events)) {
			if err := a.put(ctx, s, s.Last, pack, &w); err != nil {
				return w, err
			}
			lines := s.lines[:0] // growing to a segment's size costs as much as filling it
			s = a.begin(end.Epoch, s.Last+1)
			s.lines = lines
		}
		if o.Progress != nil {
			o.Progress(m.Pending)
		}
	}
	if s.Events == 0 || time.Since(s.FirstTime) < o.Age {
		return w, nil
	}
	return w, a.put(ctx, s, end.Sequence, pack, &w)
}

// begin begins the next segment.
func (a *Archive) begin(epoch string, from uint64) *segment {
	last, _ := a.Last()
	return &segment{Header: Header{Version: Version, Number: last.Number + 1, Epoch: epoch, From: from, Former: last.Digest}}
}

// put stores a segment, first its bytes and then its entry, which makes it a part of the archive. What is stopped between the two leaves
// bytes that nothing names.
func (a *Archive) put(ctx context.Context, s *segment, to uint64, pack *zstd.Encoder, w *Written) error {
	e, b, err := s.seal(to, pack)
	if err != nil {
		return err
	}
	entry, err := encodeEntry(&e)
	if err != nil {
		return err
	}
	failpoint.Hit("archive.sealed")
	if err := a.store.Put(ctx, e.Name, b); err != nil && !errors.Is(err, ErrExists) { // the name holds the digest: it is the same
		return fmt.Errorf("storing segment %d of the archive in %s: %w", e.Number, a.store, err)
	}
	failpoint.Hit("archive.stored")
	if err := a.store.Put(ctx, indexName(e.Number), entry); errors.Is(err, ErrExists) {
		return fmt.Errorf("segment %d of the archive in %s: %w", e.Number, a.store, ErrOvertaken)
	} else if err != nil {
		return fmt.Errorf("storing the entry of segment %d of the archive in %s: %w", e.Number, a.store, err)
	}
	failpoint.Hit("archive.entered")
	a.entries = append(a.entries, e)
	a.settle()
	w.Segments, w.Events, w.Bytes, w.Size = w.Segments+1, w.Events+e.Events, w.Bytes+e.Bytes, w.Size+uint64(e.Size)
	return nil
}

// meets says up to which sequence archive and log are the same, and refuses what does not belong together: a log that does not know the
// archive's epoch, one that was restored and in which no new epoch has begun yet, and one that holds another event where the archive ends.
func (a *Archive) meets(ctx context.Context, log Log, end events.Position) (uint64, error) {
	last, ok := a.Last()
	if !ok {
		return 0, nil
	}
	survived, known, err := log.Survived(ctx, last.Epoch)
	switch {
	case err != nil:
		return 0, err
	case !known:
		return 0, fmt.Errorf("%w: it ends in the epoch %s, which the log does not know: name another folder or bucket for this log's archive", ErrForeign, last.Epoch)
	case last.Epoch == end.Epoch && end.Sequence < last.To:
		return 0, fmt.Errorf("the log ends at %d, before its archive does, at %d: it was restored. Start a hub, which begins a new epoch", end.Sequence, last.To)
	}
	upTo := min(last.To, survived)
	if a.met == end.Epoch && last.Epoch == end.Epoch {
		return upTo, nil
	}
	at, found, err := a.lastEvent(ctx, upTo)
	if err != nil || !found {
		return upTo, err
	}
	for m, err := range log.Stored(ctx, events.Query{From: at.Position.Sequence, To: at.Position.Sequence}) {
		if err != nil && !events.Damaged(err) {
			return 0, err
		}
		if m.Hash != at.Hash || m.Subject != at.Subject {
			return 0, fmt.Errorf("%w: at %d the log holds the event %s of %s, the archive %s of %s", ErrForeign, m.Position.Sequence, short(m.Hash), m.Subject, short(at.Hash), at.Subject)
		}
	}
	a.met = end.Epoch
	return upTo, nil
}

// lastEvent is the last event up to a sequence.
func (a *Archive) lastEvent(ctx context.Context, upTo uint64) (events.Stored, bool, error) {
	spans := cut(append([]span(nil), a.spans...), upTo)
	for i := len(spans) - 1; i >= 0; i-- {
		var last events.Stored
		for s, err := range spans[i].entry.events(ctx, a.store, spans[i].entry.From, spans[i].to) {
			if err != nil {
				return last, false, err
			}
			last = s
		}
		if last.Position.Sequence > 0 {
			return last, true, nil
		}
	}
	return events.Stored{}, false, nil
}
