package integration

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
)

// lately is how far back the log is read.
const lately = 7 * 24 * time.Hour

// read probes, and reads some pages of each feed. What may not be read is told, and is no failure; a record that nothing
// understands, or that reads differently a second time, is one.
func (l *live) read(t *testing.T) {
	r := l.reader(t, lately)
	l.caps.left.Store(callsPerFeed)
	if err := r.connector.(connectors.Prober).Probe(t.Context()); err != nil {
		if f := connectors.AsFault(err); f == nil || f.Kind != connectors.Forbidden {
			t.Fatalf("the probe fails: %v", err)
		}
		t.Logf("the probe is forbidden: %v", err)
	}
	for _, f := range r.connector.Feeds() {
		t.Run(f.Name, func(t *testing.T) { l.readFeed(t, r, f) })
	}
}

func (l *live) readFeed(t *testing.T, r *reader, f connectors.Feed) {
	l.caps.left.Store(callsPerFeed)
	records := 0
	for n := range l.pages {
		page, err := r.pull(t.Context(), f.Name)
		if err != nil {
			l.unreadable(t, f.Name, n, err)
			return
		}
		for _, b := range page.Blind {
			t.Logf("cannot see %v: %s", b.Kinds, b.Reason)
		}
		for _, record := range page.Records {
			normalizesTwice(t, r.connector, record)
		}
		if records += len(page.Records); !page.More {
			t.Logf("%d records in %d pages: the whole feed", records, n+1)
			return
		}
	}
	t.Logf("%d records in %d pages, and there are more", records, l.pages)
}

// unreadable tells an error of an org apart from one of the connector's.
func (l *live) unreadable(t *testing.T, feed string, page int, err error) {
	t.Helper()
	var why string
	switch f := connectors.AsFault(err); {
	case l.caps.spent():
		why = "it takes more calls than the suite allows itself"
	case f != nil && f.Kind == connectors.Forbidden:
		why = "it is forbidden or not enabled: " + f.Cure
	case f != nil && f.Kind == connectors.RateLimited:
		why = "the rate limit is used up"
	default:
		t.Errorf("feed %s, page %d: %v", feed, page+1, err)
		return
	}
	t.Logf("not read further after %d pages: %s (%v)", page, why, err)
}

// normalizesTwice reads a record twice, and wants the same.
func normalizesTwice(t *testing.T, c connectors.Connector, record connectors.Record) {
	t.Helper()
	reading, err := c.Normalize(record)
	if err != nil {
		t.Errorf("a record of type %s is not understood: %v", record.Type, err)
	}
	again, _ := c.Normalize(record)
	if d := gocmp.Diff(reading, again); d != "" {
		t.Errorf("a record of type %s reads differently a second time", record.Type) // the difference may name somebody
	}
	for i := range reading.Entities {
		if err := reading.Entities[i].Check(); err != nil {
			t.Errorf("a record of type %s: %v", record.Type, err)
		}
	}
}
