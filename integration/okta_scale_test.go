package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/okta"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	oktabox "github.com/rollcallhq/rollcall/integration/sandbox/okta"
)

// What reading an Okta org costs, by the org's own clock: the tests run in a bubble whose hours pass in an instant, against a
// sandbox that enforces the limits that Okta has documented.

// scaled is an org and what was asked of it.
type scaled struct {
	tb   testing.TB
	org  *oktabox.Sandbox
	log  *eventlog.Log
	made []*made

	mu      sync.Mutex
	calls   map[string]int // by path, ids left out
	total   int
	last    []string       // the last requests but for the polls of the log
	refused int            // 429s
	minutes map[string]int // calls by class and minute
	most    map[string]int // the most calls of a class within one minute, by class
}

// newScaled makes an org of so many agents and service apps, to be read with the given connectors, one for each start of a hub.
func newScaled(tb testing.TB, made []*made, agents, apps int) *scaled {
	tb.Helper()
	company := sandbox.NewCompanyAt(1, "okta", map[string]int{"ai_agent": agents, "service_app": apps})
	return &scaled{
		tb: tb, made: made, org: oktabox.NewWith(company, 1, oktabox.Options{EnforceLimits: true}), log: eventlog.NewMemory(),
		calls: map[string]int{}, minutes: map[string]int{}, most: map[string]int{},
	}
}

// close ends what would let the bubble's time pass for ever: a log that looks after itself.
func (s *scaled) close() { s.log.Close() }

// makeConnectors makes so many connectors to orgs that come later.
func makeConnectors(tb testing.TB, n int) []*made {
	tb.Helper()
	token := oktabox.New(sandbox.NewCompanyAt(1, "okta", map[string]int{"ai_agent": 1}), 1).Token()
	return makeAll(tb, n, okta.Vendor, "http://127.0.0.1:1", token)
}

// RoundTrip answers a request without a network.
func (s *scaled) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	s.org.ServeHTTP(w, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	class := okta.Vendor.Class(r)
	s.total++
	s.calls[class]++
	if class != "api/v1/logs" {
		s.last = append(s.last, r.URL.RequestURI())
	}
	if w.Code == http.StatusTooManyRequests {
		s.refused++
	}
	key := class + time.Now().Truncate(time.Minute).Format(" 15:04 2")
	s.minutes[key]++
	s.most[class] = max(s.most[class], s.minutes[key])
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// people are how many persons the log knows.
func (s *scaled) people() (n int) {
	for m, err := range s.log.States(context.Background(), "acme", "okta") {
		if err != nil {
			s.tb.Fatal(err)
		}
		if m.Event.Data.Entity.Person != nil {
			n++
		}
	}
	return n
}

// count are the calls so far.
func (s *scaled) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// read starts a runner as a hub does, with the default share of the limits and the connector's own paces. fail, if it is
// given, is asked before each append, and keeps it from being stored.
func (s *scaled) read(pace map[string]time.Duration, fail func(events.Append) error) *reading {
	s.tb.Helper()
	m := s.made[0]
	m.to, s.made = s, s.made[1:]
	return startReading(s.tb, "okta", m, failing{s.log, fail}, pace)
}

func (r *reading) feed(name string) connectors.FeedStatus {
	for _, f := range r.r.Status().Feeds {
		if f.Name == name {
			return f
		}
	}
	r.tb.Fatalf("there is no feed %s", name)
	return connectors.FeedStatus{}
}

// reads are the calls of the log's feed so far but for its polls.
func (s *scaled) reads(r *reading) int {
	calls := r.feed("system-log").Calls
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(calls) - s.calls["api/v1/logs"]
}

// holds compares what the log knows with what the org has.
func (s *scaled) holds() string {
	got := map[string][]string{}
	for m, err := range s.log.States(context.Background(), "acme", "okta") {
		if err != nil {
			s.tb.Fatal(err)
		}
		e := m.Event.Data.Entity
		if m.Event.Data.Gone != nil || e.Kind == events.KindCoverage {
			continue
		}
		switch {
		case e.Agent != nil:
			got[e.Holder] = append(got[e.Holder], e.Agent.Name+" "+string(e.Agent.Status))
		case e.Person == nil:
			got[e.Holder] = append(got[e.Holder], e.Key)
		}
	}
	want := map[string][]string{}
	for _, a := range s.org.Truth().Agents {
		want[a.ID] = slices.Concat([]string{a.Name + " " + a.Status}, a.Stewards, a.Credentials, a.Grants)
	}
	var wrong []string
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if !slices.Equal(sorted(want[id]), sorted(got[id])) {
			wrong = append(wrong, fmt.Sprintf("%s is %v, the log has %v", id, sorted(want[id]), sorted(got[id])))
		}
		delete(got, id)
	}
	for id := range got {
		wrong = append(wrong, id+" is not there")
	}
	return strings.Join(wrong[:min(5, len(wrong))], "\n")
}

