package archive

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcallhq/rollcall/events"
)

// Archive is an archive, opened: its store and its index as it was then. Its methods may be called at the same time, but for Write.
type Archive struct {
	store   Store
	entries []Entry // by number, without a gap
	spans   []span
	met     string // the epoch of the log that was found to be this archive's
}

// span is what a segment covers of the log's present life.
type span struct {
	entry *Entry
	to    uint64
}

// getAtOnce is how many objects are fetched at the same time.
const getAtOnce = 16

// Open reads an archive's index. A store that holds none is an archive without segments. A *[Fault] names the segment whose entry is
// missing or does not follow from the one before it.
func Open(ctx context.Context, store Store) (*Archive, error) {
	names, err := store.List(ctx, indexPrefix)
	if err != nil {
		return nil, fmt.Errorf("reading the archive in %s: %w", store, err)
	}
	a := &Archive{store: store, entries: make([]Entry, len(names))}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(getAtOnce)
	for i, name := range names {
		if name != indexName(uint64(i)+1) {
			if n, ok := numberIn(name); ok && n > uint64(i) {
				return nil, missingEntry(uint64(i) + 1)
			}
			return nil, &Fault{Text: fmt.Sprintf("%s lies in the archive's index and is no part of it", name)}
		}
		g.Go(func() (err error) {
			a.entries[i], err = getEntry(ctx, store, uint64(i)+1)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	before := &Entry{}
	for i := range a.entries {
		if f := a.entries[i].follows(before); f != nil {
			return nil, f
		}
		before = &a.entries[i]
	}
	a.settle()
	return a, nil
}

// numberIn is the number of the segment whose entry has this name.
func numberIn(name string) (uint64, bool) {
	n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(name, indexPrefix), ".json"), 10, 64)
	return n, err == nil && name == indexName(n)
}

func missingEntry(number uint64) *Fault {
	return &Fault{number, fmt.Sprintf("segment %d: its entry %s is missing", number, indexName(number))}
}

func getEntry(ctx context.Context, store Store, number uint64) (Entry, error) {
	b, err := store.Get(ctx, indexName(number))
	if errors.Is(err, ErrNotFound) {
		return Entry{}, missingEntry(number)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("reading the archive in %s: %w", store, err)
	}
	e, err := decodeEntry(b)
	switch {
	case errors.Is(err, events.ErrTooNew):
		return e, fmt.Errorf("%s: %w", indexName(number), err)
	case err != nil:
		return e, &Fault{number, fmt.Sprintf("segment %d: its entry %s was changed: %v", number, indexName(number), err)}
	case e.Number != number:
		return e, &Fault{number, fmt.Sprintf("segment %d: its entry %s is that of segment %d: it was changed or swapped", number, indexName(number), e.Number)}
	}
	return e, nil
}

// follows says what is wrong where the segment does not follow from the one before it.
func (e *Entry) follows(before *Entry) *Fault {
	switch {
	case e.Former != before.Digest:
		return e.fault("it follows a segment with the digest %s, and segment %d has %s: one of the two was changed, swapped or put in", short(e.Former), before.Number, short(before.Digest))
	case e.From == before.To+1, e.Epoch != before.Epoch && e.From <= before.To:
		return nil
	}
	return e.fault("it begins with sequence %d, and segment %d ends with %d", e.From, before.Number, before.To)
}

// settle finds out what each segment covers of the log's present life: a later segment counts from its first sequence on.
func (a *Archive) settle() {
	a.spans = nil
	for i := range a.entries {
		a.spans = append(cut(a.spans, a.entries[i].From-1), span{&a.entries[i], a.entries[i].To})
	}
}

// cut leaves out what lies after a sequence.
func cut(spans []span, after uint64) []span {
	for len(spans) > 0 && spans[len(spans)-1].entry.From > after {
		spans = spans[:len(spans)-1]
	}
	if n := len(spans); n > 0 {
		spans[n-1].to = min(spans[n-1].to, after)
	}
	return spans
}

// Store is where the archive lies.
func (a *Archive) Store() Store { return a.store }

// Entries are the index's, by number.
func (a *Archive) Entries() []Entry { return a.entries }

// Last is the last segment's entry; false: there is none.
func (a *Archive) Last() (Entry, bool) {
	if len(a.entries) == 0 {
		return Entry{}, false
	}
	return a.entries[len(a.entries)-1], true
}

// Stretch is what a segment covers of the log's present life.
type Stretch struct {
	From, To uint64    // both included
	LastTime time.Time // no event in it was stored later
}

// Stretches are what the archive covers of the log's present life, without a gap.
func (a *Archive) Stretches() []Stretch {
	out := make([]Stretch, len(a.spans))
	for i, s := range a.spans {
		out[i] = Stretch{s.entry.From, s.to, s.entry.LastTime}
	}
	return out
}

// End implements what a reader of logs asks: the position up to which the archive covers the log.
func (a *Archive) End(context.Context) (events.Position, error) {
	last, _ := a.Last()
	return events.Position{Epoch: last.Epoch, Sequence: last.To}, nil
}

// Places implements what a reader of logs asks. An archive keeps no feed's place.
func (a *Archive) Places(context.Context) ([]events.Place, error) { return nil, nil }
