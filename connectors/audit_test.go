package connectors

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// audited is a vendor with a log and an audit of things that takes two pages.
type audited struct {
	*fakeVendor
	pulls []string // cursors that the audit was pulled from
	log   func() (Page, error)
}

func newAudited() *audited {
	a := &audited{fakeVendor: &fakeVendor{}, log: func() (Page, error) { return Page{Next: Cursor("here")}, nil }}
	a.pull("log", 10*time.Second, func(Cursor) (Page, error) { return a.log() })
	a.pull("things", 24*time.Hour, func(from Cursor) (Page, error) {
		a.pulls = append(a.pulls, string(from))
		if from == nil {
			return Page{Next: Cursor("half"), More: true, Ahead: 7, Records: []Record{a.record(says(agent("a1", "A")))}}, nil
		}
		return Page{Records: []Record{a.record(says(agent("a2", "A")))}}, nil
	})
	a.feeds[1].Led, a.feeds[1].Rests, a.feeds[1].Alone = "log", true, time.Hour
	return a
}

func (a *audited) taken() (out string) {
	a.locked(func() { out, a.pulls = strings.Join(a.pulls, ","), nil })
	return out
}

func TestAuditRestsThroughARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := newAudited(), newMemLog()
		var dead atomic.Bool
		log.before = func(events.Append) error {
			if dead.Load() {
				return events.ErrFenced
			}
			return nil
		}
		x := start(t, v, log)
		after(time.Minute)
		if got := v.taken(); got != ",half" {
			t.Fatalf("pulled from %q", got)
		}
		x.end()
		time.Sleep(22 * time.Hour)
		x = start(t, v, x.log)
		after(time.Hour)
		if f := x.feed("things"); v.taken() != "" || !f.CaughtUp || f.State != FeedCaughtUp || time.Until(f.NextAt).Round(time.Minute) != 59*time.Minute {
			t.Errorf("after a restart it does not rest: %+v", f)
		}
		after(time.Hour)
		if got := v.taken(); got != ",half" {
			t.Errorf("a day after the last round: pulled from %q", got)
		}
		dead.Store(true) // killed: nothing is stored any more
		x.end()
		dead.Store(false)
		time.Sleep(20 * time.Hour) // that round has found nothing new, and counts all the same
		x = start(t, v, x.log)
		after(time.Hour)
		if got := v.taken(); got != "" {
			t.Errorf("after a restart the round without news does not count: pulled from %q", got)
		}
		x.end()
	})
}

// Until a walk has come to its end for the first time, what it has not reached is unknown, not none. Later rounds take nothing back.
func TestAuditsFirstRoundIsPartial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAudited()
		x := start(t, v, newMemLog())
		after(25 * time.Hour)
		x.end()
		var states []string
		for _, m := range x.log.messages() {
			if c := m.Event.Data.Entity.Coverage; c != nil && c.Feed == "things" {
				states = append(states, c.State)
			}
		}
		if got := v.taken(); got != ",half,,half" || !slices.Equal(states, []string{events.CoveragePartial, events.CoverageComplete}) {
			t.Errorf("pulled from %q, coverage was %v", got, states)
		}
	})
}

// What was woken for something new has not read that yet: it is unknown until the round that follows has ended, be it in another
// process.
func TestAuditThatWasWokenIsPartial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := newAudited(), newMemLog()
		var slow atomic.Bool
		things := v.feeds[1].Pull
		v.feeds[1].Pull = func(ctx context.Context, from Cursor) (Page, error) {
			if slow.Load() && from != nil {
				select {
				case <-time.After(time.Hour):
				case <-ctx.Done():
					return Page{}, ctx.Err()
				}
			}
			return things(ctx, from)
		}
		state := func() string {
			m, ok, err := log.Last(t.Context(), "", "", events.Ref{Kind: events.KindCoverage, Holder: events.ConnectionHolder, Key: "things"})
			if err != nil || !ok {
				t.Fatal("no coverage", err)
			}
			return m.Event.Data.Entity.Coverage.State + " " + m.Event.Data.Entity.Coverage.Reason
		}
		x := start(t, v, log)
		after(time.Minute)
		if got := state(); got != "complete " {
			t.Fatalf("after its first round: %q", got)
		}
		slow.Store(true)
		v.locked(func() {
			v.log = func() (Page, error) {
				v.log = nothing
				return Page{Next: Cursor("there"), Wakes: []string{"things"}}, nil
			}
		})
		after(time.Minute)
		want := events.CoveragePartial + " " + UnderWay
		if got := state(); got != want {
			t.Errorf("in a round that something has asked for: %q", got)
		}
		x.end()
		x = start(t, v, log)
		after(time.Minute)
		if got := state(); got != want {
			t.Errorf("in that round, after a restart: %q", got)
		}
		after(2 * time.Hour)
		if got := state(); got != "complete " {
			t.Errorf("after that round: %q", got)
		}
		x.end()
	})
}

