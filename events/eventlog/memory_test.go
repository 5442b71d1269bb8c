package eventlog_test

import (
	"testing"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/events/eventlog/logtest"
)

// shaky is the suite's view of a log in memory.
type shaky struct{ store *eventlog.Shaky }

func (s shaky) Open(t *testing.T, seen ...events.Position) logtest.Log {
	t.Helper()
	l, err := eventlog.OpenShaky(s.store, seen...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (s shaky) Lose(_ *testing.T, what logtest.Loss) {
	if what == logtest.LoseAck {
		s.store.LoseNext("ack")
	} else {
		s.store.LoseNext("request")
	}
}

func (s shaky) Lost() int           { return s.store.Lost() }
func (s shaky) Restart(*testing.T)  { s.store.Outage() }
func (s shaky) Snapshot(*testing.T) { s.store.Snapshot() }
func (s shaky) Restore(*testing.T)  { s.store.Restore() }
func (s shaky) MaxPayload() int     { return 1 << 20 }

func TestMemory(t *testing.T) {
	logtest.Run(t, func(*testing.T) logtest.Subject { return shaky{eventlog.NewShaky()} })
}
