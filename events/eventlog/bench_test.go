package eventlog_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

func benchServer(b *testing.B) *nats.Conn {
	b.Helper()
	s, err := natsd.Start(b.Context(), natsd.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Shutdown() })
	nc, err := s.Connect()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	return nc
}

func benchLog(b *testing.B, nc *nats.Conn) (*eventlog.Log, events.Receipt) {
	b.Helper()
	l, err := eventlog.Open(b.Context(), nc, eventlog.Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(l.Close)
	c, err := l.Claim(b.Context(), "acme", "bench", "hub")
	if err != nil {
		b.Fatal(err)
	}
	return l, events.Receipt{Claim: c}
}

// benchPage is a page of agents as vendors have them, 1.3 KB each.
func benchPage(n int) []events.Event {
	page := make([]events.Event, n)
	now := time.Now()
	for i := range page {
		id := fmt.Sprintf("%08d-aaaa-bbbb-cccc-dddddddddddd", i)
		e := events.Entity{Kind: events.KindAgent, Holder: id, Key: events.Self, Scope: "agents", Agent: &events.Agent{
			Native: "agent_identity", Name: "Invoice agent " + id, Description: "reads invoices and books them", Status: events.StatusActive,
			NativeStatus: "enabled", Class: events.ClassAgent, ClassReason: "the vendor says so", Models: []events.Model{events.ModelService},
			Blueprint: id, Created: now, Labels: []string{"team=finance", "env=prod"},
			Identifiers: []events.Identifier{{Type: events.IDApp, Value: id}, {Type: events.IDObject, Value: id}},
		}}
		page[i] = events.New("acme", "bench", "entra", "agent.created", now, now, events.Data{
			Entity: &e, FirstSeen: events.FirstSeenSnapshot,
			Evidence: events.Evidence{Feed: "agents", How: events.HowRead, Asked: now, Record: "agentIdentity"},
		})
	}
	return page
}

// BenchmarkAppend appends pages, and beside it, in turns, stores the same bytes as plain atomic batches. "raw-ratio" is how many times
// longer an append takes.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			nc := benchServer(b)
			l, last := benchLog(b, nc)
			raw := rawStream(b, nc)
			page := benchPage(size)
			var ours, theirs time.Duration
			for b.Loop() {
				began := time.Now()
				r, err := l.Append(b.Context(), events.Append{
					Claim: last.Claim, Feed: "agents", Expect: last.Saved, Events: page, Cursor: []byte("next"),
				})
				if err != nil {
					b.Fatal(err)
				}
				ours, last = ours+time.Since(began), r
				began = time.Now()
				raw(page)
				theirs += time.Since(began)
			}
			events := float64(size * b.N)
			b.ReportMetric(events/ours.Seconds(), "events/s")
			b.ReportMetric(events/theirs.Seconds(), "raw-events/s")
			b.ReportMetric(ours.Seconds()/theirs.Seconds(), "raw-ratio")
		})
	}
}

// rawStream returns a function that stores a page's bytes in atomic batches of 990, without checks, chains or cursors.
func rawStream(b *testing.B, nc *nats.Conn) func([]events.Event) {
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "RAW", Subjects: []string{"raw.>"}, AllowAtomicPublish: true}); err != nil {
		b.Fatal(err)
	}
	bodies := map[string][]byte{}
	return func(page []events.Event) {
		var msgs []*nats.Msg
		for i := range page {
			body, ok := bodies[page[i].Subject]
			if !ok {
				if body, err = events.Encode(&page[i]); err != nil {
					b.Fatal(err)
				}
				bodies[page[i].Subject] = body
			}
			msgs = append(msgs, &nats.Msg{Subject: "raw." + page[i].NATSSubject(), Data: body, Header: nats.Header{}})
		}
		for len(msgs) > 0 {
			n := min(990, len(msgs))
			if _, err := jetstreamext.PublishMsgBatch(b.Context(), js, msgs[:n]); err != nil {
				b.Fatal(err)
			}
			msgs = msgs[n:]
		}
	}
}

// BenchmarkStates reads the last states of a connection with 50,000 entities.
func BenchmarkStates(b *testing.B) {
	const entities = 50000
	l, last := benchLog(b, benchServer(b))
	_, err := l.Append(b.Context(), events.Append{Claim: last.Claim, Feed: "agents", Events: benchPage(entities)})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		for _, err := range l.States(context.Background(), "acme", "bench") {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != entities {
			b.Fatalf("%d states", n)
		}
	}
	b.ReportMetric(float64(entities*b.N)/b.Elapsed().Seconds(), "states/s")
}
