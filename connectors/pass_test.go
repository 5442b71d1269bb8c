package connectors

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

func TestSealedPassSweeps(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, says(agent("a", "A"), agent("b", "B"))))
	p := b.plan(2, listing, b.rec(2, says(agent("a", "A"))))
	b.want(b.commit(p), "agent.deleted b.agent.self")
	g := p.events[0].Data.Gone
	if !g.Inferred || !g.After.Equal(b.at(1.5)) || !g.Before.Equal(b.at(2.5)) || p.events[0].Data.Evidence.How != events.HowInferred {
		t.Errorf("gone: %+v, evidence %+v", g, p.events[0].Data.Evidence)
	}
	b.want(b.page(3, listing, b.rec(3, says(agent("a", "A")))))
	b.want(b.page(4, listing, b.rec(4, says(agent("a", "A"), agent("b", "B")))), "agent.restored b.agent.self")
}

func TestPassOverSeveralPages(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, says(agent("a", "A"), agent("b", "B"), agent("c", "C"))))
	b.want(b.page(2, Page{Opens: []string{"agents"}, More: true}, b.rec(2, says(agent("a", "A")))))
	b.want(b.page(3, Page{More: true}, b.rec(3, says(agent("b", "B")))))
	b.want(b.page(4, Page{Seals: []string{"agents"}}), "agent.deleted c.agent.self")
}

// An entity that somebody else has read since the pass began is there, whatever the pass shows.
func TestPassSparesWhatWasReadSince(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, says(agent("a", "A"), agent("b", "B"))))
	b.page(2, Page{Opens: []string{"agents"}, More: true}, b.rec(2, says(agent("a", "A"))))
	b.page(3, Page{}, b.rec(3, says(agent("b", "B"))))
	b.want(b.page(4, Page{Seals: []string{"agents"}}))
	b.want(b.page(5, listing, b.rec(5, says(agent("a", "A")))), "agent.deleted b.agent.self")
}

func TestBrokenPassDoesNotSweep(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, says(agent("a", "A"), agent("b", "B"))))
	b.page(2, Page{Opens: []string{"agents"}, More: true}, b.rec(2, says(agent("a", "A"))))
	b.want(b.page(3, Page{Breaks: []string{"agents"}, More: true}))
	p := b.plan(4, Page{Seals: []string{"agents"}})
	b.want(b.commit(p))
	if len(p.owes) != 1 {
		t.Errorf("owes %v, want another pass over agents", p.owes)
	}
}

func TestResumedPassDoesNotSweep(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, says(agent("a", "A"), agent("b", "B"))))
	b.page(2, Page{Opens: []string{"agents"}, More: true}, b.rec(2, says(agent("a", "A"))))
	b.restart()
	p := b.plan(3, Page{Seals: []string{"agents"}})
	b.want(b.commit(p))
	if len(p.owes) != 1 {
		t.Errorf("owes %v, want another pass over agents", p.owes)
	}
	b.want(b.page(4, listing, b.rec(4, says(agent("a", "A")))), "agent.deleted b.agent.self")
}

func TestMovedBetweenScopesIsNotGone(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, says(agent("a", "A"), agent("b", "B"))))
	b.want(b.page(2, listing, b.rec(2, says(agent("a", "A"), agent("b", "B", scoped("other"))))), "agent.updated b.agent.self")
	b.want(b.page(3, Page{Opens: []string{"other"}, Seals: []string{"other"}}), "agent.deleted b.agent.self")
}

// A reading that names no scope does not take an entity out of the one it is in.
func TestReadingWithoutScopeKeepsScope(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, says(agent("a", "A"), agent("b", "B"))))
	b.want(b.page(2, Page{}, b.rec(2, says(agent("b", "B", scoped(""))))))
	b.want(b.page(3, listing, b.rec(3, says(agent("a", "A")))), "agent.deleted b.agent.self")
}

func TestTwoPassesMustAgree(t *testing.T) {
	b := newBench(t)
	b.feed.Passes, b.feed.Settle = 2, 3*time.Second
	b.page(1, listing, b.rec(1, says(agent("a", "A"), agent("b", "B"))))
	only := says(agent("a", "A"))
	b.want(b.page(2, listing, b.rec(2, only)))
	b.want(b.page(3, listing, b.rec(3, says(agent("a", "A"), agent("b", "B")))))
	b.want(b.page(4, listing, b.rec(4, only)))
	b.want(b.page(5, listing, b.rec(5, only))) // missed twice, but not for three seconds
	b.want(b.page(8, listing, b.rec(8, only)), "agent.deleted b.agent.self")
}

