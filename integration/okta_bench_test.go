package integration

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// BenchmarkOktaFirstPass reads an org of 7,000 AI agents and 3,000 service apps from nothing, at the limits that Okta has
// documented and the default share of them, with a kill in the middle. It tells the hours that pass by the org's clock until
// the agents are in the log and until all that hangs on them is, and the calls that were made.
func BenchmarkOktaFirstPass(b *testing.B) {
	for range b.N {
		pool := makeConnectors(b, 2)
		bubble(b, func() {
			s := newScaled(b, pool, 7000, 3000)
			defer s.close()
			began := time.Now()
			r := s.read(nil, nil)
			for s.agents() < 10_000 {
				time.Sleep(time.Minute)
			}
			b.ReportMetric(time.Since(began).Minutes(), "org-min-to-agents")
			b.ReportMetric(float64(s.count()), "calls-to-agents")
			for r.feed("agent-keys").Ahead > 4000 {
				time.Sleep(time.Minute)
			}
			r.stop()
			before := s.count()
			r = s.read(nil, nil)
			r.caughtUp(14 * 24 * time.Hour)
			b.ReportMetric(time.Since(began).Hours(), "org-hours")
			b.ReportMetric(float64(s.count()), "calls")
			b.ReportMetric(float64(s.count()-before), "calls-after-the-kill")
			r.stop()
			if diff := s.holds(); diff != "" {
				b.Errorf("the log is not what the org has:\n%s", diff)
			}
			s.keptToItsShare()
			b.ReportMetric(float64(s.most["workload-principals"]), "calls/min-workload")
		})
	}
}

// bubble runs a benchmark's body in a bubble of synctest, which is made for tests.
func bubble(b *testing.B, body func()) {
	b.Helper()
	synctest.Test(&testing.T{}, func(*testing.T) { body() })
}

// agents are how many agents the log knows.
func (s *scaled) agents() (n int) {
	for m, err := range s.log.States(context.Background(), "acme", "okta") {
		if err != nil {
			s.tb.Fatal(err)
		}
		if e := m.Event.Data.Entity; e.Kind == events.KindAgent && e.Agent.Native != "api_token" {
			n++
		}
	}
	return n
}
