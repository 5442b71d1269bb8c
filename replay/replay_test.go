package replay_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/replay"
)

func event(tenant, connection, holder string, kind events.Kind) events.Event {
	n := events.Entity{Kind: kind, Holder: holder, Key: events.Self}
	switch kind {
	case events.KindAgent:
		n.Agent = &events.Agent{Name: holder, Status: events.StatusActive}
	case events.KindGrant:
		n.Key, n.Grant = "g1", &events.Grant{Type: "iam_role"}
	}
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	return events.New(tenant, connection, "okta", events.EntityType(kind, events.Created), at, at, events.Data{Entity: &n})
}

// write appends the events, each as a page of its own, and returns the log with the position of each.
func write(t *testing.T, list ...events.Event) (*eventlog.Log, []uint64) {
	t.Helper()
	l := eventlog.NewMemory()
	t.Cleanup(l.Close)
	var at []uint64
	for n, e := range list {
		claim, err := l.Claim(t.Context(), e.Tenant, e.Connection, "hub")
		if err != nil {
			t.Fatal(err)
		}
		feed := fmt.Sprintf("feed%d", n)
		if _, err := l.Append(t.Context(), events.Append{Claim: claim, Feed: feed, Events: []events.Event{e}, Cursor: []byte("1")}); err != nil {
			t.Fatal(err)
		}
	}
	for m, err := range l.Read(t.Context(), events.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, m.Position.Sequence)
	}
	return l, at
}

var company = []events.Event{
	event("acme", "okta", "a1", events.KindAgent),
	event("acme", "okta", "a1", events.KindGrant),
	event("acme", "entra", "a2", events.KindAgent),
	event("acme", "entra", "a3", events.KindGrant),
	event("other", "okta", "a1", events.KindAgent),
}

func read(t *testing.T, l *eventlog.Log, filters []events.Filter, r replay.Range) []string {
	t.Helper()
	var out []string
	for m, err := range replay.Decoded(replay.Read(t.Context(), l, filters, r)) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m.Event.Tenant+"/"+m.Event.Connection+"/"+m.Event.Subject)
	}
	return out
}

func TestFilters(t *testing.T) {
	l, _ := write(t, company...)
	const (
		agent1, grant1 = "acme/okta/a1.agent.self", "acme/okta/a1.grant.g1"
		agent2, grant3 = "acme/entra/a2.agent.self", "acme/entra/a3.grant.g1"
		others         = "other/okta/a1.agent.self"
	)
	for name, c := range map[string]struct {
		filters []events.Filter
		want    []string
	}{
		"none selects all":       {nil, []string{agent1, grant1, agent2, grant3, others}},
		"the empty selects all":  {[]events.Filter{{}}, []string{agent1, grant1, agent2, grant3, others}},
		"one":                    {[]events.Filter{{Tenant: "acme", Kind: events.KindGrant}}, []string{grant1, grant3}},
		"a type":                 {[]events.Filter{{Type: "agent.created"}}, []string{agent1, agent2, others}},
		"a union of two holders": {[]events.Filter{{Tenant: "acme", Connection: "okta", Holder: "a1"}, {Tenant: "acme", Connection: "entra", Holder: "a3"}}, []string{agent1, grant1, grant3}},
		"a union that overlaps":  {[]events.Filter{{Tenant: "acme"}, {Kind: events.KindAgent}}, []string{agent1, grant1, agent2, grant3, others}},
		"a union with nothing":   {[]events.Filter{{Holder: "a2"}, {Holder: "a9"}}, []string{agent2}},
		"nothing":                {[]events.Filter{{Holder: "a9"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, read(t, l, c.filters, replay.Range{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRangesIncludeBothEnds(t *testing.T) {
	l, at := write(t, company...)
	seq := func(n int) replay.Bound { return replay.Bound{Sequence: at[n]} }
	hour := time.Now().Add(-time.Hour)
	for name, c := range map[string]struct {
		r    replay.Range
		want int
	}{
		"all":               {replay.Range{}, 5},
		"from":              {replay.Range{From: seq(3)}, 2},
		"to":                {replay.Range{To: seq(1)}, 2},
		"one":               {replay.Range{From: seq(2), To: seq(2)}, 1},
		"between two":       {replay.Range{From: replay.Bound{Sequence: at[1] + 1}, To: seq(2)}, 1},
		"beyond the end":    {replay.Range{From: replay.Bound{Sequence: at[4] + 100}}, 0},
		"since an hour":     {replay.Range{From: replay.Bound{Time: hour}}, 5},
		"until an hour ago": {replay.Range{To: replay.Bound{Time: hour}}, 0},
		"time and sequence": {replay.Range{From: replay.Bound{Time: hour}, To: seq(0)}, 1},
	} {
		if got := read(t, l, nil, c.r); len(got) != c.want {
			t.Errorf("%s: %v, want %d", name, got, c.want)
		}
	}
}

// Following goes on with what is appended later, and ends with its context.
func TestFollow(t *testing.T) {
	l, at := write(t, company[:2]...)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var got []string
	for m, err := range replay.Decoded(replay.Follow(ctx, l, []events.Filter{{Holder: "a1"}}, at[1])) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, m.Event.Subject); len(got) == 2 {
			break
		}
		go func() {
			claim, err := l.Claim(ctx, "acme", "okta", "hub")
			if err == nil {
				_, err = l.Append(ctx, events.Append{Claim: claim, Feed: "later", Events: []events.Event{event("acme", "okta", "a1", events.KindAgent)}, Cursor: []byte("1")})
			}
			if err != nil {
				t.Error(err)
			}
		}()
	}
	if diff := cmp.Diff([]string{"a1.grant.g1", "a1.agent.self"}, got); diff != "" {
		t.Error(diff)
	}
}
