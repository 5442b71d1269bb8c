package integration

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcallhq/rollcall/connectors/google"
	"github.com/rollcallhq/rollcall/events"
)

// What reading an organization at Google costs, by its own clock: the tests run in a bubble whose hours pass in an instant.

// read starts a runner as a hub does, with the default share of the limits and the connector's own paces. fail, if it is given, is
// asked before each append, and keeps it from being stored.
func (g *googleOrg) read(m *made, fail func(events.Append) error) *reading {
	g.tb.Helper()
	m.to = g
	return startReading(g.tb, "google", m, failing{g.log, fail}, nil)
}

// known counts what the log holds, by kind.
func (g *googleOrg) known() map[events.Kind]int {
	out := map[events.Kind]int{}
	for m, err := range g.log.States(context.Background(), "acme", "google") {
		if err != nil {
			g.tb.Fatal(err)
		}
		if m.Event.Live() {
			out[m.Event.Data.Entity.Kind]++
		}
	}
	return out
}

// keptToItsShare holds the calls to the default share of each documented limit, and to what each of so many lives may send at once.
func (g *googleOrg) keptToItsShare(lives int) {
	g.tb.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refused > 0 {
		g.tb.Errorf("%d calls were refused for the rate limit", g.refused)
	}
	for host, n := range g.most {
		if most := google.Vendor.PerMinute(host) * 0.4; float64(n) > most+float64(lives)*(most/10+1) {
			g.tb.Errorf("%s was called %d times in one minute; the share is %.0f", host, n, most)
		}
	}
}

// whole checks that each account is there with its key.
func (g *googleOrg) whole() {
	g.tb.Helper()
	n := len(g.projects) * g.accounts
	if got := g.known(); got[events.KindAgent] != n || got[events.KindCredential] != n {
		g.tb.Errorf("the log knows %v, want %d agents with a credential each", got, n)
	}
}

// A first pass keeps to its share of the limits, and one that is killed again and again goes on where it was.
func TestGoogleFirstPassResumesAfterKills(t *testing.T) {
	const lives = 8
	pool := makeGoogle(t, lives+1)
	synctest.Test(t, func(t *testing.T) {
		whole := newGoogleOrg(t, 20, 20)
		defer whole.log.Close()
		r := whole.read(pool[0], nil)
		r.caughtUp(24 * time.Hour)
		r.stop()
		whole.whole()
		whole.keptToItsShare(1)

		killed := newGoogleOrg(t, 20, 20)
		defer killed.log.Close()
		kills := 0
		for life := range lives {
			var appends atomic.Int64
			r := killed.read(pool[life+1], func(events.Append) error {
				if appends.Add(1) > 12 && life < lives-1 {
					return events.ErrFenced // as good as a kill: nothing is stored any more
				}
				return nil
			})
			for !r.caughtUpNow() && (appends.Load() <= 12 || life == lives-1) {
				time.Sleep(time.Second)
			}
			if life < lives-1 {
				kills++
			}
			r.stop()
		}
		killed.whole()
		killed.keptToItsShare(lives)
		// A life asks again for what it did not live to store: a few projects' accounts, at each of the sessions that it tries.
		const again = 5 * 20
		if keys := killed.perAccount(); kills < 3 || keys > whole.perAccount()+kills*again {
			t.Errorf("%d kills: %d calls for single accounts, %d without a kill", kills, keys, whole.perAccount())
		}
		t.Logf("%d calls without a kill, %d with %d kills", whole.total, killed.total, kills)
	})
}

func (r *reading) caughtUpNow() bool {
	st := r.r.Status()
	return st.CaughtUp()
}

// logged are the calls to the log so far.
func (g *googleOrg) logged() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls["logging.googleapis.com"]
}

// perAccount are the calls about single accounts so far.
func (g *googleOrg) perAccount() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for path, times := range g.asked {
		if strings.HasSuffix(path, "/keys") {
			n += times
		}
	}
	return n
}

