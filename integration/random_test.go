package integration

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/projections/roster"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run the randomized suite with this seed alone")
	stepsFlag = flag.Int("steps", 800, "changes per seed in the randomized suite")
)

// settleTime is how long a quiet company may take to be told whole, on a machine that is busy with other things.
const settleTime = 2 * time.Minute

// Thousands of random changes and faults at the three sandboxes, under the requests that read them, with restarts of the hub in
// between; then quiet. In the end the roster is what the sandboxes have, nobody was ever held to be gone who was not (unless the
// vendors show empty lists at times), the log is whole, and reading everything once more appends nothing.
func TestRandom(t *testing.T) {
	seeds := []uint64{1, 2, 3}
	if raceEnabled {
		seeds = []uint64{1, 2}
	}
	if *seedFlag != 0 {
		seeds = []uint64{*seedFlag}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { random(t, seed, *stepsFlag) })
	}
}

func random(t *testing.T, seed uint64, steps int) {
	c := newChaos(t, seed, 36)
	defer func() {
		if t.Failed() {
			c.report()
			t.Logf("again: go test ./integration -run TestRandom -seed %d -steps %d", seed, steps)
		}
	}()
	const lives = 4 // of the hub while the company is upset
	dir := t.TempDir()
	for range lives {
		h := run(t, c.config(dir))
		c.upset(steps / lives)
		h.until(c.spent(), "the changes are made")
		h.stop()
	}
	c.calm()
	h := run(t, c.config(dir))
	h.caughtUp()
	h.becomes(c)
	h.rounds(2)
	before := h.events()
	h.stop()
	left(t, hub.Where{Data: dir})
	checkPast(t, hub.Where{Data: dir})
	if !c.blinks {
		nobodyGoneForNothing(t, c, dir)
	}

	h = run(t, c.config(dir))
	h.caughtUp()
	h.rounds(2)
	if n := h.events(); n != before {
		t.Errorf("reading everything once more appended %d events:\n%s", n-before, h.last(n-before))
	}
	h.becomes(c)
	h.stop()
	c.report()
}

// report holds the run to having been what it should be: every fault was played.
func (c *chaos) report() {
	c.mu.Lock()
	defer c.mu.Unlock()
	fired, calls := map[sandbox.FaultKind]int{}, 0
	for _, r := range c.vendors {
		for kind, n := range r.server.Fired() {
			fired[kind] += n
		}
		for _, n := range r.server.Calls() {
			calls += n
		}
	}
	for _, kind := range c.faults() {
		if fired[kind] == 0 {
			c.t.Errorf("the fault %s was never played", kind)
		}
	}
	c.t.Logf("changes %v; %d faults, played as %v; %d calls; %d agents were gone at times", c.made, c.spoilt, fired, calls, len(c.gone))
}

// pathPattern is a regular expression for the requests that are counted together under a pattern.
func pathPattern(pattern string) string {
	return "^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), regexp.QuoteMeta("{id}"), "[^/]+") + "$"
}

// running is a hub at work in this process.
type running struct {
	t      *testing.T
	h      *hub.Hub
	cancel context.CancelFunc
	done   chan error
	end    sync.Once
}

// run starts a hub that gets over failures fast.
func run(t *testing.T, cfg config.Config) *running {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	h, err := hub.Open(t.Context(), hub.Options{Config: cfg, Vendors: all.Vendors, Logger: log, Tune: impatient})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, h: h, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- h.Run(ctx) }()
	t.Cleanup(r.stop)
	return r
}

func impatient(c *connectors.Config) {
	c.Backoff = connectors.Backoff{Base: 20 * time.Millisecond, Cap: 300 * time.Millisecond}
	c.ForbiddenEvery, c.RecheckEvery, c.SaveEvery = 200*time.Millisecond, 200*time.Millisecond, time.Nanosecond
}

// stop ends the hub as Ctrl-C does.
func (r *running) stop() {
	r.end.Do(func() {
		r.cancel()
		if err := <-r.done; err != nil {
			r.t.Errorf("the hub ended: %v", err)
		}
		r.h.Close()
	})
}

// until waits for done.
func (r *running) until(done <-chan struct{}, what string) {
	r.t.Helper()
	select {
	case <-done:
	case err := <-r.done:
		r.done <- nil
		r.t.Fatalf("the hub ended before %s: %v", what, err)
	case <-time.After(settleTime):
		r.t.Fatalf("not within %v: %s\n%s", settleTime, what, r.states())
	}
}

