package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	entraconnector "github.com/rollcallhq/rollcall/connectors/entra"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/entra"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// What reading an Entra tenant costs, by the tenant's own clock: as of Okta, in a bubble whose hours pass in an instant.

// tenant is one and what was asked of it.
type tenant struct {
	tb   testing.TB
	org  *entra.Sandbox
	log  *eventlog.Log
	made []*made

	mu    sync.Mutex
	calls int
	reads int // objects of lists, and parts of batches
}

// newTenant makes a tenant of so many agent identities, so many of each blueprint, to be read with the given connectors, one for
// each start of a hub.
func newTenant(tb testing.TB, made []*made, agents, perBlueprint int) *tenant {
	tb.Helper()
	company := sandbox.NewCompanyAt(1, "entra", map[string]int{"agent_identity": agents})
	return &tenant{tb: tb, made: made, org: entra.NewWith(company, 1, entra.Layout{PerBlueprint: perBlueprint}), log: eventlog.NewMemory()}
}

// close ends what would let the bubble's time pass for ever.
func (s *tenant) close() {
	s.log.Close()
	_ = s.org.Close() // nobody has subscribed
}

// makeEntra makes so many connectors to tenants that come later, outside of the bubble as Okta's are.
func makeEntra(tb testing.TB, n int) []*made {
	tb.Helper()
	token := entra.New(sandbox.NewCompanyAt(1, "entra", map[string]int{"agent_identity": 1}), 1).Token()
	return makeAll(tb, n, entraconnector.Vendor, "http://127.0.0.1:1", token)
}

// RoundTrip answers a request without a network.
func (s *tenant) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	s.org.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.reads += readsIn(w.Body.Bytes())
	return resp, nil
}

// readsIn are how many things an answer shows: the parts of a batch, the objects of a list, or one.
func readsIn(body []byte) int {
	var b struct {
		Responses []struct{} `json:"responses"`
		Value     []struct{} `json:"value"`
	}
	if json.Unmarshal(body, &b) != nil {
		return 1
	}
	return max(1, len(b.Responses)+len(b.Value))
}

// count are the calls and the reads so far.
func (s *tenant) count() (calls, reads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, s.reads
}

// read starts a runner.
func (s *tenant) read(fail func(events.Append) error) *reading {
	s.tb.Helper()
	m := s.made[0]
	m.to, s.made = s, s.made[1:]
	return startReading(s.tb, "entra", m, failing{s.log, fail}, nil)
}

// states are the last states in the log of what is there.
func (s *tenant) states(each func(*events.Event)) {
	for m, err := range s.log.States(context.Background(), "acme", "entra") {
		if err != nil {
			s.tb.Fatal(err)
		}
		if m.Event.Data.Gone == nil && m.Event.Data.Entity.Kind != events.KindCoverage {
			each(&m.Event)
		}
	}
}

// agents are how many agents the log knows.
func (s *tenant) agents() (n int) {
	s.states(func(e *events.Event) {
		if e.Data.Entity.Kind == events.KindAgent {
			n++
		}
	})
	return n
}

// holds compares what the log knows of agents with what the tenant has.
func (s *tenant) holds() string {
	got, want := map[string][]string{}, map[string][]string{}
	s.states(func(e *events.Event) {
		switch n := e.Data.Entity; {
		case n.Agent != nil:
			got[n.Holder] = append(got[n.Holder], n.Agent.Name+" "+string(n.Agent.Status))
		case n.Stewardship != nil, n.Grant != nil, n.Delegation != nil:
			got[n.Holder] = append(got[n.Holder], n.Key)
		}
	})
	for _, a := range s.org.Truth().Agents {
		want[a.ID] = slices.Concat([]string{a.Name + " " + a.Status}, a.Stewards, rights(a))
	}
	var wrong []string
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if !slices.Equal(sorted(want[id]), sorted(got[id])) {
			wrong = append(wrong, fmt.Sprintf("%s is %v, the log has %v", id, sorted(want[id]), sorted(got[id])))
		}
	}
	return strings.Join(wrong[:min(5, len(wrong))], "\n")
}

