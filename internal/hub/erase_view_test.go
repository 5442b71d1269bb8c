package hub

import (
	"bytes"
	"net"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// The server leaves one question unanswered, as a cluster without a leader does: how far the roster is is asked again.
func TestUntilViewedAsksAgain(t *testing.T) {
	server, err := natsd.Start(t.Context(), natsd.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Shutdown() }) // the test is over
	d := &forgetful{}
	nc, err := server.Connect(nats.SetCustomDialer(d))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	r := &Reader{nc: nc}
	if r.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	if r.Boards, err = openBoards(t.Context(), nc); err != nil {
		t.Fatal(err)
	}
	view, err := openView(t.Context(), r.js, roster.Name, 1, false)
	if err != nil {
		t.Fatal(err)
	}
	at := events.Position{Epoch: "e", Sequence: 7}
	if _, err := view.Commit(t.Context(), projections.Checkpoint{}, projections.Checkpoint{Position: at}, nil); err != nil {
		t.Fatal(err)
	}
	d.forget.Store(true)
	if err := r.untilViewed(t.Context(), at); err != nil {
		t.Error(err)
	}
	if d.forget.Load() {
		t.Error("nothing was forgotten: the test shows nothing")
	}
}

// forgetful dials connections that lose a question about the roster's bucket.
type forgetful struct{ forget atomic.Bool }

// Dial dials.
func (d *forgetful) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	return forgetfulConn{c, d}, err
}

type forgetfulConn struct {
	net.Conn
	d *forgetful
}

func (c forgetfulConn) Write(b []byte) (int, error) {
	question := []byte("$JS.API.STREAM.INFO.KV_" + roster.Name)
	if bytes.Contains(b, question) && c.d.forget.CompareAndSwap(true, false) {
		b = bytes.Replace(b, question, bytes.Replace(question, []byte("INFO"), []byte("LOST"), 1), 1)
	}
	return c.Conn.Write(b)
}
