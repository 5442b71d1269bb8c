package connectors

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

func agents(n int) []events.Entity {
	var out []events.Entity
	for i := range n {
		out = append(out, agent(fmt.Sprintf("a%03d", i), "A"))
	}
	return out
}

func TestRunnerPublishesChangesAtItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, n, pulls := &fakeVendor{}, 2, 0
		v.list("agents", time.Second, func() ([]events.Entity, error) { pulls++; return agents(n), nil })
		x := start(t, v, newMemLog(), func(c *Config) { c.Pace = map[string]time.Duration{"agents": 200 * time.Millisecond} })
		after(100 * time.Millisecond)
		if got := len(x.log.types()); got != 3 {
			t.Fatalf("after the first pull: %v", x.log.types())
		}
		v.locked(func() { n = 3 })
		after(850 * time.Millisecond)
		if got, pulls := len(x.log.types()), count(v, &pulls); got != 4 || pulls != 5 {
			t.Errorf("after a second: %d pulls, want 5; %v", pulls, x.log.types())
		}
		if f := x.feed("agents"); !f.CaughtUp || f.State != FeedCaughtUp || f.Passes != 5 || f.Events != 4 || x.r.Status().Entities != 3 {
			t.Errorf("status: %+v", x.r.Status())
		}
		x.end()
		if got := strings.Join(x.states, " "); got != "starting running stopped" {
			t.Errorf("states: %s", got)
		}
		x = start(t, v, x.log)
		after(5 * time.Second)
		x.end()
		if got := len(x.log.types()); got != 4 {
			t.Errorf("a second start appended: %v", x.log.types()[4:])
		}
	})
}

func TestBackoffGrowsAndIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, fail := &fakeVendor{}, true
		var at []time.Duration
		began := time.Now()
		v.list("agents", time.Hour, func() ([]events.Entity, error) {
			at = append(at, time.Since(began).Round(100*time.Millisecond))
			if fail {
				return nil, errVendor
			}
			return agents(1), nil
		})
		x := start(t, v, newMemLog())
		after(4 * time.Second)
		var got string
		v.locked(func() { got = fmt.Sprint(at) })
		if got != "[0s 500ms 1.5s 3.5s]" {
			t.Errorf("pulled at %s", got)
		}
		if s := x.r.Status(); s.State != StateFailing || !strings.Contains(s.Reason, "the vendor says 500") || strings.Contains(s.Reason, "s3cr3t") {
			t.Errorf("status %s: %s", s.State, s.Reason)
		}
		v.locked(func() { fail = false })
		after(5 * time.Second)
		if s := x.r.Status(); s.State != StateRunning || x.feed("agents").LastError != "" {
			t.Errorf("status after it mended: %+v", s)
		}
		x.end()
	})
}

func TestBackoffBounds(t *testing.T) {
	b := Backoff{Rand: func() float64 { return 1 }}.withDefaults()
	for n, want := range map[int]time.Duration{1: 500 * time.Millisecond, 2: time.Second, 10: 256 * time.Second, 11: 5 * time.Minute, 1000: 5 * time.Minute} {
		if got := b.delay(n); got != want {
			t.Errorf("delay(%d) = %v, want %v", n, got, want)
		}
	}
	if b.Rand = (func() float64 { return 0 }); b.delay(5) != 0 || b.slow() != 150*time.Second {
		t.Errorf("no full jitter: %v, %v", b.delay(5), b.slow())
	}
}

func TestOneFeedsFailureStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, pulls := &fakeVendor{}, 0
		v.list("agents", time.Second, func() ([]events.Entity, error) { pulls++; return agents(1), nil })
		v.list("broken", time.Second, func() ([]events.Entity, error) { return nil, errVendor })
		v.list("panics", time.Second, func() ([]events.Entity, error) { panic("token s3cr3t-token") })
		v.list("forbidden", time.Second, func() ([]events.Entity, error) {
			return nil, &Fault{Kind: Forbidden, Cure: "grant Agent.Read", Err: fmt.Errorf("request %v", time.Now())}
		})
		x := start(t, v, newMemLog())
		after(11 * time.Minute)
		if pulls := count(v, &pulls); pulls < 600 {
			t.Errorf("%d pulls in 11 minutes", pulls)
		}
		if f := x.feed("panics"); !strings.Contains(f.LastError, "panicked") || strings.Contains(f.LastError, "s3cr3t") {
			t.Errorf("panics: %s", f.LastError)
		}
		if f := x.feed("forbidden"); f.State != FeedForbidden || f.Failures != 3 {
			t.Errorf("forbidden: %+v", f)
		}
		x.end()
		got := x.log.types()
		slices.Sort(got)
		want := []string{"agent.created a000.agent.self", "coverage.created _connection.coverage.agents", "coverage.created _connection.coverage.forbidden"}
		if !slices.Equal(got, want) {
			t.Errorf("events: %v", got)
		}
	})
}

