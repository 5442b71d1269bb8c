package hub

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/rollcallhq/rollcall/replay"
)

// readerOf is a reader of a log with nothing in it.
func readerOf(t *testing.T) *Reader {
	t.Helper()
	s, err := natsd.Start(t.Context(), natsd.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown() })
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	l, err := eventlog.Open(t.Context(), nc, eventlog.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return &Reader{Log: l, nc: nc}
}

// A subscriber gets the event as it was, with its marks; a stream keeps it once, however often it is delivered.
func TestSubjectTarget(t *testing.T) {
	r := readerOf(t)
	sub, err := r.nc.SubscribeSync("siem.refill")
	if err != nil {
		t.Fatal(err)
	}
	d := replay.Delivery{Replay: "r1", Body: []byte(`{"id":"1"}`), Stored: &events.Stored{
		Position: events.Position{Epoch: "e", Sequence: 7}, Subject: "rollcall.events.acme.okta.a.agent.self", Feed: "agents", Hash: "h"}}
	for _, kept := range []bool{false, true} {
		js, err := jetstream.New(r.nc)
		if err != nil {
			t.Fatal(err)
		}
		if kept {
			if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SIEM", Subjects: []string{"siem.>"}}); err != nil {
				t.Fatal(err)
			}
		}
		to, err := r.Subject(t.Context(), "siem.refill")
		if err != nil || to.Kept() != kept {
			t.Fatal(to, err)
		}
		if err := to.Deliver(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		m, err := sub.NextMsg(10 * time.Second)
		if err != nil || string(m.Data) != `{"id":"1"}` || m.Header.Get("Rollcall-Replay") != "r1" || m.Header.Get("Rollcall-Sequence") != "7" ||
			m.Header.Get("Content-Type") != eventlog.ContentType || m.Header.Get("Rollcall-Subject") != d.Subject {
			t.Fatalf("%+v, %v", m, err)
		}
		if !kept {
			continue
		}
		if err := to.Deliver(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		s, err := js.Stream(t.Context(), "SIEM")
		if err != nil || s.CachedInfo().State.Msgs != 1 {
			t.Errorf("the stream keeps %+v, %v", s.CachedInfo().State, err)
		}
	}
	for _, bad := range []string{"", "a..b", "a.*", "a.>", "a b", "rollcall.events.acme.x.y.agent.self", "rollcall", "$JS.API.INFO", "$KV.roster.x"} {
		if to, err := r.Subject(t.Context(), bad); err == nil {
			t.Errorf("%q is %v", bad, to)
		}
	}
}

// What operators do lies in the log of each tenant, in one sound chain, and takes no connection from its hub.
func TestRecord(t *testing.T) {
	r := readerOf(t)
	for _, what := range []string{"replay_started", "replay_ended"} {
		a := events.Activity{Type: what, ID: "r1:" + what, Details: map[string]string{"replay": "r1"}}
		if err := r.Record(t.Context(), []string{"acme", "other"}, "ann", a); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for m, err := range r.Log.Read(t.Context(), events.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		e := &m.Event
		got = append(got, e.Tenant+" "+e.Connection+" "+string(e.Type)+" "+e.Data.Activity.Actor.ID+" "+e.Data.Activity.Details["replay"])
	}
	want := "acme _replays activity.replay_started ann r1|other _replays activity.replay_started ann r1|" +
		"acme _replays activity.replay_ended ann r1|other _replays activity.replay_ended ann r1"
	if strings.Join(got, "|") != want {
		t.Errorf("%q", got)
	}
	report, err := replay.VerifyChains(t.Context(), r.Log, replay.Head{}, nil)
	if err != nil || report.Err() != nil || len(report.Feeds) != 2 {
		t.Errorf("%+v, %v", report, err)
	}
}