// share are the calls of each class that the connection may make within a minute, by the limits that Okta has documented.
var share = map[string]int{
	"workload-principals": 24, "governance": 24, "api/v1/apps": 40, "api/v1/apps/{id}": 200, "api/v1/logs": 48, "oauth2/v1/clients": 40,
	"api/v1/users/{id}": 800, "api/v1/groups": 200, "api/v1": 480,
}

// keptToItsShare holds the calls to the connection's share of each limit. The org's minutes are not the clock's: within one of
// the clock's there may be the ends of two of the org's.
func (s *scaled) keptToItsShare() {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused > 0 {
		s.tb.Errorf("%d calls were refused for the rate limit", s.refused)
	}
	for class, n := range s.most {
		if most, known := share[class]; !known || n > 2*most {
			s.tb.Errorf("%s was called %d times in one minute; the share is %d", class, n, most)
		}
	}
}

// A first pass keeps to its share of the limits, and one that is killed again and again goes on where it was.
func TestOktaFirstPassResumesAfterKills(t *testing.T) {
	pool := makeConnectors(t, 20)
	synctest.Test(t, func(t *testing.T) {
		whole := newScaled(t, pool[:1], 140, 60)
		defer whole.close()
		r := whole.read(nil, nil)
		r.caughtUp(24 * time.Hour)
		r.stop()
		if diff := whole.holds(); diff != "" {
			t.Errorf("the log is not what the org has:\n%s", diff)
		}
		whole.keptToItsShare()

		killed, kills := newScaled(t, pool[1:], 140, 60), 0
		defer killed.close()
		for done := false; !done; {
			var appends atomic.Int64
			last := kills == len(pool)-2
			r := killed.read(nil, func(events.Append) error {
				if appends.Add(1) > 10 && !last {
					return events.ErrFenced // as good as a kill: nothing is stored any more
				}
				return nil
			})
			for !done && (appends.Load() <= 10 || last) {
				time.Sleep(time.Second)
				st := r.r.Status()
				done = st.CaughtUp()
			}
			if r.stop(); !done {
				kills++
			}
		}
		if kills < 5 || kills == len(pool)-2 {
			t.Fatalf("%d kills: it is done too soon, or gets nowhere while it is killed", kills)
		}
		if diff := killed.holds(); diff != "" {
			t.Errorf("the log is not what the org has:\n%s", diff)
		}
		killed.keptToItsShare()
		// A life asks again for what it did not live to store: a chunk of each walk, and the lists.
		const chunks = 6 * 20
		if n := whole.total + kills*chunks; killed.total > n {
			t.Errorf("%d calls with %d kills, want at most %d: what was stored is asked for again", killed.total, kills, n)
		}
		t.Logf("%d calls without a kill, %d with %d kills", whole.total, killed.total, kills)
	})
}