// A probe that is forbidden keeps no feed from saying for itself what it may not read, nor others from reading.
func TestForbiddenProbeStopsNoFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVendor{}
		v.probe = func() error { return &Fault{Kind: Forbidden, Cure: "grant Everything.Read"} }
		v.list("agents", time.Second, func() ([]events.Entity, error) { return agents(1), nil })
		v.list("owners", time.Second, func() ([]events.Entity, error) { return nil, &Fault{Kind: Forbidden, Cure: "grant Owner.Read"} })
		x := start(t, v, newMemLog())
		after(3 * time.Second)
		if s := x.r.Status(); s.State != StateRunning || !s.CaughtUp() || x.feed("owners").State != FeedForbidden {
			t.Errorf("status: %+v", s)
		}
		x.end()
		if got := x.log.types(); !slices.Contains(got, "coverage.created _connection.coverage.owners") {
			t.Errorf("events: %v", got)
		}
	})
}

// A probe that keeps failing stops no feed: what it asks may be the only thing that is broken.
func TestBrokenProbeStopsNoFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, probes := &fakeVendor{}, 0
		v.probe = func() error { probes++; return errors.New("GET /things: status 500") }
		v.list("agents", time.Second, func() ([]events.Entity, error) { return agents(1), nil })
		x := start(t, v, newMemLog())
		after(3 * time.Second)
		if s, n := x.r.Status(), count(v, &probes); s.State != StateRunning || !s.CaughtUp() || s.Reason != "" || n != probeTries {
			t.Errorf("after %d probes: %+v", n, s)
		}
		x.end()
	})
}

// What a vendor echoes of the connection's secrets reaches neither the log nor the status.
func TestEchoedSecretsAreTakenOut(t *testing.T) {
	echo := errors.New("you sent s3cr3t-token")
	for name, spoil := range map[string]func(*fakeVendor){
		"probe": func(v *fakeVendor) { v.probe = func() error { return &Fault{Kind: Unauthorized, Err: echo} } },
		"feed": func(v *fakeVendor) {
			v.list("agents", time.Second, func() ([]events.Entity, error) { return nil, echo })
		},
		"forbidden feed": func(v *fakeVendor) {
			v.list("agents", time.Second, func() ([]events.Entity, error) { return nil, &Fault{Kind: Forbidden, Err: echo} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, log := &fakeVendor{}, newMemLog()
				spoil(v)
				x := start(t, v, log)
				after(3 * time.Second)
				status := x.r.Status()
				x.end()
				if said := fmt.Sprintf("%+v", status); strings.Contains(said, "s3cr3t") || !strings.Contains(said, "you sent ") {
					t.Errorf("status: %s", said)
				}
				for _, m := range log.all {
					if b, err := events.Marshal(m.Event); err != nil || strings.Contains(string(b), "s3cr3t") {
						t.Errorf("event: %s, %v", b, err)
					}
				}
			})
		})
	}
}

func TestUnauthorizedRetriesSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, pulls := &fakeVendor{}, 0
		v.list("agents", time.Second, func() ([]events.Entity, error) {
			pulls++
			return nil, &Fault{Kind: Unauthorized, Cure: "renew the token"}
		})
		x := start(t, v, newMemLog())
		after(9 * time.Minute)
		if s, pulls := x.r.Status(), count(v, &pulls); s.State != StateUnauthorized || pulls != 3 || !strings.Contains(s.Reason, "renew the token") {
			t.Errorf("%d pulls; status %s: %s", pulls, s.State, s.Reason)
		}
		x.end()
	})
}

func TestRateLimitIsWaitedOutWhateverNudges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, pulls := &fakeVendor{}, 0
		v.list("agents", time.Hour, func() ([]events.Entity, error) {
			if pulls++; pulls == 1 {
				return nil, &Fault{Kind: RateLimited, After: 42 * time.Second}
			}
			return agents(1), nil
		})
		x := start(t, v, newMemLog())
		after(time.Second)
		x.r.Nudge("agents")
		after(40 * time.Second)
		if pulls := count(v, &pulls); pulls != 1 || x.r.Status().State != StateRunning {
			t.Errorf("%d pulls before the time was up; %+v", pulls, x.r.Status())
		}
		after(2 * time.Second)
		if pulls := count(v, &pulls); pulls != 2 {
			t.Errorf("%d pulls after it", pulls)
		}
		x.end()
	})
}

