package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// benchPace is how often the hub reads while latencies are measured.
const benchPace = 200 * time.Millisecond

// BenchmarkLatency renames agents at the sandboxes, one every so often whatever the hub does meanwhile, and measures how long
// each takes to stand in the roster: from the change at the vendor, and from the append to the log alone.
func BenchmarkLatency(b *testing.B) {
	w := startBench(b, 60, benchPace, demo.Vendors...)
	w.caughtUp(b)
	names := w.watch(b)
	changed, seen := map[string]time.Time{}, map[string]arrival{}
	tick := time.NewTicker(137 * time.Millisecond) // no multiple of the pace
	defer tick.Stop()
	b.ResetTimer()
	for made := 0; len(seen) < b.N; {
		select {
		case <-tick.C:
			if made < b.N {
				name := fmt.Sprintf("bench %d %d", b.N, made)
				w.rename(b, made, name)
				changed[name] = time.Now()
				made++
			}
		case a := <-names:
			if _, ok := changed[a.name]; ok && seen[a.name].at.IsZero() {
				seen[a.name] = a
			}
		}
	}
	b.StopTimer()
	var whole, view []time.Duration
	for name, a := range seen {
		whole = append(whole, a.at.Sub(changed[name]))
		view = append(view, w.sinceAppend(b, a))
	}
	report(b, whole, "change")
	report(b, view, "append")
	b.ReportMetric(float64(quantile(whole, 0.5))/float64(benchPace), "p50/interval")
	b.ReportMetric(0, "ns/op")
}

// report adds the median and the 95th percentile to what the benchmark tells.
func report(b *testing.B, d []time.Duration, from string) {
	b.ReportMetric(float64(quantile(d, 0.5).Microseconds())/1000, "ms-p50-from-"+from)
	b.ReportMetric(float64(quantile(d, 0.95).Microseconds())/1000, "ms-p95-from-"+from)
	b.ReportMetric(float64(quantile(d, 0.99).Microseconds())/1000, "ms-p99-from-"+from)
}

func quantile(d []time.Duration, q float64) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[min(len(d)-1, int(q*float64(len(d))))]
}

// BenchmarkRollCall reads a company of 2,000 agents from nothing into the roster, and then once more without a change.
func BenchmarkRollCall(b *testing.B) {
	for _, vendors := range [][]string{{"entra"}, {"google"}, {"okta"}, demo.Vendors} {
		b.Run(strings.Join(vendors, "+"), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := startBench(b, 2000, time.Hour, vendors...)
				b.StartTimer()
				w.caughtUp(b)
				b.StopTimer()
				w.count(b)
				w.stop(b)
				b.StartTimer()
			}
		})
	}
}

// bench is a hub at work on a company of sandboxes.
type bench struct {
	company *demo.Company
	h       *hub.Hub
	began   time.Time
	cancel  context.CancelFunc
	done    chan error
}

func startBench(b *testing.B, agents int, pace time.Duration, vendors ...string) *bench {
	b.Helper()
	company, err := demo.Start(demo.Options{Agents: agents, Vendors: vendors})
	if err != nil {
		b.Fatal(err)
	}
	cfg := config.Default()
	cfg.Data = b.TempDir()
	cfg.Tenants = []config.Tenant{{Name: "demo", Connections: company.Connections()}}
	for _, c := range cfg.Tenants[0].Connections {
		c.Pace["default"] = pace
	}
	h, err := hub.Open(b.Context(), hub.Options{Config: cfg, Vendors: all.Vendors})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &bench{company: company, h: h, began: time.Now(), cancel: cancel, done: make(chan error, 1)}
	go func() { w.done <- h.Run(ctx) }()
	b.Cleanup(func() { w.stop(b) })
	return w
}

// stop ends the hub and the sandboxes, once.
func (w *bench) stop(b *testing.B) {
	if w.h == nil {
		return
	}
	w.cancel()
	if err := <-w.done; err != nil {
		b.Error(err)
	}
	w.h.Close()
	w.h = nil
	if err := w.company.Close(); err != nil {
		b.Error(err)
	}
}

func (w *bench) caughtUp(b *testing.B) {
	b.Helper()
	if stuck, err := w.h.CaughtUp(b.Context()); err != nil || len(stuck) > 0 {
		b.Fatal(err, stuck)
	}
}

// count tells what a first roll call cost.
func (w *bench) count(b *testing.B) {
	b.Helper()
	took := time.Since(w.began).Seconds()
	s, err := w.h.Summarize(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	calls := 0
	for _, v := range w.company.Vendors {
		for _, n := range v.Chaos.Calls() {
			calls += n
		}
	}
	b.ReportMetric(float64(s.Identities)/took, "identities/s")
	b.ReportMetric(float64(s.Events)/took, "events/s")
	b.ReportMetric(float64(calls)/float64(s.Identities), "calls/identity")
	b.ReportMetric(float64(calls), "calls")
}

// rename renames some agent of one vendor after the other.
func (w *bench) rename(b *testing.B, n int, name string) {
	b.Helper()
	v := w.company.Vendors[n%len(w.company.Vendors)]
	if _, err := v.State.Mutate(sandbox.Change{Op: sandbox.RenameAgent, Name: name}); err != nil {
		b.Fatal(err)
	}
}

// arrival is a name that came to stand in the roster.
type arrival struct {
	name     string
	at       time.Time // when it was heard of
	stored   time.Time // by NATS
	sequence uint64    // of the event in the log
}

// watch tells of every name that comes to stand in the roster.
func (w *bench) watch(b *testing.B) <-chan arrival {
	b.Helper()
	nc, err := nats.Connect(w.h.URL)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	js, err := nc.JetStream()
	if err != nil {
		b.Fatal(err)
	}
	out := make(chan arrival, 1000)
	_, err = js.Subscribe("$KV."+roster.Name+".demo.>", func(m *nats.Msg) {
		var a roster.Agent
		meta, err := m.Metadata()
		if err != nil || events.Unmarshal(m.Data, &a) != nil {
			return
		}
		for _, i := range a.Identities {
			out <- arrival{i.Agent.Name, time.Now(), meta.Timestamp, i.Sequence}
		}
	}, nats.OrderedConsumer(), nats.DeliverNew())
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// sinceAppend is how long after its event, by the server's clock, a name stood in the roster.
func (w *bench) sinceAppend(b *testing.B, a arrival) time.Duration {
	b.Helper()
	for m, err := range w.h.Log().Read(b.Context(), events.Query{From: a.sequence}) {
		if err != nil {
			b.Fatal(err)
		}
		return a.stored.Sub(m.Stored)
	}
	b.Fatalf("the log has no event %d", a.sequence)
	return 0
}