// polls are the feeds that find changes; all others are sweeps that are held against them.
var polls = []string{"service-principals", "applications", "users", "oauth2-grants", "directory-audits", "risk"}

// polled are the calls of the polls so far.
func (r *reading) polled() (n int64) {
	for _, name := range polls {
		n += r.feed(name).Calls
	}
	return n
}

// While nothing changes, the calls that find changes are the same for few agents and for many; the sweeps make one call for twenty
// things that they read.
func TestEntraIdleCycle(t *testing.T) {
	pool := makeEntra(t, 2)
	var quiet []int64
	for n, size := range []int{40, 300} {
		synctest.Test(t, func(t *testing.T) {
			s := newTenant(t, pool[n:n+1], size, 25)
			defer s.close()
			r := s.read(nil)
			defer r.stop()
			r.caughtUp(24 * time.Hour)
			time.Sleep(30 * time.Minute) // what the first pass has woken is over
			if diff := s.holds(); diff != "" {
				t.Errorf("%d agents: the log is not what the tenant has:\n%s", size, diff)
			}
			polled, appended := r.polled(), s.end()
			calls, reads := s.count()
			time.Sleep(2 * time.Hour)
			quiet = append(quiet, r.polled()-polled)
			all, read := s.count()
			swept, shown := all-calls-int(quiet[n]), read-reads-int(quiet[n])
			t.Logf("%d agents: %.1f calls a minute that find changes; sweeps read %d things in %d calls, %.1f each", size,
				float64(quiet[n])/120, shown, swept, float64(shown)/float64(swept))
			if size == 300 && shown < 20*swept {
				t.Errorf("that are less than 20")
			}
			if now := s.end(); now != appended {
				t.Errorf("nothing changed, and the log went from %d to %d", appended, now)
			}
		})
	}
	if diff := quiet[1] - quiet[0]; diff > 2 || diff < -2 { // a poll at either end of the hours
		t.Errorf("%d calls for few agents, %d for many", quiet[0], quiet[1])
	}
}

// end is the sequence of the log's last event.
func (s *tenant) end() (n uint64) {
	for m, err := range s.log.Read(context.Background(), events.Query{}) {
		if err != nil {
			s.tb.Fatal(err)
		}
		n = m.Position.Sequence
	}
	return n
}

// A first pass that is killed goes on where it was, and in the end the log has what the tenant has.
func TestEntraFirstPassResumesAfterKills(t *testing.T) {
	pool := makeEntra(t, 5)
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t, pool, 1000, 250)
		defer s.close()
		known := 0
		for range len(pool) - 1 {
			pages := 0 // of the agents, that were stored
			var mu sync.Mutex
			r := s.read(func(a events.Append) error {
				mu.Lock()
				defer mu.Unlock()
				if pages == 1 {
					return events.ErrFenced // as good as a kill: nothing is stored any more
				}
				if a.Feed == "service-principals" && len(a.Events) > 0 {
					pages++
				}
				return nil
			})
			time.Sleep(10 * time.Second)
			r.stop()
			if n := s.agents(); n <= known { // each life goes on with the next page
				t.Errorf("%d agents were known, and %d are after a kill", known, n)
			} else {
				known = n
			}
		}
		t.Logf("%d of 1000 agents are known after %d kills", known, len(pool)-1)
		if known == 1000 {
			t.Error("the kills did not come in the middle of the pass")
		}
		r := s.read(nil)
		defer r.stop()
		r.caughtUp(24 * time.Hour)
		time.Sleep(time.Hour)
		if diff := s.holds(); diff != "" {
			t.Errorf("the log is not what the tenant has:\n%s", diff)
		}
	})
}

// What is granted to a blueprint's principal is on all its agents in one fold, without a call for each.
func TestEntraBlueprintGrantReachesItsAgents(t *testing.T) {
	pool := makeEntra(t, 1)
	synctest.Test(t, func(t *testing.T) {
		s := newTenant(t, pool, 400, 250)
		defer s.close()
		r := s.read(nil)
		defer r.stop()
		r.caughtUp(24 * time.Hour)
		time.Sleep(30 * time.Minute)
		calls, folds, told := s.grantToABlueprint(r)
		t.Logf("%d agents, %d calls, %d appends", told, calls, folds)
		if told < 40 || folds != 1 || calls > 12 {
			t.Errorf("a grant of a blueprint's was told of %d agents in %d appends and took %d calls", told, folds, calls)
		}
	})
}