// caughtUp waits until every feed is caught up and the roster covers the log.
func (r *running) caughtUp() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), settleTime)
	defer cancel()
	stuck, err := r.h.CaughtUp(ctx)
	if err != nil || len(stuck) > 0 {
		r.t.Fatalf("the hub is not caught up: %v, %v\n%s", err, stuck, r.states())
	}
}

// becomes waits until the roster is what the vendors have.
func (r *running) becomes(c *chaos) {
	r.t.Helper()
	difference := r.await(func() string {
		people := r.people()
		return c.differs(r.t, r.agents(), people) + c.peopleDiffer(people)
	})
	if difference != "" {
		r.t.Fatalf("the roster is not what the vendors have (-vendors +roster):\n%s\n%s", difference, r.states())
	}
}

// rounds waits until every feed was caught up n times more, but for those that rest for hours.
func (r *running) rounds(n int64) {
	r.t.Helper()
	from := map[string]int64{}
	for _, s := range r.h.Statuses() {
		for _, f := range s.Feeds {
			from[s.Connection+f.Name] = f.Rounds
		}
	}
	missing := r.await(func() string {
		for _, s := range r.h.Statuses() {
			for _, f := range s.Feeds {
				if f.Every < settleTime.Seconds() && f.Rounds < from[s.Connection+f.Name]+n {
					return s.Connection + " " + f.Name
				}
			}
		}
		return ""
	})
	if missing != "" {
		r.t.Fatalf("%s was not read again\n%s", missing, r.states())
	}
	r.caughtUp()
}

// await asks until the answer is empty, and returns the last one.
func (r *running) await(ask func() string) string {
	tick, timeout := time.NewTicker(50*time.Millisecond), time.NewTimer(settleTime)
	defer tick.Stop()
	defer timeout.Stop()
	for {
		answer := ask()
		if answer == "" {
			return ""
		}
		select {
		case <-tick.C:
		case <-timeout.C:
			return answer
		}
	}
}

func (r *running) agents() []roster.Agent {
	r.t.Helper()
	agents, err := roster.Reader{Store: r.h.View}.Agents(r.t.Context(), "")
	if err != nil {
		r.t.Fatal(err)
	}
	return agents
}

// people are the persons of the roster, by "<vendor>/<id>".
func (r *running) people() map[string]roster.Identity {
	r.t.Helper()
	holders, err := roster.Reader{Store: r.h.View}.Holders(r.t.Context(), "")
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[string]roster.Identity{}
	for _, h := range holders {
		if h.Person != nil {
			out[h.Vendor+"/"+h.Holder] = h
		}
	}
	return out
}

// events counts what was told, but for what comes by itself: ticks of the clock, and that an audit is under way or has ended which an old
// entry of a log has woken, since what it names could not be read for so long.
func (r *running) events() (n uint64) {
	r.t.Helper()
	for m, err := range r.h.Log().Read(r.t.Context(), events.Query{}) {
		if err != nil {
			r.t.Fatal(err)
		}
		if m.Event.Connection != events.ClockConnection && !underWay(&m.Event) {
			n++
		}
	}
	return n
}

func underWay(e *events.Event) bool {
	now := e.Data.Entity != nil && e.Data.Entity.Coverage != nil && e.Data.Entity.Coverage.Reason == connectors.UnderWay
	return now || e.Ref().Kind == events.KindCoverage && strings.Contains(string(e.Data.Changed["reason"]), connectors.UnderWay)
}

// last describes the last n events.
func (r *running) last(n uint64) string {
	var all []string
	for m, err := range r.h.Log().Read(r.t.Context(), events.Query{}) {
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %s %s: %v %+v", m.Event.Connection, m.Event.Type, m.Event.Ref(), m.Event.Data.Changed, m.Event.Data.Evidence))
	}
	return strings.Join(all[max(0, len(all)-int(n)):], "\n")
}

// states says how each feed does.
func (r *running) states() string {
	var b strings.Builder
	for _, s := range r.h.Statuses() {
		fmt.Fprintf(&b, "%s: %s %s\n", s.Connection, s.State, s.Reason)
		for _, f := range s.Feeds {
			fmt.Fprintf(&b, "  %s: %s, %d rounds, %d passes, %s %s\n", f.Name, f.State, f.Rounds, f.Passes, f.LastError, f.Doubt)
		}
	}
	return b.String()
}
