package archivetest

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// Fill appends n events of two feeds to a log, each of one of ten agents, with the feeds' places among them.
func Fill(tb testing.TB, log *eventlog.Log, n int) {
	tb.Helper()
	claim, err := log.Claim(tb.Context(), "acme", "okta main", "hub")
	if err != nil {
		tb.Fatal(err)
	}
	feeds := []string{"agents", "system log"}
	saved := map[string]events.Saved{}
	for _, f := range feeds {
		if saved[f], err = log.Cursor(tb.Context(), "acme", "okta main", f); err != nil {
			tb.Fatal(err)
		}
	}
	for i := 0; i < n; {
		feed := feeds[i%2]
		page := make([]events.Event, min(1+i%3, n-i))
		for j := range page {
			page[j] = event(i + j + int(saved[feed].Events))
		}
		r, err := log.Append(tb.Context(), events.Append{Claim: claim, Feed: feed, Expect: saved[feed], Events: page, Cursor: []byte{byte(i)}})
		if err != nil {
			tb.Fatal(err)
		}
		saved[feed], claim, i = r.Saved, r.Claim, i+len(page)
	}
}

func event(n int) events.Event {
	at := time.Date(2026, 11, 1, 0, 0, n, 0, time.UTC)
	evidence := events.Evidence{Feed: "agents", How: events.HowRead}
	if n%5 == 4 {
		a := events.Activity{Holder: fmt.Sprint("agent ", n%10), Type: "sign_in", ID: fmt.Sprint(n)}
		return events.New("acme", "okta main", "okta", events.ActivityType("sign_in"), at, at, events.Data{Activity: &a, Evidence: evidence})
	}
	e := events.Entity{Kind: events.KindAgent, Holder: fmt.Sprint("agent ", n%10), Key: events.Self, Agent: &events.Agent{
		Native: "ai_agent", Name: fmt.Sprintf("<Agent> \"%d\" é", n), Status: events.StatusActive, Class: events.ClassAgent,
	}}
	return events.New("acme", "okta main", "okta", events.EntityType(events.KindAgent, events.Updated), at, at, events.Data{Entity: &e, Evidence: evidence})
}

// Reader is what is compared.
type Reader interface {
	Stored(ctx context.Context, q events.Query) iter.Seq2[events.Stored, error]
}

// Same fails the test where two readers do not yield the same events, errors included. Pending may differ.
func Same(tb testing.TB, want, got Reader, q events.Query) {
	tb.Helper()
	if diff := cmp.Diff(collect(tb, want, q), collect(tb, got, q), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(events.Stored{}, "Pending", "Keys")); diff != "" {
		tb.Errorf("%+v (-want +got):\n%s", q, diff)
	}
}

type yielded struct {
	events.Stored
	Err string
}

func collect(tb testing.TB, r Reader, q events.Query) []yielded {
	tb.Helper()
	var out []yielded
	for s, err := range r.Stored(tb.Context(), q) {
		y := yielded{Stored: s}
		if err != nil {
			y.Err = err.Error()
		}
		out = append(out, y)
	}
	return out
}