// When nothing changes a cycle is a call per hundred projects, the poll of the log, whatever the number of agents; the audits' calls
// are bounded however large the organization is.
func TestGoogleIdleCycle(t *testing.T) {
	for _, accounts := range []int{2, 60} {
		pool := makeGoogle(t, 1)
		synctest.Test(t, func(t *testing.T) {
			g := newGoogleOrg(t, 10, accounts)
			defer g.log.Close()
			r := g.read(pool[0], nil)
			r.caughtUp(24 * time.Hour)
			time.Sleep(2 * time.Minute)
			before, logged := g.count(), g.logged()
			time.Sleep(9 * time.Minute)
			polls := g.logged() - logged
			// The projects are looked for anew every ten minutes; nine minutes may begin just behind a poll, and end just behind one.
			if n := g.count() - before; polls < 9*4-1 || polls > 9*4+1 || n > polls+3 {
				t.Errorf("%d accounts: %d calls in %d idle cycles, %d of them polls of the log", 10*accounts, n, 9*4, polls)
			}
			before, end := g.count(), g.end()
			const hours = 26 // all audits are made again
			time.Sleep(hours * time.Hour)
			mean := float64(g.count()-before) / (hours * 60 * 4)
			if t.Logf("%d accounts: %.2f calls an idle cycle in the mean of %d hours", 10*accounts, mean, hours); mean > 4 {
				t.Errorf("that is more than four")
			}
			for m, err := range g.log.Read(context.Background(), events.Query{From: end + 1}) {
				if err != nil {
					t.Fatal(err)
				}
				t.Errorf("nothing changed, and this was appended: %s %s", m.Event.Type, m.Event.Ref())
			}
			r.stop()
		})
	}
}

// end is the sequence of the log's last message.
func (g *googleOrg) end() uint64 {
	p, err := g.log.End(context.Background())
	if err != nil {
		g.tb.Fatal(err)
	}
	return p.Sequence
}

// One line of a policy of 1,500 members that changes is one event, within one poll of the log, with whoever changed it.
func TestGoogleOneLineOfALargePolicy(t *testing.T) {
	pool := makeGoogle(t, 1)
	synctest.Test(t, func(t *testing.T) {
		g := newGoogleOrg(t, 15, 100)
		defer g.log.Close()
		for _, p := range g.projects {
			for i := range g.accounts {
				g.bindings[g.projects[0]] = append(g.bindings[g.projects[0]], fmt.Sprintf("roles/r%d serviceAccount:bot%d@%s.iam.gserviceaccount.com", i%7, i, p))
			}
		}
		r := g.read(pool[0], nil)
		r.caughtUp(24 * time.Hour)
		time.Sleep(2 * time.Minute)
		if got := g.known()[events.KindGrant]; got != 1500 {
			t.Fatalf("%d grants, want 1500", got)
		}
		end := g.end()
		g.grant(g.projects[0], "roles/owner", "serviceAccount:bot3@acme-0007.iam.gserviceaccount.com", "eve@example.com")
		time.Sleep(16 * time.Second)
		synctest.Wait()
		var got []string
		for m, err := range g.log.Read(context.Background(), events.Query{From: end + 1}) {
			if err != nil {
				t.Fatal(err)
			}
			e := &m.Event
			if kind := e.Ref().Kind; kind == events.KindActivity || kind == events.KindPerson {
				continue // what was done, and by whom
			}
			got = append(got, fmt.Sprintf("%s %s %v", e.Type, e.Data.Entity.Grant.Role, e.Data.Evidence.Actor != nil))
		}
		if len(got) != 1 || got[0] != "grant.created roles/owner true" {
			t.Errorf("appended %v, want one grant with its actor", got)
		}
		r.stop()
	})
}

// BenchmarkGoogleFirstPass reads an organization of 500 projects with 5,000 service accounts from nothing, within the limits that Google
// documents and the default share of them, with a kill in the middle. It tells the minutes that pass by the organization's clock
// until the accounts are in the log and until all that hangs on them is, and the calls that were made.
func BenchmarkGoogleFirstPass(b *testing.B) {
	for range b.N {
		pool := makeGoogle(b, 2)
		bubble(b, func() {
			g := newGoogleOrg(b, 500, 10)
			defer g.log.Close()
			began := time.Now()
			r := g.read(pool[0], nil)
			for g.known()[events.KindAgent] < 5000 {
				time.Sleep(10 * time.Second)
			}
			b.ReportMetric(time.Since(began).Minutes(), "org-min-to-accounts")
			for g.known()[events.KindCredential] < 2500 {
				time.Sleep(10 * time.Second)
			}
			r.stop()
			before := g.count()
			r = g.read(pool[1], nil)
			r.caughtUp(24 * time.Hour)
			b.ReportMetric(time.Since(began).Minutes(), "org-min")
			b.ReportMetric(float64(g.count()), "calls")
			b.ReportMetric(float64(g.count()-before), "calls-after-the-kill")
			r.stop()
			g.whole()
			g.keptToItsShare(2)
			for _, host := range []string{"iam", "logging", "agentregistry", "cloudresourcemanager"} {
				b.ReportMetric(float64(g.most[host+".googleapis.com"]), "calls/min-"+host)
			}
		})
	}
}
