package integration

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// What the vendors' measurements in bubbles have in common: connectors that are made outside, and a runner on one of them.

// made is a connector and the transport that it was made with. Connectors are made before the bubble begins, because the
// vendors' SDKs leave a goroutine of each behind.
type made struct {
	connector connectors.Connector
	transport *connectors.Transport
	to        http.RoundTripper // the vendor of the bubble
}

// RoundTrip hands a request on.
func (m *made) RoundTrip(r *http.Request) (*http.Response, error) { return m.to.RoundTrip(r) }

// outside holds on to what was made: the SDKs' finalizers must not run while a bubble is there.
var outside []*made

// makeAll makes so many connectors to a vendor that comes later.
func makeAll(tb testing.TB, n int, v connectors.Vendor, endpoint, token string) []*made {
	tb.Helper()
	var out []*made
	for range n {
		m := &made{}
		m.transport = connectors.NewTransport(m, connectors.Limits{Class: v.Class, PerMinute: v.PerMinute})
		c, err := v.New(connectors.Settings{
			Tenant: "acme", Connection: v.Name, Endpoint: endpoint, Transport: m.transport,
			Auth: map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(token)},
		})
		if err != nil {
			tb.Fatal(err)
		}
		m.connector = c
		out = append(out, m)
	}
	outside = append(outside, out...)
	return out
}

// reading is a hub's runner at work on an org.
type reading struct {
	tb     testing.TB
	r      *connectors.Runner
	cancel context.CancelFunc
	done   chan error
}

// startReading starts a runner on what was made for it, with a breaker that never trips.
func startReading(tb testing.TB, vendor string, m *made, log connectors.Log, pace map[string]time.Duration) *reading {
	tb.Helper()
	r, err := connectors.NewRunner(connectors.Config{
		Tenant: "acme", Connection: vendor, Vendor: vendor, Hub: "hub", Connector: m.connector, Log: log, Transport: m.transport, Pace: pace,
		Breaker: connectors.Breaker{Max: 1e9, Share: 1},
	})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out := &reading{tb: tb, r: r, cancel: cancel, done: make(chan error, 1)}
	go func() { out.done <- r.Run(ctx) }()
	return out
}

// failing is a log that a hub can be killed at.
type failing struct {
	*eventlog.Log
	fail func(events.Append) error
}

func (f failing) Append(ctx context.Context, a events.Append) (events.Receipt, error) {
	if f.fail != nil {
		if err := f.fail(a); err != nil {
			return events.Receipt{}, err
		}
	}
	return f.Log.Append(ctx, a)
}

func (r *reading) stop() {
	r.cancel()
	if err := <-r.done; err != nil {
		r.tb.Errorf("the runner ended: %v", err)
	}
}

// caughtUp lets time pass until every feed has been caught up, and says how much.
func (r *reading) caughtUp(within time.Duration) time.Duration {
	r.tb.Helper()
	began := time.Now()
	for {
		st := r.r.Status()
		if st.CaughtUp() {
			return time.Since(began)
		}
		if time.Since(began) > within {
			r.tb.Fatalf("not caught up within %v: %+v", within, st)
		}
		time.Sleep(5 * time.Second)
	}
}
