package replay_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/events/filter"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

// eventCount is how long the log of the benchmarks is: go test ./replay -bench . -benchtime 1x -events 1000000
var eventCount = flag.Int("events", 20000, "events in the log of the benchmarks")

// benchLog is a log on NATS, over loopback, with agents of 1.3 KB that change ten times each.
func benchLog(b *testing.B) (*eventlog.Log, *nats.Conn) {
	b.Helper()
	s, err := natsd.Start(b.Context(), natsd.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Shutdown() })
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	l, err := eventlog.Open(b.Context(), nc, eventlog.Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(l.Close)
	claim, err := l.Claim(b.Context(), "acme", "okta", "hub")
	if err != nil {
		b.Fatal(err)
	}
	var saved events.Saved
	agents := max(*eventCount/10, 1)
	for done := 0; done < *eventCount; {
		page := make([]events.Event, min(990, *eventCount-done))
		for i := range page {
			page[i] = benchEvent(done+i, agents)
		}
		r, err := l.Append(b.Context(), events.Append{Claim: claim, Feed: "agents", Expect: saved, Events: page, Cursor: []byte("c")})
		if err != nil {
			b.Fatal(err)
		}
		saved, claim, done = r.Saved, r.Claim, done+len(page)
	}
	return l, nc
}

func benchEvent(n, agents int) events.Event {
	id := fmt.Sprintf("%08d-aaaa-bbbb-cccc-dddddddddddd", n%agents)
	at := time.Date(2026, 11, 1, 0, 0, 0, n, time.UTC)
	verb := events.Updated
	if n < agents {
		verb = events.Created
	}
	e := events.Entity{Kind: events.KindAgent, Holder: id, Key: events.Self, Agent: &events.Agent{
		Native: "ai_agent", Name: fmt.Sprintf("Agent %d, as of change %d", n%agents, n/agents), Status: events.StatusActive, NativeStatus: "ACTIVE",
		Class: events.ClassAgent, ClassReason: "an AI agent object", Models: []events.Model{events.ModelService}, Platform: "AWS_BEDROCK",
		Description: "Matches incoming invoices with orders and receipts, and asks the accounts team where they differ by more than the tolerance.",
		Identifiers: []events.Identifier{{Type: events.IDApp, Value: id}, {Type: events.IDObject, Value: id}}, Created: at, Labels: []string{"finance", "production"},
	}}
	return events.New("acme", "okta", "okta", events.EntityType(events.KindAgent, verb), at, at, events.Data{Entity: &e,
		Evidence: events.Evidence{Feed: "agents", How: events.HowRead, Asked: at, Record: "ai_agent"}})
}

// BenchmarkReplay prints the whole log as JSON lines, or what an expression selects of it, and reports the rate at which it gets through the
// log against that at which a raw ordered consumer reads the same messages and does nothing with them.
func BenchmarkReplay(b *testing.B) {
	l, nc := benchLog(b)
	created := uint64(max(*eventCount/10, 1))
	for _, c := range []struct {
		filter string
		want   uint64
	}{
		{"", uint64(*eventCount)},
		{`type == "agent.created"`, created},
		{`type == "agent.created" && "finance" in data.entity.agent.labels`, created},
		{`data.entity.agent.status == "active"`, uint64(*eventCount)},
		{`data.entity.agent.status == "disabled"`, 0},
	} {
		b.Run("filter="+c.filter, func(b *testing.B) { benchReplay(b, l, nc, c.filter, c.want) })
	}
}

func benchReplay(b *testing.B, l *eventlog.Log, nc *nats.Conn, text string, want uint64) {
	var f *filter.Filter
	if text != "" {
		var err error
		if f, err = filter.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	var raw, printed time.Duration
	for b.Loop() {
		raw += rawReading(b, nc)
		began, n := time.Now(), uint64(0)
		out := bufio.NewWriterSize(null, 1<<16)
		p := &show.Paper{Writer: out}
		for s, err := range f.Select(b.Context(), replay.Read(b.Context(), l, nil, replay.Range{}), func(e *filter.Error) { b.Error(e) }) {
			if err == nil {
				err = p.StoredJSON(&s)
			}
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if err := out.Flush(); err != nil || n != want {
			b.Fatal(n, err)
		}
		printed += time.Since(began)
	}
	b.ReportMetric(float64(*eventCount*b.N)/printed.Seconds(), "events/s")
	b.ReportMetric(raw.Seconds()/printed.Seconds(), "of-raw-rate")
}

func rawReading(b *testing.B, nc *nats.Conn) time.Duration {
	b.Helper()
	began := time.Now()
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	c, err := js.OrderedConsumer(b.Context(), eventlog.DefaultStream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{events.EventsPrefix + ".>"}})
	if err != nil {
		b.Fatal(err)
	}
	msgs, err := c.Messages(jetstream.PullMaxMessages(2000))
	if err != nil {
		b.Fatal(err)
	}
	defer msgs.Stop()
	for range *eventCount {
		if _, err := msgs.Next(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

// BenchmarkVerify compares a view with the log, and reports the time against that of reading the same events.
func BenchmarkVerify(b *testing.B) {
	l, _ := benchLog(b)
	var reading, verifying time.Duration
	for b.Loop() {
		began := time.Now()
		p, n := roster.New(), 0
		view := projections.Snapshot{Documents: map[string][]byte{}}
		for m, err := range l.Read(b.Context(), events.Query{}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
			view.Checkpoint = projections.Checkpoint{Position: m.Position, Version: roster.Version}
		}
		reading += time.Since(began)
		for m, err := range l.Read(b.Context(), events.Query{}) { // what a hub has written
			if err == nil {
				err = p.Apply(m)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		docs, err := p.Drain()
		if err != nil {
			b.Fatal(err)
		}
		for _, d := range docs {
			view.Documents[d.Key] = d.Body
		}
		began = time.Now()
		v, err := replay.Verify(b.Context(), l, view, roster.Version, roster.New, nil)
		if err != nil || len(v.Differences) > 0 || v.Events != uint64(n) || n != *eventCount {
			b.Fatal(n, v, err)
		}
		verifying += time.Since(began)
	}
	b.ReportMetric(float64(*eventCount*b.N)/verifying.Seconds(), "events/s")
	b.ReportMetric(verifying.Seconds()/reading.Seconds(), "x-reading")
}
