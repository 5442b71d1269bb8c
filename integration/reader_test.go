package integration

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// reader pulls the feeds of one connection without a hub, and keeps their cursors.
type reader struct {
	connector connectors.Connector
	cursors   map[string]connectors.Cursor
	knows     *book // what a log would know of what was read
	bears     bool  // a feed that is forbidden is passed over
}

// book is what a log would know of what was read. It is for one goroutine.
type book struct{ known map[events.Ref]bool }

// note takes in what a reading says.
func (b *book) note(r connectors.Reading) {
	for _, e := range r.Entities {
		b.known[e.Ref()] = true
	}
	for _, gone := range r.Tombstones {
		delete(b.known, gone.Ref)
	}
}

// IsKnown implements [connectors.Knower].
func (b *book) IsKnown(ref events.Ref) bool { return b.known[ref] }

// Holds implements [connectors.Knower].
func (b *book) Holds(holder string, k events.Kind) bool {
	for ref := range b.known {
		if ref.Holder == holder && ref.Kind == k {
			return true
		}
	}
	return false
}

// Known implements [connectors.Knower].
func (b *book) Known(k events.Kind) (ids []string) {
	for ref := range b.known {
		if ref.Kind == k && ref.Key == events.Self {
			ids = append(ids, ref.Holder)
		}
	}
	slices.Sort(ids)
	return ids
}

// mostPages bounds how many pages a feed may take until it has caught up.
const mostPages = 1000

func newReader(t *testing.T, v *connectors.Vendor, s connectors.Settings) *reader {
	t.Helper()
	c, err := v.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return &reader{connector: c, cursors: map[string]connectors.Cursor{}, knows: &book{known: map[events.Ref]bool{}}}
}

// pull reads one page of a feed and goes on behind it.
func (r *reader) pull(ctx context.Context, feed string) (connectors.Page, error) {
	feeds := r.connector.Feeds()
	i := slices.IndexFunc(feeds, func(f connectors.Feed) bool { return f.Name == feed })
	if i < 0 {
		return connectors.Page{}, fmt.Errorf("no feed is called %s", feed)
	}
	page, err := feeds[i].Pull(connectors.Knowing(ctx, r.knows), r.cursors[feed])
	if err == nil {
		r.cursors[feed] = page.Next
	}
	return page, err
}

// read pulls a feed until it has caught up, and returns what its records say.
func (r *reader) read(t *testing.T, feed string) (readings []connectors.Reading) {
	t.Helper()
	for range mostPages {
		page, err := r.pull(t.Context(), feed)
		if f := connectors.AsFault(err); r.bears && f != nil && f.Kind == connectors.Forbidden {
			return readings
		}
		if err != nil {
			t.Fatalf("feed %s: %v", feed, err)
		}
		for _, record := range page.Records {
			reading, err := r.connector.Normalize(record)
			if err != nil {
				t.Fatalf("feed %s: %v", feed, err)
			}
			readings = append(readings, reading)
			r.knows.note(reading)
		}
		if !page.More {
			return readings
		}
	}
	t.Fatalf("feed %s has not caught up after %d pages", feed, mostPages)
	return nil
}

// readAll probes and reads every feed until it has caught up.
func (r *reader) readAll(t *testing.T) {
	t.Helper()
	if err := r.connector.(connectors.Prober).Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.connector.Feeds() {
		r.read(t, f.Name)
	}
}
