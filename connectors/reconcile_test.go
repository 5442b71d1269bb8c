package connectors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
)

// bench reconciles hand-written pages against a log in memory. Its clock moves only when told.
type bench struct {
	t    *testing.T
	log  *memLog
	st   *state
	src  source
	base time.Time
	feed Feed
	seen int // events already looked at
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, log: newMemLog(), base: time.Now(), feed: Feed{Name: "list"}}
	b.st = newState(b.base)
	b.src = source{tenant: "acme", connection: "okta", vendor: "okta", log: b.log, breaker: Breaker{}.withDefaults(),
		scrub: func(s string) string { return s }}
	b.page(0, Page{}) // publishes the feed's coverage, which is then no event of the tests' pages
	return b
}

// at is n seconds after the start.
func (b *bench) at(n float64) time.Time { return b.base.Add(time.Duration(n * float64(time.Second))) }

// rec makes a result of what a record would say.
func (b *bench) rec(asked float64, r Reading) result {
	return result{record: Record{Type: "thing", Asked: b.at(asked)}, reading: r}
}

// plan reconciles one page, pulled at the time of its records, and does not commit.
func (b *bench) plan(began float64, page Page, results ...result) *plan {
	b.t.Helper()
	in := pulled{feed: &b.feed, page: page, results: results, began: b.at(began), now: b.at(began + 0.5), proven: true}
	return b.planIn(in)
}

func (b *bench) planIn(in pulled) *plan {
	b.t.Helper()
	slices.SortStableFunc(in.results, func(x, y result) int { return x.record.Asked.Compare(y.record.Asked) })
	p, err := makePlan(context.Background(), &b.src, b.st, in)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// commit stores a plan's events and applies it.
func (b *bench) commit(p *plan) []string {
	b.t.Helper()
	claim, _ := b.log.Claim(context.Background(), "acme", "okta", "hub")
	saved, _ := b.log.Cursor(context.Background(), "acme", "okta", p.feed.Name)
	if _, err := b.log.Append(context.Background(), events.Append{Claim: claim, Feed: p.feed.Name, Expect: saved, Events: p.events}); err != nil {
		b.t.Fatal(err)
	}
	p.commit()
	b.check()
	return b.fresh()
}

func (b *bench) fresh() []string {
	all := b.log.types()
	out := all[b.seen:]
	b.seen = len(all)
	return out
}

// page plans and commits.
func (b *bench) page(began float64, page Page, results ...result) []string {
	b.t.Helper()
	return b.commit(b.plan(began, page, results...))
}

// restart forgets everything and loads the log.
func (b *bench) restart() {
	b.t.Helper()
	st, err := load(b.base, b.log.States(context.Background(), "acme", "okta"), func(err error) { b.t.Error(err) })
	if err != nil {
		b.t.Fatal(err)
	}
	b.st = st
}

// check holds the state to the log: what is live, and in which scope, is what the log's last events say.
func (b *bench) check() {
	b.t.Helper()
	want, err := load(b.base, b.log.States(context.Background(), "acme", "okta"), func(err error) { b.t.Error(err) })
	if err != nil {
		b.t.Fatal(err)
	}
	if d := cmp.Diff(summary(want), summary(b.st)); d != "" {
		b.t.Fatalf("state and log disagree (-log +state):\n%s", d)
	}
	if want.live != b.st.live {
		b.t.Fatalf("state counts %d live, the log has %d", b.st.live, want.live)
	}
}

func summary(st *state) []string {
	var out []string
	for ref, e := range st.entities {
		out = append(out, fmt.Sprintf("%s life=%d scope=%s", ref, e.life, e.scope))
		if s := e.scope; s != nil && (s.members[e.at] != e || st.scopes[s.name] != s) {
			out = append(out, "broken index at "+ref.String())
		}
	}
	for name, s := range st.scopes {
		for _, e := range s.members {
			if e.scope != s || st.entities[e.ref] != e || e.life != alive {
				out = append(out, "stray member "+e.ref.String()+" of "+name)
			}
		}
	}
	slices.Sort(out)
	return out
}

func agent(id, name string, mod ...func(*events.Entity)) events.Entity {
	e := events.Entity{Kind: events.KindAgent, Holder: id, Key: events.Self, Scope: "agents",
		Agent: &events.Agent{Native: "ai_agent", Name: name, Status: events.StatusActive, Class: events.ClassAgent}}
	for _, m := range mod {
		m(&e)
	}
	return e
}

func disabled(e *events.Entity) { e.SetStatus(events.StatusDisabled) }

func version(t time.Time) func(*events.Entity) { return func(e *events.Entity) { e.Version = t } }

func scoped(s string) func(*events.Entity) { return func(e *events.Entity) { e.Scope = s } }

func owner(holder, person, scope string) events.Entity {
	return events.Entity{Kind: events.KindStewardship, Holder: holder, Key: "owner:" + person, Scope: scope,
		Stewardship: &events.Stewardship{Role: "owner", Person: person}}
}

func says(es ...events.Entity) Reading { return Reading{Entities: es} }

func goneAgent(id string) Reading {
	return Reading{Tombstones: []Tombstone{{Ref: events.Identity(events.KindAgent, id), Reason: "removed"}}}
}

func softGone(id string) Reading {
	r := goneAgent(id)
	r.Tombstones[0].Restorable = true
	return r
}

func (b *bench) want(got []string, want ...string) {
	b.t.Helper()
	if d := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); d != "" {
		b.t.Fatalf("events (-want +got):\n%s", d)
	}
}

