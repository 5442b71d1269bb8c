package logtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

const (
	tenant     = "acme"
	connection = "okta main" // needs encoding in a subject
	feed       = "agents"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// patience bounds what must happen in the end.
const patience = 60 * time.Second

func background(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// agent is an event about an agent; version makes it differ.
func agent(id string, verb events.Verb, version int) events.Event {
	return agentOf(connection, id, verb, version)
}

func agentOf(connection, id string, verb events.Verb, version int) events.Event {
	e := events.Entity{Kind: events.KindAgent, Holder: id, Key: events.Self, Agent: &events.Agent{
		Native: "ai_agent", Name: fmt.Sprintf("%s, version %d", id, version), Status: events.StatusActive, Class: events.ClassAgent,
	}}
	d := events.Data{Entity: &e, Evidence: events.Evidence{Feed: feed, How: events.HowRead}}
	if verb == events.Deleted {
		d.Gone = &events.Gone{Reason: "removed at the vendor"}
	}
	return events.New(tenant, connection, "okta", events.EntityType(events.KindAgent, verb), noon, noon, d)
}

func agents(from, n int) []events.Event {
	page := make([]events.Event, n)
	for i := range page {
		page[i] = agent(fmt.Sprintf("agent %06d", from+i), events.Created, 1)
	}
	return page
}

func grant(holder, key string) events.Event {
	e := events.Entity{Kind: events.KindGrant, Holder: holder, Key: key, Grant: &events.Grant{Type: "app_role", Role: key}}
	return events.New(tenant, connection, "okta", events.EntityType(events.KindGrant, events.Created), noon, noon, events.Data{Entity: &e})
}

func activity(holder, id string) events.Event {
	a := events.Activity{Holder: holder, Type: "sign_in", ID: id}
	return events.New(tenant, connection, "okta", events.ActivityType("sign_in"), noon, noon, events.Data{Activity: &a})
}

// writer is a hub with one feed, which appends as a runner does.
type writer struct {
	t     *testing.T
	log   Log
	claim events.Claim
	saved events.Saved
	last  events.Position
}

// claim opens the log for a new hub and claims the connection.
func claim(t *testing.T, s Subject, hub string) *writer {
	t.Helper()
	l := s.Open(t)
	t.Cleanup(l.Close)
	w := &writer{t: t, log: l}
	w.reclaim(hub)
	return w
}

// reclaim claims the connection and reads the feed's place, as a hub does at its start.
func (w *writer) reclaim(hub string) {
	w.t.Helper()
	var err error
	if w.claim, err = w.log.Claim(background(w.t), tenant, connection, hub); err != nil {
		w.t.Fatalf("claim: %v", err)
	}
	if w.saved, err = w.log.Cursor(background(w.t), tenant, connection, feed); err != nil {
		w.t.Fatalf("cursor: %v", err)
	}
}

func (w *writer) append(cursor string, page ...events.Event) error {
	r, err := w.log.Append(background(w.t), events.Append{
		Claim: w.claim, Feed: feed, Expect: w.saved, Events: page, Cursor: []byte(cursor),
	})
	if err == nil {
		w.claim, w.saved, w.last = r.Claim, r.Saved, r.Position
	}
	return err
}

func (w *writer) mustAppend(cursor string, page ...events.Event) {
	w.t.Helper()
	if err := w.append(cursor, page...); err != nil {
		w.t.Fatalf("append %s: %v", cursor, err)
	}
}

// mustBe checks the whole log: these events, by name and in this order, each chained, and the feed's cursor.
func mustBe(t *testing.T, l Log, cursor string, want ...events.Event) {
	t.Helper()
	got := collect(t, l.Read(background(t), events.Query{}))
	if diff := cmp.Diff(names(want), namesOf(got)); diff != "" {
		t.Errorf("the log's events (-want +got):\n%s", diff)
	}
	checkChain(t, got)
	saved, err := l.Cursor(background(t), tenant, connection, feed)
	if err != nil {
		t.Fatalf("cursor: %v", err)
	}
	if string(saved.Cursor) != cursor {
		t.Errorf("the feed's cursor is %q, want %q", saved.Cursor, cursor)
	}
	if len(got) > 0 && saved.Head != got[len(got)-1].Hash {
		t.Errorf("the feed's head is %s, want the hash of the last event, %s", saved.Head, got[len(got)-1].Hash)
	}
	if saved.Events != uint64(len(got)) {
		t.Errorf("the feed has counted %d events, want %d", saved.Events, len(got))
	}
	if n, err := l.Count(background(t)); err != nil || n != uint64(len(want)) {
		t.Errorf("Count is %d (%v), want %d", n, err, len(want))
	}
}

// checkChain checks that the messages are one unbroken chain.
func checkChain(t *testing.T, ms []events.Message) {
	t.Helper()
	prev := ""
	for _, m := range ms {
		if m.Prev != prev {
			t.Errorf("message %d follows %q in the chain, want %q", m.Position.Sequence, m.Prev, prev)
		}
		prev = m.Hash
	}
}

func name(e *events.Event) string {
	switch {
	case e.Data.Activity != nil:
		return string(e.Type) + " " + e.Data.Activity.ID
	case e.Data.Entity.Agent != nil:
		return string(e.Type) + " " + e.Data.Entity.Agent.Name
	}
	return string(e.Type) + " " + e.Subject
}

func names(es []events.Event) []string {
	out := make([]string, 0, len(es))
	for i := range es {
		out = append(out, name(&es[i]))
	}
	return out
}

func namesOf(ms []events.Message) []string {
	out := make([]string, 0, len(ms))
	for i := range ms {
		out = append(out, name(&ms[i].Event))
	}
	return out
}

func collect(t *testing.T, seq iter.Seq2[events.Message, error]) []events.Message {
	t.Helper()
	var out []events.Message
	for m, err := range seq {
		if err != nil {
			t.Fatalf("reading: %v", err)
		}
		out = append(out, m)
	}
	return out
}

func mustBeError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// crash runs work until it hits the failpoint, where it ends as its process would.
func crash(t *testing.T, point string, work func()) {
	t.Helper()
	exit := failpoint.Exit
	failpoint.Exit = runtime.Goexit
	failpoint.Arm(point)
	defer func() { failpoint.Exit = exit; failpoint.Arm("") }()
	done, survived := make(chan struct{}), false
	go func() {
		defer close(done)
		work()
		survived = true
	}()
	<-done
	if survived {
		t.Fatalf("failpoint %s was not hit", point)
	}
}

// concat joins pages.
func concat(pages ...[]events.Event) []events.Event {
	var all []events.Event
	for _, p := range pages {
		all = append(all, p...)
	}
	return all
}