func TestNudge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, pulls := &fakeVendor{}, 0
		v.list("agents", time.Hour, func() ([]events.Entity, error) { pulls++; return agents(1), nil })
		x := start(t, v, newMemLog())
		after(time.Minute)
		if !x.r.Nudge("agents") || x.r.Nudge("nobody") {
			t.Error("Nudge found the wrong feeds")
		}
		after(200 * time.Millisecond)
		if pulls := count(v, &pulls); pulls != 2 {
			t.Errorf("%d pulls, want 2", pulls)
		}
		x.end()
	})
}

func TestCursorIsSavedSeldomAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log, n := &fakeVendor{}, newMemLog(), 0
		v.pull("audit", time.Second, func(Cursor) (Page, error) {
			n++
			return Page{Next: Cursor(fmt.Sprint(n))}, nil
		})
		var appends []string
		log.before = func(a events.Append) error {
			appends = append(appends, fmt.Sprintf("%d:%s", len(a.Events), a.Cursor))
			return nil
		}
		x := start(t, v, log)
		after(150 * time.Second)
		x.end()
		if got := strings.Join(appends, " "); got != "1:1 0:61 0:121 0:151" {
			t.Errorf("appends (events:cursor): %s", got)
		}
	})
}

func TestCursorExpiredStartsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := &fakeVendor{}, newMemLog()
		var from []string
		v.pull("delta", time.Second, func(c Cursor) (Page, error) {
			from = append(from, string(c))
			switch {
			case len(from) == 3:
				return Page{}, &Fault{Kind: CursorExpired}
			case c == nil:
				p := Page{Opens: []string{"agents"}, Seals: []string{"agents"}, Next: Cursor("d0")}
				for _, e := range agents(4 - len(from)/2) {
					p.Records = append(p.Records, v.record(says(e)))
				}
				return p, nil
			}
			return Page{Next: Cursor(fmt.Sprint("d", len(from)))}, nil
		})
		x := start(t, v, log)
		after(4 * time.Second)
		x.end()
		if got := strings.Join(from, ","); !strings.HasPrefix(got, ",d0,d2,,d0") {
			t.Errorf("cursors: %s", got)
		}
		if got := log.types(); got[len(got)-1] != "agent.deleted a003.agent.self" {
			t.Errorf("events: %v", got)
		}
	})
}

func TestPageThatIsThereIsStoredAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := &fakeVendor{}, newMemLog()
		v.list("agents", time.Second, func() ([]events.Entity, error) { return agents(1), nil })
		log.before = func(events.Append) error { time.Sleep(time.Second); return nil }
		x := start(t, v, log)
		after(500 * time.Millisecond)
		x.end()
		if got := len(log.types()); got != 2 {
			t.Errorf("events: %v", log.types())
		}
	})
}

func TestLogTroubleLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log, pulls, full := &fakeVendor{}, newMemLog(), 0, newFlag(true)
		v.list("agents", time.Second, func() ([]events.Entity, error) { pulls++; return agents(2), nil })
		log.before = func(events.Append) error {
			if full.Load() {
				return errors.New("insufficient storage: free some disk")
			}
			return nil
		}
		x := start(t, v, log)
		after(time.Minute)
		if s, pulls := x.r.Status(), count(v, &pulls); s.State != StateFailing || !strings.Contains(s.Reason, "free some disk") || pulls != 1 {
			t.Errorf("%d pulls; status %s: %s", pulls, s.State, s.Reason)
		}
		full.Store(false)
		after(2 * time.Minute)
		if s := x.r.Status(); s.State != StateRunning || len(log.types()) != 3 {
			t.Errorf("status %s; events %v", s.State, log.types())
		}
		x.end()
	})
}

func TestLostAnswerRepeatsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log, lost := &fakeVendor{}, newMemLog(), newFlag(true)
		v.list("agents", time.Second, func() ([]events.Entity, error) { return agents(2), nil })
		log.after = func(events.Append) error {
			if lost.Swap(false) {
				return events.ErrUncertain
			}
			return nil
		}
		x := start(t, v, log)
		after(10 * time.Second)
		x.end()
		if got := log.types(); len(got) != 3 {
			t.Errorf("events: %v", got)
		}
	})
}

func TestEpochEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, log := &fakeVendor{}, newMemLog()
		v.list("agents", time.Second, func() ([]events.Entity, error) { return agents(2), nil })
		log.before = func(events.Append) error { return events.ErrEpoch }
		x := start(t, v, log)
		if err := <-x.done; !errors.Is(err, events.ErrEpoch) {
			t.Errorf("Run returned %v", err)
		}
		x.stop()
	})
}
