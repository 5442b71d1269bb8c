package connectortest

import (
	"bytes"
	"context"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// watched is a connector under watch: whatever passes through is held to the contract.
type watched struct {
	s     *suite
	inner connectors.Connector
	feeds []connectors.Feed

	mu    sync.Mutex
	first map[string]bool            // feeds that were pulled
	open  map[string]map[string]bool // by feed: passes under way
	mid   map[string]bool            // feeds whose first pull was in the middle
}

// prober is a watched connector that can be probed.
type prober struct {
	*watched
	connectors.Prober
}

var feedName = regexp.MustCompile(`^[a-z0-9-]+$`)

func watch(s *suite, inner connectors.Connector) connectors.Connector {
	w := &watched{s: s, inner: inner, first: map[string]bool{}, open: map[string]map[string]bool{}, mid: map[string]bool{}}
	again := inner.Feeds()
	for i, f := range inner.Feeds() {
		if i >= len(again) || again[i].Name != f.Name || !reflect.DeepEqual(again[i].Kinds, f.Kinds) || again[i].Every != f.Every {
			s.fail("Feeds does not answer the same at every call")
		}
		if !feedName.MatchString(f.Name) {
			s.fail("the feed name %q has other characters than a-z, 0-9 and -", f.Name)
		}
		pull := f.Pull
		f.Pull = func(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
			return w.pull(ctx, f.Name, pull, from)
		}
		w.feeds = append(w.feeds, f)
	}
	if p, ok := inner.(connectors.Prober); ok {
		return &prober{w, p}
	}
	return w
}

// Feeds are the connector's, each with its Pull under watch.
func (w *watched) Feeds() []connectors.Feed { return w.feeds }

// Probe is the connector's own; its error is searched for secrets.
func (p *prober) Probe(ctx context.Context) error {
	err := p.Prober.Probe(ctx)
	p.searchError("Probe", err)
	return err
}

func (w *watched) searchError(where string, err error) {
	if err != nil {
		w.s.search("the error of "+where, []byte(err.Error()))
	}
}

func (w *watched) pull(ctx context.Context, feed string, pull func(context.Context, connectors.Cursor) (connectors.Page, error), from connectors.Cursor) (connectors.Page, error) {
	given := slices.Clone(from)
	page, err := pull(ctx, from)
	if !bytes.Equal(given, from) {
		w.s.fail("%s: Pull writes into the cursor that it was given", feed)
	}
	if err != nil {
		w.searchError("Pull of "+feed, err)
		return page, err
	}
	w.s.search("a cursor of "+feed, page.Next)
	for _, rec := range page.Records {
		w.record(feed, rec)
	}
	w.passes(feed, given, page)
	if hook := w.s.hook(); hook != nil {
		hook(feed, page)
	}
	return page, nil
}

// hook is the case's own look at the page, which is counted.
func (s *suite) hook() func(string, connectors.Page) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages++
	return s.onPage
}

func (w *watched) record(feed string, rec connectors.Record) {
	switch {
	case rec.Asked.IsZero():
		w.s.fail("%s: a record of type %s does not say when it was asked for", feed, rec.Type)
	case rec.Asked.After(time.Now().Add(time.Minute)):
		w.s.fail("%s: a record of type %s was asked for in the future: %v", feed, rec.Type, rec.Asked)
	case rec.Type == "":
		w.s.fail("%s: a record has no type", feed)
	}
}

// passes holds what a page says of passes to what the feed said before.
func (w *watched) passes(feed string, from connectors.Cursor, page connectors.Page) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.first[feed] {
		w.first[feed], w.open[feed], w.mid[feed] = true, map[string]bool{}, from != nil
	}
	open := w.open[feed]
	for _, name := range page.Opens {
		open[name] = true
	}
	for _, name := range page.Breaks {
		delete(open, name)
	}
	for _, name := range page.Seals {
		if slices.Contains(page.Breaks, name) {
			w.s.fail("%s: a page both seals and breaks the listing of %s", feed, name)
		} else if !open[name] && !w.mid[feed] {
			w.s.fail("%s: seals a listing of %s that it has not opened, or has broken", feed, name)
		}
		delete(open, name)
	}
	if !page.More && len(open) == 0 {
		w.mid[feed] = false
	}
}

// forget makes the watch begin anew, as for a connector that was restarted.
func (w *watched) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.first)
}

// Normalize reads the record twice and compares: the readings with each other, the record with what it was before.
func (w *watched) Normalize(rec connectors.Record) (connectors.Reading, error) {
	mine, body, given := rec, slices.Clone(rec.Body), maps.Clone(rec.Context)
	mine.Body, mine.Context = slices.Clone(rec.Body), maps.Clone(rec.Context)
	reading, err := w.inner.Normalize(rec)
	if !bytes.Equal(body, rec.Body) || !maps.Equal(given, rec.Context) {
		w.s.fail("Normalize changes its record of type %s", rec.Type)
	}
	again, err2 := w.inner.Normalize(mine)
	if (err == nil) != (err2 == nil) {
		w.s.fail("Normalize of a record of type %s fails only sometimes: %v, %v", rec.Type, err, err2)
	} else if d := cmp.Diff(reading, again); d != "" {
		w.s.fail("Normalize of a record of type %s gives two readings:\n%s", rec.Type, d)
	}
	w.searchError("Normalize of "+rec.Type, err)
	scribble(mine.Body)
	if d := cmp.Diff(reading, again); err == nil && err2 == nil && d != "" {
		w.s.fail("Normalize keeps a part of its record of type %s:\n%s", rec.Type, d)
	}
	w.entities(rec, reading)
	return reading, err
}

// scribble overwrites a body, to see who still looks at it.
func scribble(b []byte) {
	for i := range b {
		b[i] = 'x'
	}
}

func (w *watched) entities(rec connectors.Record, r connectors.Reading) {
	for i := range r.Entities {
		if err := r.Entities[i].Check(); err != nil {
			w.s.fail("a record of type %s yields a wrong entity: %v", rec.Type, err)
		}
	}
	for _, t := range r.Tombstones {
		if err := t.Ref.Check(); err != nil {
			w.s.fail("a record of type %s yields a wrong tombstone: %v", rec.Type, err)
		}
	}
	for _, a := range r.Activities {
		if a.ID == "" || a.Type == "" {
			w.s.fail("a record of type %s yields an activity without a type or an id", rec.Type)
		}
	}
	b, err := events.Marshal(r.Entities)
	if err != nil {
		w.s.fail("a record of type %s yields entities that cannot be written: %v", rec.Type, err)
	}
	w.s.search("a reading of type "+rec.Type, b)
}

// search looks for the vendor's secrets.
func (s *suite) search(where string, text []byte) {
	for _, secret := range s.control.Secrets() {
		if secret != "" && strings.Contains(string(text), secret) {
			s.fail("%s holds a secret: the one that begins with %q", where, secret[:min(3, len(secret))])
		}
	}
}