func nothing() (Page, error) { return Page{Next: Cursor("there")}, nil }

func TestAuditResumesInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := newAudited(), newMemLog()
		log.before = func(a events.Append) error {
			if a.Feed == "things" && len(a.Events) > 0 && a.Events[0].Ref().Holder == "a2" {
				return events.ErrFenced // killed before the second page is stored
			}
			return nil
		}
		x := start(t, v, log)
		synctest.Wait()
		x.end()
		if got := v.taken(); got != ",half" {
			t.Fatalf("pulled from %q", got)
		}
		log.before = nil
		x = start(t, v, log)
		after(time.Minute)
		if got := v.taken(); got != "half" {
			t.Errorf("the next start pulled from %q: it goes on where it was", got)
		}
		if f := x.feed("things"); !f.CaughtUp {
			t.Errorf("status %+v", f)
		}
		x.end()
	})
}

func TestAuditIsOftenerWithoutItsLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAudited()
		x := start(t, v, newMemLog())
		after(time.Minute)
		v.taken()
		v.locked(func() { v.log = func() (Page, error) { return Page{}, &Fault{Kind: Forbidden, Cure: "grant it"} } })
		after(3 * time.Hour)
		if got := v.taken(); got != ",half,,half" && got != ",half,,half,,half" {
			t.Errorf("in three hours without the log: pulled from %q", got)
		}
		v.locked(func() { v.log = func() (Page, error) { return Page{Next: Cursor("here")}, nil } })
		after(10 * time.Minute)
		v.taken()
		after(20 * time.Hour)
		if got := v.taken(); got != "" {
			t.Errorf("with the log again: pulled from %q", got)
		}
		x.end()
	})
}

// When the leader has lost track, its audits begin anew, whenever the hub is killed on the way.
func TestAuditBeginsAnewWhenItsLeaderIsLost(t *testing.T) {
	for _, killed := range []string{"", "things", "log"} {
		t.Run("killed at "+killed, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, log := newAudited(), newMemLog()
				x := start(t, v, log)
				after(time.Minute)
				x.end()
				v.taken()
				lost, kill := true, killed
				v.log = func() (Page, error) {
					if !lost {
						return Page{Next: Cursor("there")}, nil
					}
					return Page{Next: Cursor("there"), Lost: true, Records: []Record{v.record(says(agent("gap", fmt.Sprint(time.Now()))))}}, nil
				}
				log.before = func(a events.Append) error {
					if a.Feed == kill {
						return events.ErrFenced
					}
					return nil
				}
				log.after = func(a events.Append) error {
					if a.Feed == "log" && slices.ContainsFunc(a.Events, func(e events.Event) bool { return e.Ref().Holder == "gap" }) {
						lost = false // the leader's place is behind the gap now
					}
					return nil
				}
				x = start(t, v, log)
				after(time.Second)
				if kill != "" {
					x.end()
					v.taken()
					v.locked(func() { kill = "" })
					x = start(t, v, log)
				}
				after(time.Minute)
				if got := v.taken(); !strings.HasSuffix(got, ",half") {
					t.Errorf("pulled from %q, want a round from the start", got)
				}
				x.end()
			})
		})
	}
}

func TestFeedsWakeOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAudited()
		x := start(t, v, newMemLog())
		after(time.Minute)
		v.taken()
		v.locked(func() {
			v.log = func() (Page, error) { return Page{Next: Cursor("more"), Wakes: []string{"things", "nobody"}}, nil }
		})
		after(11 * time.Second)
		if got := v.taken(); got != ",half" {
			t.Errorf("pulled from %q", got)
		}
		x.end()
	})
}