func TestTwoPassesWithoutSettling(t *testing.T) {
	b := newBench(t)
	b.feed.Passes = 2
	b.page(1, listing, b.rec(1, says(agent("a", "A"), agent("b", "B"))))
	b.want(b.page(2, listing, b.rec(2, says(agent("a", "A")))))
	b.want(b.page(3, listing, b.rec(3, says(agent("a", "A")))), "agent.deleted b.agent.self")
}

// A full listing that shows an entity in a version older than is known shows it all the same.
func TestShownInAnOldVersionIsNotGone(t *testing.T) {
	b := newBench(t)
	full := Reading{Entities: []events.Entity{agent("a", "A", version(b.at(1)))}, Replaces: []string{"agents"}}
	b.page(1, Page{}, b.rec(1, says(agent("a", "A", version(b.at(5))))))
	b.want(b.page(2, Page{}, b.rec(2, full)))
	b.want(b.page(3, listing, b.rec(3, says(agent("a", "A", version(b.at(1)))))))
}

// A pass that ends with an empty page has shown something before.
func TestPassWithEmptyLastPageNeedsNoProof(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, says(agent("a", "A"), agent("b", "B"))))
	b.page(2, Page{Opens: []string{"agents"}, More: true}, b.rec(2, says(agent("a", "A"))))
	b.want(b.commit(b.planIn(pulled{feed: &b.feed, page: Page{Seals: []string{"agents"}}, began: b.at(3), now: b.at(3)})), "agent.deleted b.agent.self")
}

func TestEmptyPassNeedsProof(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, says(agent("a", "A"))))
	in := pulled{feed: &b.feed, page: listing, began: b.at(2), now: b.at(2)}
	p := b.planIn(in)
	if !p.doubts || len(p.events) != 0 {
		t.Fatalf("unproven: doubts %v, events %v", p.doubts, p.events)
	}
	in.proven = true
	b.want(b.commit(b.planIn(in)), "agent.deleted a.agent.self")
}

func TestReplaces(t *testing.T) {
	b := newBench(t)
	full := func(es ...events.Entity) Reading { return Reading{Entities: es, Replaces: []string{"owners/a"}} }
	b.page(1, Page{}, b.rec(1, full(owner("a", "p", "owners/a"), owner("a", "q", "owners/a"))))
	b.want(b.page(2, Page{}, b.rec(2, full(owner("a", "p", "owners/a")))), "stewardship.deleted a.stewardship.owner%3Aq")
	b.want(b.page(3, Page{}, b.rec(1.5, full()))) // asked for before the last reading
	b.want(b.page(4, Page{}, b.rec(4, full(owner("a", "r", "owners/a")))),
		"stewardship.created a.stewardship.owner%3Ar", "stewardship.deleted a.stewardship.owner%3Ap")
	b.want(b.page(5, Page{}, b.rec(5, full())), "stewardship.deleted a.stewardship.owner%3Ar")
}

// A record that nothing understood may be the very entity that a pass seems to miss.
func TestUnreadableRecordKeepsPassFromSweeping(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, says(agent("a", "A"), agent("b", "B"))))
	bad := result{record: Record{Type: "thing", Asked: b.at(2), Body: []byte(`{"id":"b","x":1}`)}, err: errors.New("x is no name")}
	p := b.plan(2, listing, b.rec(2, says(agent("a", "A"))), bad)
	b.want(b.commit(p), "activity.unknown _connection.activity.unknown")
	if len(p.later) != 1 {
		t.Errorf("later %v, want agents", p.later)
	}
	b.want(b.page(3, listing, b.rec(3, says(agent("a", "A"), agent("b", "B"))), bad))
}

func (b *bench) company(n int) Reading {
	var r Reading
	for i := range n {
		r.Entities = append(r.Entities, agent(fmt.Sprintf("a%03d", i), "A"))
	}
	return r
}