var listing = Page{Opens: []string{"agents"}, Seals: []string{"agents"}}

func TestVerbs(t *testing.T) {
	b := newBench(t)
	b.want(b.page(1, Page{}, b.rec(1, says(agent("a", "A")))), "agent.created a.agent.self")
	b.want(b.page(2, Page{}, b.rec(2, says(agent("a", "A")))))
	b.want(b.page(3, Page{}, b.rec(3, says(agent("a", "B")))), "agent.updated a.agent.self")
	b.want(b.page(4, Page{}, b.rec(4, says(agent("a", "B", disabled)))), "agent.disabled a.agent.self")
	b.want(b.page(5, Page{}, b.rec(5, says(agent("a", "B")))), "agent.enabled a.agent.self")
	b.want(b.page(6, Page{}, b.rec(6, softGone("a"))), "agent.deleted a.agent.self")
	b.want(b.page(7, Page{}, b.rec(7, softGone("a"))))
	b.want(b.page(8, Page{}, b.rec(8, goneAgent("a"))), "agent.deleted a.agent.self")
	b.want(b.page(9, Page{}, b.rec(9, softGone("a"))))
	b.want(b.page(10, Page{}, b.rec(10, goneAgent("a"))))
	b.want(b.page(11, Page{}, b.rec(11, says(agent("a", "B")))), "agent.restored a.agent.self")
	b.want(b.page(12, Page{}, b.rec(12, goneAgent("nobody"))))
}

func TestVerbsSurviveRestart(t *testing.T) {
	b := newBench(t)
	b.page(1, Page{}, b.rec(1, says(agent("a", "A"), agent("g", "G"))))
	b.page(2, Page{}, b.rec(2, goneAgent("g")))
	b.restart()
	b.want(b.page(3, Page{}, b.rec(3, says(agent("a", "A")))))
	b.want(b.page(4, Page{}, b.rec(4, says(agent("g", "G")))), "agent.restored g.agent.self")
}

func TestEventSaysWhatChanged(t *testing.T) {
	b := newBench(t)
	b.page(1, Page{}, b.rec(1, says(agent("a", "A"))))
	e := agent("a", "B", disabled)
	e.Agent.Description = "new"
	e.Unknown = []events.Kind{events.KindGrant}
	p := b.plan(2, Page{}, b.rec(2, Reading{Entities: []events.Entity{e}, LogID: "log1", Actor: &events.Actor{ID: "boss"}, At: b.at(1.5)}))
	ev := p.events[0]
	got := map[string]string{}
	for k, v := range ev.Data.Changed {
		got[k] = string(v)
	}
	want := map[string]string{"name": `"A"`, "description": "null", "status": `"active"`, "unknown": "null"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("changed (-want +got):\n%s", d)
	}
	if !ev.Time.Equal(b.at(1.5)) || ev.Data.Evidence.How != events.HowSeen || ev.Data.Evidence.Actor.ID != "boss" || ev.Data.Evidence.Feed != "list" {
		t.Errorf("time %v, evidence %+v", ev.Time, ev.Data.Evidence)
	}
}

func TestFirstSeen(t *testing.T) {
	b := newBench(t)
	p := b.plan(1, listing, b.rec(1, says(agent("a", "A"))))
	if got := p.events[0].Data.FirstSeen; got != events.FirstSeenSnapshot {
		t.Errorf("shown by a listing: first seen %q", got)
	}
	p = b.plan(1, Page{}, b.rec(1, says(agent("a", "A"))))
	if got := p.events[0].Data.FirstSeen; got != "" {
		t.Errorf("shown by a change: first seen %q", got)
	}
}

func TestNothingOldOverwritesNewer(t *testing.T) {
	b := newBench(t)
	b.page(1, Page{}, b.rec(10, says(agent("a", "new", version(b.at(5))))))
	p := b.plan(11, Page{}, b.rec(9, says(agent("a", "old"))), b.rec(12, says(agent("a", "old", version(b.at(4))))))
	if p.stale != 2 {
		t.Errorf("%d readings dropped, want 2", p.stale)
	}
	b.want(b.commit(p))
	b.want(b.page(13, Page{}, b.rec(9, goneAgent("a"))))
	b.want(b.page(14, Page{}, b.rec(14, goneAgent("a"))), "agent.deleted a.agent.self")
	b.want(b.page(15, Page{}, b.rec(13, says(agent("a", "old")))))
}

func TestOldPageAfterTombstoneOfUnknown(t *testing.T) {
	b := newBench(t)
	b.want(b.page(2, Page{}, b.rec(2, goneAgent("a"))))
	b.want(b.page(3, Page{}, b.rec(1, says(agent("a", "A")))))
	b.want(b.page(4, Page{}, b.rec(3, says(agent("a", "A")))), "agent.created a.agent.self")
}