// When nothing changes a cycle is one call, the poll of the log, whatever the size of the org; the audits' calls make at most one
// more in the mean.
func TestOktaIdleCycle(t *testing.T) {
	for _, size := range []int{20, 200} {
		pool := makeConnectors(t, 1)
		synctest.Test(t, func(t *testing.T) {
			s := newScaled(t, pool, size*7/10, size*3/10)
			defer s.close()
			r := s.read(nil, nil)
			r.caughtUp(24 * time.Hour)
			time.Sleep(2 * time.Minute) // the last page's save
			before, polls := s.count(), r.feed("system-log").Calls
			time.Sleep(9 * time.Minute)
			if n := s.count() - before; n > 2*9*6 || r.feed("system-log").Calls-polls != 9*6 {
				t.Errorf("%d things: %d calls in %d idle cycles, %d of them polls of the log", size, n, 9*6, r.feed("system-log").Calls-polls)
			}
			if size < 200 {
				r.stop()
				return
			}
			before, appended := s.count(), s.end()
			const hours = 26 // all audits are made again
			time.Sleep(hours * time.Hour)
			mean := float64(s.count()-before) / (hours * 60 * 6)
			if t.Logf("%d things: %.3f calls an idle cycle in the mean of %d hours", size, mean, hours); mean > 2 {
				t.Errorf("that is more than two")
			}
			if rounds := r.feed("agent-keys").Rounds; rounds < 2 {
				t.Errorf("the audit of keys was made %d times in %d hours", rounds, hours)
			}
			for m, err := range s.log.Read(context.Background(), events.Query{From: appended + 1}) {
				if err != nil {
					t.Fatal(err)
				}
				if ref := m.Event.Ref(); !strings.HasPrefix(ref.Holder, "00T") { // tokens that nobody uses do expire
					t.Errorf("nothing changed, and this was appended: %s %s", m.Event.Type, ref)
				}
			}
			r.stop()
		})
	}
}

// end is the sequence of the log's last message.
func (s *scaled) end() uint64 {
	p, err := s.log.End(context.Background())
	if err != nil {
		s.tb.Fatal(err)
	}
	return p.Sequence
}

// Every change is in the log within one poll of the System Log, at four calls at most, the poll's own included.
func TestOktaChangesCost(t *testing.T) {
	pool := makeConnectors(t, 1)
	synctest.Test(t, func(t *testing.T) {
		s := newScaled(t, pool, 70, 30)
		defer s.close()
		r := s.read(nil, nil)
		r.caughtUp(24 * time.Hour)
		time.Sleep(time.Minute)
		rounds := r.feed("agent-keys").Rounds + r.feed("app-grants").Rounds
		ops := slices.Concat(sandbox.Ops(), sandbox.ExtraOps())
		times, made, total := 15, 0, 0
		if raceEnabled {
			times = 4
		}
		for i := range times * len(ops) {
			op := ops[i%len(ops)]
			if op == sandbox.ImportAgents { // tells of no single agent: its own test
				continue
			}
			before, people := s.reads(r), s.people()
			out, err := s.org.Mutate(sandbox.Change{Op: op})
			if errors.Is(err, sandbox.ErrNoTarget) {
				continue
			} else if err != nil {
				t.Fatal(err)
			}
			made++
			time.Sleep(11 * time.Second)
			synctest.Wait()
			if diff := s.holds(); diff != "" {
				t.Fatalf("%s is not in the log after one poll:\n%s", op, diff)
			}
			// One poll has seen it. Who was not known before is read as well.
			cost := 1 + s.reads(r) - before
			if most := 4 + s.people() - people; cost > most {
				t.Errorf("%s of a %s took %d calls, %d at most: the log and %v", out.Op, out.Text, cost, most, s.last[len(s.last)-cost+1:])
			}
			total += cost
		}
		if now := r.feed("agent-keys").Rounds + r.feed("app-grants").Rounds; now != rounds {
			t.Errorf("the audits were read meanwhile: it may have been they that saw the changes")
		}
		s.keptToItsShare()
		t.Logf("%d changes at %.2f calls each", made, float64(total)/float64(made))
		r.stop()
	})
}
