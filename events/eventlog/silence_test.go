package eventlog_test

import (
	"bytes"
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// TestLostRequest loses a reading's first request for messages, as a cluster does whose servers do not know of the consumer yet. The
// consumer stays silent, and the reading takes another.
func TestLostRequest(t *testing.T) {
	for _, following := range []bool{false, true} {
		t.Run(map[bool]string{false: "bounded", true: "following"}[following], func(t *testing.T) {
			t.Parallel()
			l, d := openTampered(t, 20)
			d.tamper(func(c *tamperedConn, b []byte) []byte {
				if bytes.Contains(b, []byte(pullRequest)) {
					d.tamper(nil)
					return bytes.Replace(b, []byte(pullRequest), []byte("CONSUMER.MSG.LOST"), 1)
				}
				return b
			})
			readIDs(t, l, events.Query{Following: following}, 20)
		})
	}
}

// TestLateMessages has the messages arrive while a bounded reading, which waited in vain, asks whether there are any more. They are
// all sent by then, and must be read nevertheless.
func TestLateMessages(t *testing.T) {
	l, d := openTampered(t, 20)
	var held []byte
	d.tamper(func(c *tamperedConn, b []byte) []byte {
		switch {
		case bytes.Contains(b, []byte(pullRequest)):
			held = slices.Clone(b)
			return nil
		case held != nil && bytes.Contains(b, []byte("CONSUMER.INFO")):
			d.tamper(nil)
			c.send(held)
			c.awaitEvents(20)
		}
		return b
	})
	readIDs(t, l, events.Query{}, 20)
}

const pullRequest = "CONSUMER.MSG.NEXT"

// openTampered opens a log with n activities over a connection that can be tampered with.
func openTampered(t *testing.T, n int) (*eventlog.Log, *tamperer) {
	t.Helper()
	r, d := newReal(t), &tamperer{}
	w := r.Open(t)
	claim, err := w.Claim(t.Context(), "acme", "okta", "hub1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Append(t.Context(), events.Append{Claim: claim, Feed: "log", Events: signIns(0, n), Cursor: []byte("c")}); err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(r.proxy.url(), nats.SetCustomDialer(d))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	l, err := eventlog.Open(t.Context(), nc, eventlog.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, d
}

// readIDs reads until n activities have come, or the reading ends, and checks that they are all.
func readIDs(t *testing.T, l *eventlog.Log, q events.Query, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []string
	for m, err := range l.Read(ctx, q) {
		if err != nil {
			t.Fatalf("after %d events: %v", len(got), err)
		}
		if got = append(got, m.Event.Data.Activity.ID); q.Following && len(got) == n {
			break
		}
	}
	if len(got) != n {
		t.Errorf("the reading has %d events, want %d", len(got), n)
	}
}

// tamperer dials connections whose bytes to the server pass through a function.
type tamperer struct {
	mu   sync.Mutex
	pass func(c *tamperedConn, b []byte) []byte
}

func (d *tamperer) tamper(pass func(*tamperedConn, []byte) []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pass = pass
}

// Dial dials.
func (d *tamperer) Dial(network, address string) (net.Conn, error) {
	c, err := net.DialTimeout(network, address, patience)
	return &tamperedConn{Conn: c, dialer: d, came: make(chan int, 1000)}, err
}

type tamperedConn struct {
	net.Conn
	dialer *tamperer
	came   chan int // how many events came with each piece read
}

func (c *tamperedConn) send(b []byte) { c.Conn.Write(b) } //nolint:errcheck // the reading shows what was lost

func (c *tamperedConn) Write(b []byte) (int, error) {
	c.dialer.mu.Lock()
	pass := c.dialer.pass
	c.dialer.mu.Unlock()
	out := b
	if pass != nil {
		out = pass(c, b)
	}
	if _, err := c.Conn.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (c *tamperedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case c.came <- bytes.Count(b[:n], []byte(eventlog.HashHeader+": ")):
	default:
	}
	return n, err
}

// awaitEvents waits until n events have come in.
func (c *tamperedConn) awaitEvents(n int) {
	late := time.After(patience)
	for n > 0 {
		select {
		case k := <-c.came:
			n -= k
		case <-late:
			return
		}
	}
}
