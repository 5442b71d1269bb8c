package integration

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/okta"
)

// reader pulls the feeds of one Okta connection without a hub, and keeps their cursors.
type reader struct {
	connector connectors.Connector
	cursors   map[string]connectors.Cursor
}

// mostPages bounds how many pages a feed may take until it has caught up.
const mostPages = 1000

func newReader(t *testing.T, s connectors.Settings) *reader {
	t.Helper()
	c, err := okta.Vendor.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return &reader{connector: c, cursors: map[string]connectors.Cursor{}}
}

// pull reads one page of a feed and goes on behind it.
func (r *reader) pull(ctx context.Context, feed string) (connectors.Page, error) {
	feeds := r.connector.Feeds()
	i := slices.IndexFunc(feeds, func(f connectors.Feed) bool { return f.Name == feed })
	if i < 0 {
		return connectors.Page{}, fmt.Errorf("no feed is called %s", feed)
	}
	page, err := feeds[i].Pull(ctx, r.cursors[feed])
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
		if err != nil {
			t.Fatalf("feed %s: %v", feed, err)
		}
		for _, record := range page.Records {
			reading, err := r.connector.Normalize(record)
			if err != nil {
				t.Fatalf("feed %s: %v", feed, err)
			}
			readings = append(readings, reading)
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
