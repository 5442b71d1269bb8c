// Package logtest is the suite that every implementation of Rollcall's log passes: the log on JetStream, and its twin in memory.
//
// [Run] needs a [Subject] per case, which opens handles on one log and can break it: lose a request or an acknowledgement, restart
// the server, put an earlier state of it back. Every guarantee has a case that fails when it is broken.
package logtest

import (
	"context"
	"iter"
	"testing"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// Log is what the suite asks of a log.
type Log interface {
	Claim(ctx context.Context, tenant, connection, hub string) (events.Claim, error)
	Cursor(ctx context.Context, tenant, connection, feed string) (events.Saved, error)
	States(ctx context.Context, tenant, connection string) iter.Seq2[events.Message, error]
	Last(ctx context.Context, tenant, connection string, ref events.Ref) (events.Message, bool, error)
	Append(ctx context.Context, a events.Append) (events.Receipt, error)
	Read(ctx context.Context, q events.Query) iter.Seq2[events.Message, error]
	Stored(ctx context.Context, q events.Query) iter.Seq2[events.Stored, error]
	Places(ctx context.Context) ([]events.Place, error)
	End(ctx context.Context) (events.Position, error)
	First(ctx context.Context) (events.Position, error)
	Count(ctx context.Context) (uint64, error)
	Thin(ctx context.Context, subject string, upTo uint64) error
	Epoch() eventlog.Epoch
	Survived(ctx context.Context, epoch string) (uint64, bool, error)
	Restored() (eventlog.Restored, bool)
	ForgetCursors(ctx context.Context, reason string) error
	Seen() events.Position
	Close()
}

// Loss is what becomes of a batch on its way.
type Loss int

// The losses.
const (
	LoseRequest Loss = iota // it never arrives
	LoseAck                 // it is stored, and the acknowledgement never arrives
)

// Subject is one log under test, empty at first.
type Subject interface {
	// Open opens a handle on the log as a hub of its own. The suite closes it.
	Open(t *testing.T, seen ...events.Position) Log

	// Lose lets the next batch that is sent meet its loss; the connection may break over it.
	Lose(t *testing.T, what Loss)

	// Lost is how often that has happened.
	Lost() int

	// Restart takes the server away and brings it back.
	Restart(t *testing.T)

	// Snapshot remembers the log's state, and Restore puts it back in its place.
	Snapshot(t *testing.T)
	Restore(t *testing.T)

	// MaxPayload is the largest message in bytes.
	MaxPayload() int
}

// Run runs the suite; fresh makes the subject of one case and cleans up after it.
func Run(t *testing.T, fresh func(t *testing.T) Subject) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := &counting{Subject: fresh(t)}
			c.run(t, s)
			if s.Lost() != s.asked {
				t.Errorf("%d losses were asked for, and %d happened", s.asked, s.Lost())
			}
		})
	}
}

// counting counts the losses asked for, so that a case cannot pass because nothing was lost.
type counting struct {
	Subject
	asked int
}

func (c *counting) Lose(t *testing.T, what Loss) {
	c.asked++
	c.Subject.Lose(t, what)
}

var cases = []struct {
	name string
	run  func(*testing.T, Subject)
}{
	{"append and read back", appendAndRead},
	{"the receipt is the next expectation", receipts},
	{"an append without events renews the claim", quietAppend},
	{"when a feed was whole is part of its place", wholeness},
	{"an event alone", singleEvent},
	{"events of another connection are refused", foreignEvents},
	{"a stale cursor is refused whole", staleCursor},
	{"a stale claim is refused whole", staleClaim},
	{"a stale claim moves no cursor", staleClaimQuiet},
	{"a repeated append is refused whole", repeated},
	{"two writers racing", racing},
	{"the acknowledgement is lost", lostAck},
	{"the acknowledgement of an append without events is lost", lostAckQuiet},
	{"the request is lost", lostRequest},
	{"the acknowledgement of a claim is lost", lostAckClaim},
	{"the acknowledgement is lost and the claim taken", lostAckFenced},
	{"a page of several batches", manyBatches},
	{"a crash between batches", crashBetween},
	{"a crash inside a batch", crashInside},
	{"a crash before the acknowledgement is read", crashSent},
	{"an event too large", oversized},
	{"a server restart in the middle", restart},
	{"a reading that follows lives through a restart", followRestart},
	{"a shorter log is a new epoch", shorterLog},
	{"a running hub notices a shorter log", shorterWhileRunning},
	{"a reader notices a shorter log", shorterWhileReading},
	{"a waiting reader notices a shorter log", shorterUnderAReader},
	{"a hub that claims notices a shorter log", shorterWhileClaiming},
	{"a caller's mark finds a shorter log", shorterByCaller},
	{"an emptied log is a new epoch", emptied},
	{"the same log is the same epoch", sameEpoch},
	{"forgotten cursors", forget},
	{"the chain holds", chain},
	{"states", states},
	{"last", last},
	{"read by address and type", readFilters},
	{"the places of all feeds can be listed", places},
	{"read by sequence", readBounds},
	{"read by time", readTimes},
	{"read the last only", readLastOnly},
	{"thin", thin},
	{"read nothing", readNothing},
	{"following", following},
	{"concurrent readers", concurrent},
	{"a reader that stops early", stopEarly},
}