// A hub whose clock is an hour behind takes over: its readings are newer than what the log holds all the same.
func TestClockSkewBetweenHubs(t *testing.T) {
	b := newBench(t)
	b.page(3600, Page{}, b.rec(3600, says(agent("a", "A"), agent("g", "G"))))
	b.page(3601, Page{}, b.rec(3601, goneAgent("g")))
	b.restart()
	b.want(b.page(1, Page{}, b.rec(1, says(agent("a", "B")))), "agent.updated a.agent.self")
	b.want(b.page(2, Page{}, b.rec(2, says(agent("g", "G")))), "agent.restored g.agent.self")
	b.want(b.page(3, listing, b.rec(3, says(agent("a", "B")))), "agent.deleted g.agent.self")
}

func TestTwiceInOnePage(t *testing.T) {
	b := newBench(t)
	b.want(b.page(1, Page{}, b.rec(2, says(agent("a", "later"))), b.rec(1, says(agent("a", "earlier"))), b.rec(2, says(agent("a", "later")))),
		"agent.created a.agent.self", "agent.updated a.agent.self")
	m, _, _ := b.log.Last(context.Background(), "", "", events.Identity(events.KindAgent, "a"))
	if m.Event.Data.Entity.Agent.Name != "later" || string(m.Event.Data.Changed["name"]) != `"earlier"` {
		t.Errorf("last event: %+v", m.Event.Data)
	}
}

func TestCascade(t *testing.T) {
	b := newBench(t)
	b.page(1, Page{}, b.rec(1, says(agent("a", "A"), owner("a", "p", "owners/a"), owner("b", "p", "owners/b"))))
	b.want(b.page(2, Page{}, b.rec(2, goneAgent("a"))), "agent.deleted a.agent.self", "stewardship.deleted a.stewardship.owner%3Ap")
	m, _, _ := b.log.Last(context.Background(), "", "", events.Ref{Kind: events.KindStewardship, Holder: "a", Key: "owner:p"})
	if g := m.Event.Data.Gone; g == nil || !g.Inferred || g.Reason != "its agent is gone" {
		t.Errorf("gone: %+v", g)
	}
	// Nothing that a lagging list still shows comes back before the agent itself does: nobody would sweep it.
	b.want(b.page(3, Page{}, b.rec(1.5, says(owner("a", "q", "owners/a"), owner("a", "p", "owners/a")))))
	b.want(b.page(4, Page{}, b.rec(4, says(owner("a", "q", "owners/a")))))
	b.restart()
	b.want(b.page(5, Page{}, b.rec(5, says(owner("a", "q", "owners/a")))))
	b.want(b.page(6, Page{}, b.rec(6, says(agent("a", "A"), owner("a", "q", "owners/a")))),
		"agent.restored a.agent.self", "stewardship.created a.stewardship.owner%3Aq")
}

func TestPersonOfDeletedIdentityHasStatusDeleted(t *testing.T) {
	b := newBench(t)
	b.page(1, Page{}, b.rec(1, says(agent("a", "A"))))
	p := b.plan(2, Page{}, b.rec(2, goneAgent("a")))
	d := p.events[0].Data
	if d.Entity.Status() != events.StatusDeleted || d.Entity.Agent.Name != "A" || string(d.Changed["status"]) != `"active"` {
		t.Errorf("deleted event: %+v %v", d.Entity.Agent, d.Changed)
	}
}

// A failed append changes nothing: the same page gives the same events again.
func TestPlanWithoutCommitChangesNothing(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, says(agent("a", "A"), agent("b", "B"))))
	in := []result{b.rec(2, says(agent("a", "A2"))), b.rec(2, Reading{Activities: []events.Activity{{Holder: "a", Type: "sign_in", ID: "s1"}}})}
	first := b.plan(2, listing, in...)
	again := b.plan(2, listing, in...)
	if d := cmp.Diff(first.events, again.events); d != "" || len(first.events) != 3 {
		t.Errorf("%d events, second plan differs:\n%s", len(first.events), d)
	}
	b.check()
}

// A last state that is damaged is unknown, so that the vendor's next word about it is an event; the rest is as it was.
func TestDamagedState(t *testing.T) {
	b := newBench(t)
	b.page(1, Page{}, b.rec(1, says(agent("a", "A"), agent("b", "B"))))
	var told []error
	st, err := load(b.base, func(yield func(events.Message, error) bool) {
		for m, err := range b.log.States(context.Background(), "acme", "okta") {
			if m.Event.Ref().Holder == "a" {
				err = &events.DamageError{Position: m.Position, Err: errors.New("its hash does not fit")}
			}
			if !yield(m, err) {
				return
			}
		}
	}, func(err error) { told = append(told, err) })
	if err != nil || len(told) != 1 {
		t.Fatalf("load = %v, told %v", err, told)
	}
	b.st = st
	b.want(b.page(2, Page{}, b.rec(2, says(agent("a", "A"), agent("b", "B")))), "agent.created a.agent.self")
}
