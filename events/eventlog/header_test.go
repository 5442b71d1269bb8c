package eventlog_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// TestContentType: each event says to any client what it is, and nothing else does. One that does not say so, as those of older
// versions, is read all the same.
func TestContentType(t *testing.T) {
	r := newReal(t)
	l := r.Open(t).(*eventlog.Log)
	defer l.Close()
	claim, err := l.Claim(t.Context(), "acme", "okta", "hub1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), events.Append{Claim: claim, Feed: "log", Events: signIns(0, 3), Cursor: []byte("c")}); err != nil {
		t.Fatal(err)
	}
	older := newReal(t)
	read := older.Open(t).(*eventlog.Log)
	defer read.Close()
	js, err := jetstream.New(older.connect(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range stored(t, r.connect(t)) {
		want := ""
		if strings.HasPrefix(m.Subject, events.EventsPrefix+".") {
			want = "application/cloudevents+json; charset=utf-8"
		}
		if got := m.Header.Get("Content-Type"); got != want {
			t.Errorf("the message on %s is of type %q, want %q", m.Subject, got, want)
		}
		if want == "" {
			continue
		}
		m.Header.Del("Content-Type")
		if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}); err != nil {
			t.Fatal(err)
		}
	}
	checkSignIns(t, read, 3)
}

// stored are the log's messages, as a client that is none of ours sees them, without the headers of their batch.
func stored(t *testing.T, nc *nats.Conn) []*jetstream.RawStreamMsg {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "ROLLCALL")
	if err != nil {
		t.Fatal(err)
	}
	var out []*jetstream.RawStreamMsg
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		for name := range m.Header {
			if strings.HasPrefix(name, "Nats-") {
				m.Header.Del(name)
			}
		}
		out = append(out, m)
	}
	return out
}