func TestBreaker(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, b.company(40)))
	few := b.company(27)
	few.Entities[0].Agent.Name = "changed"
	p := b.plan(2, listing, b.rec(2, few))
	b.want(b.commit(p), "agent.updated a000.agent.self")
	if p.held == nil || p.held.Count != 13 || p.held.Live != 40 || len(p.held.Examples) != 5 {
		t.Fatalf("held: %+v", p.held)
	}
	in := pulled{feed: &b.feed, page: listing, results: []result{b.rec(3, few)}, began: b.at(3), now: b.at(3), proven: true,
		allowed: &Approval{ID: "ok1", Count: 12, By: "ann"}}
	if p = b.planIn(in); p.held == nil {
		t.Fatal("an approval of 12 let 13 through")
	}
	in.allowed.Digest = p.held.Digest
	p = b.planIn(in)
	if got := b.commit(p); len(got) != 14 || got[0] != "activity.sweep_approved _connection.activity.sweep%5Fapproved" && got[0] != "activity.sweep_approved _connection.activity.sweep_approved" {
		t.Fatalf("approved: %v", got)
	}
}

func TestBreakerLimits(t *testing.T) {
	br := Breaker{}.withDefaults()
	for _, c := range []struct {
		n, live int
		want    bool
	}{{9, 9, false}, {10, 10, true}, {10, 40, false}, {12, 40, false}, {13, 40, true}, {100, 10000, false}, {101, 10000, true}} {
		if got := br.trips(c.n, c.live); got != c.want {
			t.Errorf("trips(%d of %d) = %v", c.n, c.live, got)
		}
	}
}

// A loss spread over the pages of one round is one loss.
func TestBreakerSumsOverARound(t *testing.T) {
	b := newBench(t)
	b.page(1, listing, b.rec(1, b.company(40)))
	b.feed.Name = "owners"
	in := pulled{feed: &b.feed, page: Page{Opens: []string{"agents"}, Seals: []string{"agents"}},
		results: []result{b.rec(2, b.company(35))}, began: b.at(2), now: b.at(2), swept: 11, proven: true}
	if p := b.planIn(in); p.held == nil {
		t.Error("five more after eleven of 51 were not held")
	}
}

func TestActivitiesOnce(t *testing.T) {
	b := newBench(t)
	act := Reading{Activities: []events.Activity{{Holder: "a", Type: "sign_in", ID: "s1"}, {Holder: "a", Type: "sign_in", ID: "s1"}, {Type: "sign_in", ID: "s2"}}}
	b.want(b.page(1, Page{}, b.rec(1, act)), "activity.sign_in a.activity.sign_in", "activity.sign_in _connection.activity.sign_in")
	b.want(b.page(2, Page{}, b.rec(2, act)))
	b.restart()
	b.st.recent.add("s1") // as the runner does with Saved.Done
	b.want(b.page(3, Page{}, b.rec(3, act)), "activity.sign_in _connection.activity.sign_in")
}

func TestUnknownRecordOnce(t *testing.T) {
	b := newBench(t)
	bad := result{record: Record{Type: "thing", Asked: b.at(1), Body: []byte(`{"client_secret":"s3cret"}`), Context: map[string]string{"holder": "a"}},
		err: errors.New("no id")}
	b.want(b.page(1, Page{}, bad), "activity.unknown a.activity.unknown")
	b.want(b.page(2, Page{}, bad))
	b.restart()
	b.want(b.page(3, Page{}, bad))
	m, _, _ := b.log.Last(context.Background(), "", "", events.Ref{Kind: events.KindActivity, Holder: "a", Key: "unknown"})
	if d := m.Event.Data.Activity.Details; d["fields"] != "[client_secret]" || m.Event.Data.Evidence.Note != "no id" {
		t.Errorf("unknown activity: %+v, evidence %+v", d, m.Event.Data.Evidence)
	}
}

func TestEntityThatIsWrong(t *testing.T) {
	b := newBench(t)
	wrong := agent("a", "A")
	wrong.Key = "not self"
	latin := agent("b", "caf\xe9")
	b.want(b.page(1, Page{}, b.rec(1, says(wrong, agent("c", "C")))), "activity.unknown _connection.activity.unknown", "agent.created c.agent.self")
	r := b.rec(2, says(latin))
	r.record.Body = []byte("other")
	b.want(b.page(2, Page{}, r), "activity.unknown _connection.activity.unknown")
}