// grantToABlueprint grants something to the principal with the most agents and waits until the log has it on all of them. It returns the
// calls beyond the polls' own, in how many folds of the roster the agents came to have it, and how many agents those are.
func (s *tenant) grantToABlueprint(r *reading) (calls, folds, told int) {
	s.tb.Helper()
	idle := s.idle(r)
	before, swept := r.polled(), s.end()
	grant := "inherited:" + s.open()
	time.Sleep(150 * time.Second)
	want := map[string]bool{}
	for _, a := range s.org.Truth().Agents {
		if slices.Contains(rights(a), grant) {
			want[a.ID] = true
		}
	}
	appends := map[time.Time]bool{}
	fold := roster.New()
	for m, err := range s.log.Read(context.Background(), events.Query{}) {
		if err != nil {
			s.tb.Fatal(err)
		}
		if e := m.Event.Data.Entity; m.Position.Sequence > swept && e != nil && e.Key == grant && want[e.Holder] {
			appends[m.Event.RecordedTime] = true // of one append alike
			delete(want, e.Holder)
			told++
		}
		if err := fold.Apply(m); err != nil {
			s.tb.Fatal(err)
		}
	}
	if len(want) > 0 {
		s.tb.Errorf("%d agents do not have it after two minutes", len(want))
	}
	if err := fold.Check(); err != nil {
		s.tb.Error(err)
	}
	if diff := s.holds(); diff != "" {
		s.tb.Errorf("the log is not what the tenant has:\n%s", diff)
	}
	return int(r.polled()-before) - idle, len(appends), told
}

// idle are the polls of as much time as a change is waited for.
func (s *tenant) idle(r *reading) int {
	before := r.polled()
	time.Sleep(150 * time.Second)
	return int(r.polled() - before)
}

// open grants the principal with the most agents something that flows to them, and returns the grant's id.
func (s *tenant) open() string {
	s.tb.Helper()
	n := map[string]int{}
	var most string
	for _, a := range s.identities() {
		if n[a.Blueprint]++; n[a.Blueprint] > n[most] {
			most = a.Blueprint
		}
	}
	var head string
	for _, b := range s.org.Truth().Blueprints {
		if s.appOf(b.Principal) == most {
			head = b.Principal
		}
	}
	for range 50 {
		out, err := s.org.Mutate(sandbox.Change{Op: sandbox.AddConsent, Agent: head, Name: "Principal"})
		if err != nil {
			s.tb.Fatal(err)
		}
		if strings.Contains(out.Text, "Microsoft Graph") { // which is open to agents
			return out.Key
		}
	}
	s.tb.Fatal("nothing of Microsoft Graph was granted")
	return ""
}

type identityOf struct {
	ID        string `json:"id"`
	Blueprint string `json:"agentIdentityBlueprintId"`
	App       string `json:"appId"`
}

// identities are the agent identities as the API shows them.
func (s *tenant) identities() (all []identityOf) {
	for next := "/v1.0/servicePrincipals/microsoft.graph.agentIdentity?$top=100"; next != ""; {
		var page struct {
			Value []identityOf `json:"value"`
			Next  string       `json:"@odata.nextLink"`
		}
		s.get(next, &page)
		all, next = append(all, page.Value...), strings.TrimPrefix(page.Next, "http://any.example")
	}
	return all
}

func (s *tenant) appOf(principal string) string {
	var one identityOf
	s.get("/v1.0/servicePrincipals/"+principal, &one)
	return one.App
}

// get asks the tenant something that does not count.
func (s *tenant) get(target string, v any) {
	s.tb.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "http://any.example"+target, nil)
	r.Header.Set("Authorization", "Bearer "+s.org.Token())
	s.org.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Body)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil || w.Code != http.StatusOK {
		s.tb.Fatalf("GET %s: %d, %v", target, w.Code, err)
	}
}
