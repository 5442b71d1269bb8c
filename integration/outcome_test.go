package integration

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// outcome is what a hub leaves behind, without what differs between two runs: times, ids of events, sequences. Of the roster two runs
// that read the same agree on what [unnamed] leaves.
type outcome struct {
	Events []string // type and subject of each event, sorted: the same fact twice is there twice
	Roster []string // who is there, with what hangs on it and as whom it is known, sorted

	appends int // at the most: messages of the log that are no events
}

// left reads what a hub has left, and checks what must hold of every log and roster: the chains are whole, no state is told
// twice, the roster is what the log says, and each agent has the id of the identity that the log tells of first.
func left(t *testing.T, w hub.Where) outcome {
	t.Helper()
	ctx := t.Context()
	r, err := hub.OpenReader(ctx, w)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var o outcome
	fold := roster.New()
	heads, states, first := map[string]string{}, map[string]string{}, map[string]uint64{}
	for m, err := range r.Log.Read(ctx, events.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		e := &m.Event
		if e.Connection != events.ClockConnection { // how often time passes depends on how often a hub starts
			o.Events = append(o.Events, string(e.Type)+" "+e.NATSSubject())
		}
		feed := e.Connection + "/" + e.Data.Evidence.Feed
		if heads[feed] != m.Prev {
			t.Errorf("event %s at %s does not follow the one before it of feed %s", e.ID, m.Position, feed)
		}
		heads[feed] = m.Hash
		if state := content(t, e); state != "" {
			if states[e.NATSSubject()] == state {
				t.Errorf("%s at %s tells what was told: %s", e.Type, m.Position, state)
			}
			states[e.NATSSubject()] = state
			if one := e.Connection + "/" + e.Ref().Holder; first[one] == 0 {
				first[one] = m.Position.Sequence
			}
		}
		if err := fold.Apply(m); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(o.Events)
	end, err := r.Log.End(ctx)
	if err != nil {
		t.Fatal(err)
	}
	o.appends = int(end.Sequence) - len(o.Events)
	o.Roster = people(t, ctx, r)
	sameView(t, ctx, r, fold)
	checkHeads(t, ctx, r.Log, heads)
	checkTold(t, ctx, r)
	checkIDs(t, ctx, r, first)
	return o
}

// checkIDs holds each agent to the id of its first identity, by when the log tells of which. An account that only acts as a user comes last.
func checkIDs(t *testing.T, ctx context.Context, r *hub.Reader, first map[string]uint64) {
	t.Helper()
	agents, err := r.Roster.Agents(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range agents {
		one := slices.MinFunc(a.Identities, func(x, y roster.Identity) int {
			return cmp.Or(cmp.Compare(userOnly(x), userOnly(y)), cmp.Compare(first[x.Connection+"/"+x.Holder], first[y.Connection+"/"+y.Holder]))
		})
		if want := "agt_" + events.Digest(a.Tenant, one.Connection, one.Holder)[:20]; a.ID != want {
			t.Errorf("agent %s has the id %s and not %s, that of %s/%s", a.Name, a.ID, want, one.Connection, one.Holder)
		}
	}
}

func userOnly(i roster.Identity) int {
	if slices.Equal(i.Agent.Models, []events.Model{events.ModelUser}) {
		return 1
	}
	return 0
}

// checkTold holds what was told of findings to what the roster shows, and each verdict to having been told once.
func checkTold(t *testing.T, ctx context.Context, r *hub.Reader) {
	t.Helper()
	held, ids := map[string]events.Finding{}, map[string]bool{}
	for e, err := range r.Findings(ctx, "", false) {
		if err != nil {
			t.Fatal(err)
		}
		subject := e.NATSSubject()
		_, is := held[subject]
		if raised := e.Verb() == events.Raised; raised == is || ids[e.ID] {
			t.Errorf("%s of %s is told when it is so already, or once more", e.Type, subject)
		} else if !raised {
			delete(held, subject)
		} else {
			held[subject] = *e.Data.Finding
		}
		ids[e.ID] = true
	}
	agents, err := r.Roster.Agents(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range agents {
		for _, f := range a.Findings {
			subject := events.FindingSubject(a.Tenant, f.Connection, &f)
			if h, is := held[subject]; !is || !h.Raised.Equal(f.Raised) || h.Sequence != f.Sequence {
				t.Errorf("finding %s of %s is shown since %v, and told: %v, since %v", f.Code, a.Name, f.Raised, is, h.Raised)
			}
			delete(held, subject)
		}
	}
	for subject := range held {
		t.Errorf("%s is held to be true, and not shown", subject)
	}
}

// content is an event's entity as one text, with how it is gone.
func content(t *testing.T, e *events.Event) string {
	t.Helper()
	if e.Data.Entity == nil {
		return ""
	}
	n := *e.Data.Entity
	n.Version = time.Time{}
	b, err := events.Marshal(&n)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s gone=%v", b, e.Data.Gone != nil && !e.Data.Gone.Restorable)
}

// people lists the agents with their identities, what hangs on them, and as whom the agent is known.
func people(t *testing.T, ctx context.Context, r *hub.Reader) []string {
	t.Helper()
	agents, err := r.Roster.Agents(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range agents {
		line := string(a.Status)
		slices.SortFunc(a.Identities, func(a, b roster.Identity) int { return cmp.Compare(a.Holder, b.Holder) })
		for _, i := range a.Identities {
			line += fmt.Sprintf(" [%s/%s %s %s", i.Connection, i.Holder, i.Agent.Status, i.Agent.Name)
			line += keys(" stewards", i.Stewards) + keys(" credentials", i.Credentials) + keys(" grants", i.Grants) + keys(" delegations", i.Delegations) + "]"
		}
		out = append(out, line+knownAs+a.ID+" "+a.Name)
	}
	slices.Sort(out)
	return out
}

const knownAs = " known as "

// unnamed is a roster without the agents' own ids and names. They are those of the identity that the log tells of first, and which one
// that is depends on which feed was quicker.
func unnamed(roster []string) []string {
	out := make([]string, len(roster))
	for i, line := range roster {
		out[i] = line[:strings.LastIndex(line, knownAs)]
	}
	slices.Sort(out)
	return out
}

func keys[T any](label string, items []roster.Item[T]) string {
	s := label
	for _, i := range items {
		s += " " + i.Key
	}
	return s
}

// sameView compares the stored documents with those of a fold from the start, byte for byte.
func sameView(t *testing.T, ctx context.Context, r *hub.Reader, fold projections.Projection) {
	t.Helper()
	want, err := fold.Drain()
	if err != nil {
		t.Fatal(err)
	}
	stored, folded := map[string]string{}, map[string]string{}
	for _, d := range want {
		if d.Body != nil {
			folded[d.Key] = string(d.Body)
		}
	}
	for d, err := range r.Roster.Store.List(ctx, ">") {
		if err != nil {
			t.Fatal(err)
		}
		stored[d.Key] = string(d.Body)
	}
	if d := gocmp.Diff(folded, stored); d != "" {
		t.Errorf("the roster is not what the log says (-folded +stored):\n%s", d)
	}
	if err := fold.Check(); err != nil {
		t.Error(err)
	}
}

// checkHeads compares each feed's last event with the head that its cursor holds.
func checkHeads(t *testing.T, ctx context.Context, log *eventlog.Log, heads map[string]string) {
	t.Helper()
	for feed, head := range heads {
		connection, name, _ := strings.Cut(feed, "/")
		saved, err := log.Cursor(ctx, "demo", connection, name)
		if err != nil {
			t.Fatal(err)
		}
		if saved.Head != head {
			t.Errorf("the cursor of feed %s holds the head %.8s, its last event has %.8s", feed, saved.Head, head)
		}
	}
}