// inPolicy is a grant on a resource: in the scope of that resource's policy.
func inPolicy(holder, resource string) events.Entity {
	return events.Entity{Kind: events.KindGrant, Holder: holder, Key: "g:" + resource, Scope: "policy/" + resource,
		Grant: &events.Grant{Type: "iam_role", Role: "user", Resource: resource}}
}

// resources is a page that lists all resources of a place, and what it keeps of them.
func (b *bench) resources(began float64, keeps ...string) []string {
	b.t.Helper()
	all := []string{"policy/at/"}
	return b.page(began, Page{Opens: all, Seals: all}, b.rec(began, Reading{Keeps: keeps}))
}

// What hangs on the policy of a resource goes with the resource, when a sealed listing of resources does not show it; what hangs on
// others' stays, and so does what was read since or lies outside of the group.
func TestSealedPassOverAGroupOfScopes(t *testing.T) {
	b := newBench(t)
	b.page(1, Page{}, b.rec(1, says(inPolicy("a", "at/1"), inPolicy("b", "at/1"), inPolicy("a", "at/2"), inPolicy("a", "elsewhere/1"))))
	b.want(b.resources(2, "policy/at/1", "policy/at/2", "policy/at/3"))
	b.page(3, Page{Opens: []string{"policy/at/"}, More: true}, b.rec(3, Reading{Keeps: []string{"policy/at/2"}}))
	b.page(4, Page{}, b.rec(4, says(inPolicy("b", "at/1"))))
	p := b.plan(5, Page{Seals: []string{"policy/at/"}})
	b.want(b.commit(p), "grant.deleted a.grant.g%3Aat%2F1")
	g := p.events[0].Data.Gone
	if !g.Inferred || g.Reason != "what policy/at/1 belongs to is not in a full listing of policy/at/" || !g.Before.Equal(b.at(5.5)) {
		t.Errorf("gone: %+v", g)
	}
	b.restart()
	b.want(b.resources(6, "policy/at/2"), "grant.deleted b.grant.g%3Aat%2F1")
}

// A group is swept on no less evidence than a list: passes agree, an unreadable record or a broken pass proves nothing, and an empty
// one needs a connection that is known to see.
func TestPassOverAGroupIsBelievedAsAnyOther(t *testing.T) {
	all := []string{"policy/at/"}
	for name, page := range map[string]func(b *bench){
		"broken": func(b *bench) { b.page(3, Page{Opens: all, Seals: all, Breaks: all}) },
		"resumed": func(b *bench) {
			b.page(3, Page{Opens: all, More: true})
			b.restart()
			b.page(4, Page{Seals: all})
		},
		"not understood": func(b *bench) {
			b.page(3, Page{Opens: all, Seals: all}, result{record: Record{Type: "thing", Asked: b.at(3)}, err: errors.New("strange")})
		},
		"not proven": func(b *bench) {
			b.commit(b.planIn(pulled{feed: &b.feed, page: Page{Opens: all, Seals: all}, began: b.at(3), now: b.at(3)}))
		},
		"one of two": func(b *bench) {
			b.feed.Passes = 2
			b.resources(3)
		},
		"kept in between": func(b *bench) {
			b.feed.Passes = 2
			b.resources(3)
			b.page(4, Page{}, b.rec(4, Reading{Keeps: []string{"policy/at/1"}}))
			b.resources(5)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.page(1, Page{}, b.rec(1, says(inPolicy("a", "at/1"))))
			page(b)
			for _, e := range b.st.entities {
				if e.ref.Kind == events.KindGrant && e.life != alive {
					t.Error("the grant was held to be gone")
				}
			}
		})
	}
}

// A name without a slash at its end is one scope: nothing beneath it is swept, whatever its name begins with.
func TestPassOverOneScopeIsNoGroup(t *testing.T) {
	b := newBench(t)
	b.page(1, Page{}, b.rec(1, says(inPolicy("a", "at/1"), agent("x", "X"))))
	b.want(b.page(2, Page{Opens: []string{"policy/at", "policy/at/", ""}, Breaks: []string{"policy/at/"}, Seals: []string{"policy/at"}}))
}
