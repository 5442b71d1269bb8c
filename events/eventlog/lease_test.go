package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// patience bounds what must happen in the end.
const patience = 60 * time.Second

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func leases(t *testing.T, r *real, ttl time.Duration) *eventlog.Leases {
	t.Helper()
	l, err := eventlog.NewLeases(patient(t), r.connect(t), ttl)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func acquire(t *testing.T, l *eventlog.Leases, holder string) *eventlog.Lease {
	t.Helper()
	lease, err := l.Acquire(patient(t), "acme.okta main", holder)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func mustHold(t *testing.T, l *eventlog.Lease) {
	t.Helper()
	select {
	case <-l.Lost():
		t.Fatal("the lease is lost")
	default:
	}
}

func mustLose(t *testing.T, l *eventlog.Lease) {
	t.Helper()
	select {
	case <-l.Lost():
	case <-patient(t).Done():
		t.Fatal("the lease is still held")
	}
}

func TestLeaseIsHeldByOne(t *testing.T) {
	r := newReal(t)
	const ttl = time.Second
	first := acquire(t, leases(t, r, ttl), "hub1")
	second := leases(t, r, ttl)
	ctx, cancel := context.WithTimeout(patient(t), 3*ttl)
	defer cancel()
	if _, err := second.Acquire(ctx, "acme.okta main", "hub2"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("while it is held and renewed: %v", err)
	}
	mustHold(t, first)
	if other, err := second.Acquire(patient(t), "acme.google", "hub2"); err != nil {
		t.Fatal(err)
	} else if err := other.Release(patient(t)); err != nil {
		t.Fatal(err)
	}
}

func TestLeaseIsReleased(t *testing.T) {
	r := newReal(t)
	// A lease of an hour: the standby must learn of the release, not of the end.
	first, standby := acquire(t, leases(t, r, time.Hour), "hub1"), leases(t, r, time.Hour)
	taken := make(chan *eventlog.Lease)
	go func() {
		l, err := standby.Acquire(patient(t), "acme.okta main", "hub2")
		if err != nil {
			t.Errorf("standby: %v", err)
		}
		taken <- l
	}()
	for range 2 {
		if err := first.Release(patient(t)); err != nil {
			t.Fatal(err)
		}
	}
	mustLose(t, first)
	second := <-taken
	if err := first.Release(patient(t)); err != nil {
		t.Error(err)
	}
	mustHold(t, second)
}

func TestLeaseOfTheDeadIsTaken(t *testing.T) {
	r := newReal(t)
	nc := r.connect(t)
	dead, err := eventlog.NewLeases(patient(t), nc, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	first := acquire(t, dead, "hub1")
	nc.Close()
	second := acquire(t, leases(t, r, time.Second), "hub2")
	mustLose(t, first)
	mustHold(t, second)
}

func TestLeaseEndsWithItsServer(t *testing.T) {
	r := newReal(t)
	first := acquire(t, leases(t, r, time.Second), "hub1")
	standby := leases(t, r, time.Second)
	r.Restart(t) // leases are kept in memory
	second := acquire(t, standby, "hub2")
	mustLose(t, first)
	mustHold(t, second)
	if err := second.Release(patient(t)); err != nil {
		t.Error(err)
	}
}

// The answer to one renewal is lost, or comes too late: that the lease was renewed is seen in time.
func TestLeaseOutlivesALostAnswer(t *testing.T) {
	l, d := tamperedLeases(t, 6*time.Second)
	lease := acquire(t, l, "hub1")
	renewals := make(chan int, 100)
	n := 0
	d.tamper(func(_ *tamperedConn, b []byte) []byte {
		if !bytes.Contains(b, []byte("HPUB $KV."+eventlog.LeaseBucket+".")) {
			return b
		}
		if n++; n == 1 {
			b = bytes.ReplaceAll(b, []byte(" _INBOX."), []byte(" _WRONG."))
		}
		renewals <- n
		return b
	})
	for seen := 0; seen < 3; { // the third renewal is of a lease that the second has renewed
		select {
		case seen = <-renewals:
		case <-lease.Lost():
			t.Fatalf("the lease is lost after %d renewals", seen)
		}
	}
	if err := lease.Release(patient(t)); err != nil {
		t.Error(err)
	}
}

// Whoever waits for a lease asks again when nobody answers, as in a cluster without a leader, with time that is left.
func TestLeaseIsAskedForAgain(t *testing.T) {
	for name, lost := range map[string][2]string{
		"watching": {"$JS.API.CONSUMER.CREATE.", "$JS.API.CONSUMER.FORGET."},
		"taking":   {" _INBOX.", " _WRONG."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, d := tamperedLeases(t, time.Second)
			d.tamper(func(_ *tamperedConn, b []byte) []byte {
				if name == "taking" && !bytes.Contains(b, []byte("HPUB $KV.")) || !bytes.Contains(b, []byte(lost[0])) {
					return b
				}
				d.tamper(nil)
				return bytes.ReplaceAll(b, []byte(lost[0]), []byte(lost[1]))
			})
			mustHold(t, acquire(t, l, "hub1"))
		})
	}
}

// tamperedLeases are leases over a connection that can be tampered with.
func tamperedLeases(t *testing.T, ttl time.Duration) (*eventlog.Leases, *tamperer) {
	t.Helper()
	r, d := newReal(t), &tamperer{}
	nc, err := nats.Connect(r.proxy.url(), nats.SetCustomDialer(d))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	l, err := eventlog.NewLeases(patient(t), nc, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return l, d
}
