package eventlog_test

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// TestDamage alters one event in the middle. Its reader is told, and gets what comes after.
func TestDamage(t *testing.T) {
	s := eventlog.NewShaky()
	l := openShaky(t, s)
	c, err := l.Claim(t.Context(), "acme", "okta", "hub1")
	if err != nil {
		t.Fatal(err)
	}
	w := &signer{log: l, last: events.Receipt{Claim: c}}
	w.pages(t, 1)
	s.Damage()
	w.pages(t, 1)
	good, bad := 0, 0
	for m, err := range l.Read(t.Context(), events.Query{}) {
		var damage *events.DamageError
		switch {
		case err == nil:
			good++
		case errors.As(err, &damage) && damage.Position == m.Position && good == 19:
			bad++
		default:
			t.Fatalf("after %d events: %v", good, err)
		}
	}
	if good != 39 || bad != 1 {
		t.Errorf("%d events are good and %d bad, want 39 and 1", good, bad)
	}
}

// TestStreamIsMadeAgain takes the stream away while the mark of what was seen stays.
func TestStreamIsMadeAgain(t *testing.T) {
	nc := newReal(t).connect(t)
	l, err := eventlog.Open(patient(t), nc, eventlog.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Claim(patient(t), "acme", "okta", "hub1")
	if err != nil {
		t.Fatal(err)
	}
	w := &signer{log: l, last: events.Receipt{Claim: c}}
	w.pages(t, 1)
	l.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(patient(t), eventlog.DefaultStream); err != nil {
		t.Fatal(err)
	}
	again, err := eventlog.Open(patient(t), nc, eventlog.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if r, ok := again.Restored(); !ok || r.Old != w.last.Position || r.Resumed != 0 {
		t.Errorf("restored is %+v, %v; want it to begin from %v", r, ok, w.last.Position)
	}
}
