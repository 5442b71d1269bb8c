package integration

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// BenchmarkEntra reads a tenant of 20,000 agent identities, 250 of a blueprint, from nothing, with a kill in the middle; leaves it alone
// for six hours, and grants one blueprint's principal something. It tells, by the tenant's clock and in calls, what each took.
func BenchmarkEntra(b *testing.B) {
	for range b.N {
		pool := makeEntra(b, 2)
		bubble(b, func() {
			s := newTenant(b, pool, 20_000, 250)
			defer s.close()
			began := time.Now()
			var stop atomic.Bool
			r := s.read(func(events.Append) error {
				if stop.Load() {
					return events.ErrFenced
				}
				return nil
			})
			for s.agents() < 8000 {
				time.Sleep(time.Millisecond)
			}
			stop.Store(true)
			r.stop()
			before, _ := s.count()
			b.ReportMetric(float64(before), "calls-to-the-kill")
			r = s.read(nil)
			defer r.stop()
			r.caughtUp(7 * 24 * time.Hour)
			calls, _ := s.count()
			b.ReportMetric(float64(calls-before), "calls-after-the-kill")
			b.ReportMetric(time.Since(began).Hours(), "tenant-hours-to-all")
			time.Sleep(time.Hour) // what the first pass has woken is over
			if diff := s.holds(); diff != "" {
				b.Errorf("the log is not what the tenant has:\n%s", diff)
			}
			s.measureIdle(b, r)
			granted, folds, told := s.grantToABlueprint(r)
			b.ReportMetric(float64(granted), "calls-of-a-grant")
			b.ReportMetric(float64(told), "agents-of-a-grant")
			b.ReportMetric(float64(folds), "folds-of-a-grant")
		})
	}
}

// measureIdle lets hours pass in which nothing changes.
func (s *tenant) measureIdle(b *testing.B, r *reading) {
	const hours = 12
	polled := r.polled()
	calls, reads := s.count()
	time.Sleep(hours * time.Hour)
	quiet := int(r.polled() - polled)
	all, read := s.count()
	b.ReportMetric(float64(quiet)/(hours*60), "polls/min")
	b.ReportMetric(float64(all-calls-quiet)/(hours*60), "sweep-calls/min")
	b.ReportMetric(float64(read-reads-quiet)/float64(all-calls-quiet), "reads/sweep-call")
}
