package eventlog_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/events/eventlog/logtest"
	"github.com/rollcallhq/rollcall/internal/natsd"
)

func TestJetStream(t *testing.T) {
	logtest.Run(t, func(t *testing.T) logtest.Subject { return newReal(t) })
}

// real is the suite's view of a log on an embedded server, with a lossy proxy before it.
type real struct {
	dir, saved string
	maxStore   int64
	server     *natsd.Server
	proxy      *proxy
}

func newReal(t *testing.T) *real {
	t.Helper()
	return newRealWith(t, 0)
}

// newRealWith bounds what the server may store.
func newRealWith(t *testing.T, maxStore int64) *real {
	t.Helper()
	r := &real{dir: t.TempDir(), saved: t.TempDir(), maxStore: maxStore, proxy: newProxy(t)}
	r.start(t)
	t.Cleanup(func() { r.server.Shutdown() })
	return r
}

func (r *real) start(t *testing.T) {
	t.Helper()
	s, err := natsd.Start(t.Context(), natsd.Options{Dir: r.dir, MaxPayload: 1 << 20, MaxStore: r.maxStore})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	r.server = s
	r.proxy.to(u.Host)
}

func (r *real) stop(t *testing.T) {
	t.Helper()
	r.proxy.to("")
	if err := r.server.Shutdown(); err != nil {
		t.Fatal(err)
	}
}

func (r *real) connect(t *testing.T) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(r.proxy.url(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func (r *real) Open(t *testing.T, seen ...events.Position) logtest.Log {
	t.Helper()
	l, err := eventlog.Open(context.Background(), r.connect(t), eventlog.Options{Create: true, Seen: seen})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (r *real) Lose(_ *testing.T, what logtest.Loss) { r.proxy.loseNext(what) }

func (r *real) Lost() int { return r.proxy.lost() }

func (r *real) Restart(t *testing.T) {
	t.Helper()
	r.stop(t)
	r.start(t)
}

func (r *real) Snapshot(t *testing.T) {
	t.Helper()
	r.stop(t)
	copyFolder(t, r.saved, r.dir)
	r.start(t)
}

func (r *real) Restore(t *testing.T) {
	t.Helper()
	r.stop(t)
	copyFolder(t, r.dir, r.saved)
	r.start(t)
}

func (r *real) MaxPayload() int { return 1 << 20 }

func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	data := filepath.Join(to, "nats")
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(data, os.DirFS(filepath.Join(from, "nats"))); err != nil {
		t.Fatal(err)
	}
}

// TestLogKeepsOneOfEach: however often a feed's place is saved and a claim made or renewed, the stream keeps one message of each.
func TestLogKeepsOneOfEach(t *testing.T) {
	r := newReal(t)
	l := r.Open(t).(*eventlog.Log)
	defer l.Close()
	var last events.Receipt
	for range 2 {
		c, err := l.Claim(t.Context(), "acme", "okta", "hub1")
		if err != nil {
			t.Fatal(err)
		}
		last.Claim = c
		for n := range 2 {
			a := events.Append{Claim: last.Claim, Feed: "log", Expect: last.Saved, Events: signIns(n, n), Cursor: []byte{byte(n)}}
			if last, err = l.Append(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := l.Claim(t.Context(), "acme", "okta", "hub2"); err != nil { // which no renewal follows
		t.Fatal(err)
	}
	want := map[string]uint64{"rollcall.claims.acme.okta": 1, "rollcall.cursors.acme.okta.log": 1}
	if diff := cmp.Diff(want, perSubject(t, r.connect(t), "rollcall.claims.>", "rollcall.cursors.>")); diff != "" {
		t.Errorf("messages by subject: -want +got\n%s", diff)
	}
}

// perSubject counts the messages of the log by subject, as a client that is none of ours sees them.
func perSubject(t *testing.T, nc *nats.Conn, filters ...string) map[string]uint64 {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "ROLLCALL")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint64{}
	for _, f := range filters {
		in, err := s.Info(t.Context(), jetstream.WithSubjectFilter(f))
		if err != nil {
			t.Fatal(err)
		}
		for subject, n := range in.State.Subjects {
			got[subject] += n
		}
	}
	return got
}