// A feed may see what only a whole round of an audit shows. The round comes, whenever the hub is killed: at once where the audit
// rests, and after the round that is under way.
func TestAuditThatWasWokenIsNotForgotten(t *testing.T) {
	for _, at := range []string{"rest", "middle"} {
		synctest.Test(t, func(t *testing.T) {
			v, log := newAudited(), newMemLog()
			var broken, killed atomic.Bool
			broken.Store(at == "middle")
			pull := v.feeds[1].Pull
			v.feeds[1].Pull = func(ctx context.Context, from Cursor) (Page, error) {
				if from != nil && broken.Load() {
					return Page{}, errVendor
				}
				return pull(ctx, from)
			}
			log.before = func(events.Append) error {
				if killed.Load() {
					return events.ErrFenced
				}
				return nil
			}
			log.after = func(a events.Append) error {
				if slices.ContainsFunc(a.Events, func(e events.Event) bool { return e.Ref().Holder == "seen" }) {
					killed.Store(true) // as soon as the leader's page is stored
				}
				return nil
			}
			wake := false
			v.log = func() (Page, error) {
				if !wake {
					return Page{Next: Cursor("here")}, nil
				}
				return Page{Next: Cursor("there"), Wakes: []string{"things"}, Records: []Record{v.record(says(agent("seen", "A")))}}, nil
			}
			x := start(t, v, log)
			after(time.Minute)
			v.locked(func() { wake = true })
			after(10 * time.Second)
			x.end()
			if !killed.Load() {
				t.Fatal("nothing was woken")
			}
			v.taken()
			wake = false
			broken.Store(false)
			killed.Store(false)
			x = start(t, v, log)
			after(time.Minute)
			if got, want := v.taken(), map[string]string{"rest": ",half", "middle": "half,,half"}[at]; got != want {
				t.Errorf("woken in its %s: the next start pulled from %q, want %q", at, got, want)
			}
			after(time.Hour)
			if got := v.taken(); got != "" {
				t.Errorf("woken in its %s: one more round, from %q", at, got)
			}
			x.end()
		})
	}
}

func TestLeadersAreChecked(t *testing.T) {
	for _, led := range []string{"nobody", "things"} {
		v := newAudited()
		v.feeds[1].Led = led
		_, err := NewRunner(Config{Tenant: "a", Connection: "b", Vendor: "c", Hub: "d", Connector: v, Log: newMemLog()})
		if err == nil || !strings.Contains(err.Error(), "things is led by "+led) {
			t.Errorf("led by %s: %v", led, err)
		}
	}
}

// The more calls a round takes, the longer the audit rests, so that its cost in the long run is bounded.
func TestAuditRestsAsLongAsItCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTransport(roundTrip(func(*http.Request) (*http.Response, error) { return answer(200, "ok"), nil }), Limits{})
		v := newAudited()
		v.feeds[1].Every, v.feeds[1].CallEvery = time.Minute, 100*time.Second
		pull := v.feeds[1].Pull
		v.feeds[1].Pull = func(ctx context.Context, from Cursor) (Page, error) {
			for range 18 {
				if _, err := get(t, tr, ctx, vendorURL); err != nil {
					t.Error(err)
				}
			}
			return pull(ctx, from)
		}
		x := start(t, v, newMemLog())
		after(59 * time.Minute)
		if got := v.taken(); got != ",half" {
			t.Errorf("pulled from %q: 36 calls are paid for by an hour of rest", got)
		}
		after(2 * time.Minute)
		if got := v.taken(); got != ",half" {
			t.Errorf("after an hour: pulled from %q", got)
		}
		x.end()
	})
}

func TestFeedsMayAskWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVendor{}
		var said []string
		v.list("agents", time.Minute, func() ([]events.Entity, error) { return agents(2), nil })
		v.feeds = append(v.feeds, Feed{Name: "asks", Every: time.Minute, Pull: func(ctx context.Context, _ Cursor) (Page, error) {
			said = append(said, fmt.Sprint(Known(ctx, events.KindAgent), IsKnown(ctx, events.Identity(events.KindAgent, "a001")),
				IsKnown(ctx, events.Identity(events.KindAgent, "nobody")), Holds(ctx, "a001", events.KindAgent), Holds(ctx, "a001", events.KindGrant)))
			return Page{}, nil
		}})
		x := start(t, v, newMemLog())
		after(90 * time.Second)
		x.end()
		if got := said[len(said)-1]; got != "[a000 a001] true false true false" {
			t.Errorf("known: %s", got)
		}
		if Known(t.Context(), events.KindAgent) != nil || IsKnown(t.Context(), events.Identity(events.KindAgent, "a001")) ||
			Holds(t.Context(), "a001", events.KindAgent) {
			t.Error("outside of a runner something is known")
		}
	})
}
