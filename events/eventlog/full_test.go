package eventlog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// filled is a log on a server that has no room for page n any more.
type filled struct {
	*real
	log   *eventlog.Log
	last  events.Receipt
	n     int
	spare jetstream.JetStream // of the stream SPARE, which takes a part of the room
}

func fill(t *testing.T) *filled {
	t.Helper()
	f := &filled{real: newRealWith(t, 4<<20)}
	nc := f.connect(t)
	var err error
	if f.spare, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	if _, err := f.spare.CreateStream(patient(t), jetstream.StreamConfig{Name: "SPARE", Subjects: []string{"spare"}}); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if _, err := f.spare.Publish(patient(t), "spare", make([]byte, 1<<19)); err != nil {
			t.Fatal(err)
		}
	}
	if f.log, err = eventlog.Open(patient(t), nc, eventlog.Options{Create: true, AckWait: time.Second}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.log.Close)
	f.claim(t)
	for err = f.add(t, 0); err == nil && f.n < 100; err = f.add(t, 0) {
	}
	if !errors.Is(err, eventlog.ErrFull) || !strings.Contains(err.Error(), "max_store") {
		t.Fatalf("after %d pages: %v", f.n, err)
	}
	return f
}

func (f *filled) claim(t *testing.T) {
	t.Helper()
	var err error
	if f.last.Claim, err = f.log.Claim(patient(t), "acme", "okta", "hub1"); err != nil {
		t.Fatal(err)
	}
	if f.last.Saved, err = f.log.Cursor(patient(t), "acme", "okta", "agents"); err != nil {
		t.Fatal(err)
	}
}

// add appends the page n without its first events.
func (f *filled) add(t *testing.T, without uint64) error {
	r, err := f.log.Append(patient(t), events.Append{
		Claim: f.last.Claim, Feed: "agents", Expect: f.last.Saved, Events: bulky(f.n)[without:], Cursor: fmt.Append(nil, f.n),
	})
	if err == nil {
		f.last, f.n = r, f.n+1
	}
	return err
}

// TestFull fills the server's store, frees some, and goes on: what is there already is not stored again. The server tears the last
// batch, since it meets its limit in the middle.
func TestFull(t *testing.T) {
	f := fill(t)
	if err := f.spare.DeleteStream(patient(t), "SPARE"); err != nil {
		t.Fatal(err)
	}
	f.claim(t)
	torn := f.last.Saved.Events - uint64(10*f.n)
	t.Logf("%d pages and %d events are stored", f.n, torn)
	if torn >= 10 {
		t.Fatalf("the feed's place is %+v after %d pages", f.last.Saved, f.n)
	}
	if err := f.add(t, torn); err != nil {
		t.Fatal(err)
	}
	checkPages(t, f.log, f.n)
}

// TestFullAndRestarted gives the server more room at a restart, at which it stores what it had not acknowledged.
func TestFullAndRestarted(t *testing.T) {
	f := fill(t)
	f.maxStore = 0
	f.Restart(t)
	f.claim(t)
	f.n = int(f.last.Saved.Events / 10)
	if err := f.add(t, f.last.Saved.Events%10); err != nil {
		t.Fatal(err)
	}
	checkPages(t, f.log, f.n)
}

// bulky is a page of 100 KB.
func bulky(n int) []events.Event {
	page := make([]events.Event, 10)
	for i := range page {
		e := events.Entity{Kind: events.KindAgent, Holder: fmt.Sprintf("%d-%d", n, i), Key: events.Self,
			Agent: &events.Agent{Name: "bulky", Description: strings.Repeat("x", 10<<10)}}
		page[i] = events.New("acme", "okta", "okta", "agent.created", time.Now(), time.Now(), events.Data{Entity: &e})
	}
	return page
}

func checkPages(t *testing.T, l *eventlog.Log, pages int) {
	t.Helper()
	n, prev := 0, ""
	for m, err := range l.Read(patient(t), events.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if want := bulky(n / 10)[n%10].Subject; m.Event.Subject != want || m.Prev != prev {
			t.Fatalf("event %d is of %s behind %q, want %s behind %q", n, m.Event.Subject, m.Prev, want, prev)
		}
		n, prev = n+1, m.Hash
	}
	if n != 10*pages {
		t.Errorf("the log has %d events, want %d pages of 10", n, pages)
	}
}
