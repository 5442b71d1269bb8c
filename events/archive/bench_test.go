package archive_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/natsd"
)

const benchEvents = 60_000

// BenchmarkArchive writes an archive of a log over NATS into a folder, and reads it, in the same run as an ordered consumer reads the raw
// messages. of-raw-json is what the archive takes of the events' JSON.
func BenchmarkArchive(b *testing.B) {
	server, err := natsd.Start(b.Context(), natsd.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Shutdown() })
	nc, err := server.Connect()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	log, err := eventlog.Open(b.Context(), nc, eventlog.Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(log.Close)
	fill(b, log)
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		began := time.Now()
		raw := readRaw(b, js)
		took := time.Since(began)
		b.ReportMetric(benchEvents/took.Seconds(), "raw-events/s")

		f, err := archive.MakeFolder(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		began = time.Now()
		a, err := archive.Open(b.Context(), f)
		if err != nil {
			b.Fatal(err)
		}
		w, err := a.Write(b.Context(), log, archive.Options{})
		if err != nil || w.Events != benchEvents {
			b.Fatalf("%+v, %v", w, err)
		}
		b.ReportMetric(benchEvents/time.Since(began).Seconds(), "archived-events/s")
		b.ReportMetric(float64(w.Size)/float64(raw), "of-raw-json")

		began = time.Now()
		for _, err := range a.Stored(b.Context(), events.Query{}) {
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(benchEvents/time.Since(began).Seconds(), "read-events/s")
		began = time.Now()
		if r, err := archive.Verify(b.Context(), f, nil); err != nil || r.Err() != nil {
			b.Fatal(err, r)
		}
		b.ReportMetric(benchEvents/time.Since(began).Seconds(), "verified-events/s")
	}
}

// readRaw reads all events as messages, and returns their bytes.
func readRaw(b *testing.B, js jetstream.JetStream) (size int) {
	b.Helper()
	c, err := js.OrderedConsumer(b.Context(), eventlog.DefaultStream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{events.EventsPrefix + ".>"}})
	if err != nil {
		b.Fatal(err)
	}
	msgs, err := c.Messages(jetstream.PullMaxMessages(2000))
	if err != nil {
		b.Fatal(err)
	}
	defer msgs.Stop()
	for range benchEvents {
		m, err := msgs.Next()
		if err != nil {
			b.Fatal(err)
		}
		size += len(m.Data())
	}
	return size
}

// fill appends agents of 1.3 KB that change ten times each, as vendors have them.
func fill(b *testing.B, log *eventlog.Log) {
	b.Helper()
	claim, err := log.Claim(b.Context(), "acme", "entra", "hub")
	if err != nil {
		b.Fatal(err)
	}
	var saved events.Saved
	for done := 0; done < benchEvents; {
		page := make([]events.Event, min(990, benchEvents-done))
		for i := range page {
			page[i] = benchEvent(done + i)
		}
		r, err := log.Append(b.Context(), events.Append{Claim: claim, Feed: "agents", Expect: saved, Events: page, Cursor: []byte("c")})
		if err != nil {
			b.Fatal(err)
		}
		saved, claim, done = r.Saved, r.Claim, done+len(page)
	}
}

func benchEvent(n int) events.Event {
	// Ids and times of a vendor do not repeat: what looks random stays so.
	x := events.Digest(fmt.Sprint(n % (benchEvents / 10)))
	id := x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
	y := events.Digest(id)
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * 1234567 * time.Microsecond)
	e := events.Entity{Kind: events.KindAgent, Holder: id, Key: events.Self, Scope: "agents", Agent: &events.Agent{
		Native: "agent_identity", Name: "Invoice agent " + id[:6], Description: "reads invoices and books them", Status: events.StatusActive,
		NativeStatus: "enabled", Class: events.ClassAgent, ClassReason: "the vendor says so", Models: []events.Model{events.ModelService},
		Blueprint: y[:20], Created: at.Add(-time.Hour), Labels: []string{"team=finance", "env=prod"},
		Identifiers: []events.Identifier{{Type: events.IDApp, Value: y}, {Type: events.IDObject, Value: id}},
	}}
	return events.New("acme", "entra", "entra", events.EntityType(events.KindAgent, events.Updated), at, at.Add(time.Second), events.Data{
		Entity: &e, Evidence: events.Evidence{Feed: "agents", How: events.HowRead, Asked: at, Record: "agentIdentity"},
	})
}
