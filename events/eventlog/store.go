package eventlog

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// record is one message of the stream, to be written or as read.
type record struct {
	subject string
	body    []byte

	// What headers carry.
	feed       string        // of events: which feed appended them
	prev, hash string        // of events: their place in the feed's chain
	id         string        // of cursors and claims: which write made them
	rollup     bool          // this message replaces all before it on its subject
	ttl        time.Duration // 0: kept for ever
	expect     *expect       // writing: refuse the whole batch unless it holds

	// What the server gives.
	seq     uint64
	time    time.Time
	pending uint64 // how many more the same reading had waiting
}

// expect is a condition on a batch: the last message of the subject has this sequence; 0: it has none.
type expect struct {
	subject  string
	sequence uint64
}

// stretch selects records. The records of one reading come in the order of their sequences.
type stretch struct {
	filters []string // NATS subjects, any of them
	from    uint64   // first sequence
	to      uint64   // last sequence; 0: at least to the end as it was when the reading began
	last    bool     // only the last of each subject
	follow  bool     // never end
	bare    bool     // without bodies
}

// store is where a Log keeps its records: JetStream, or this process's memory.
type store interface {
	// commit stores all records in order, or none. It returns the sequence of the last. Its errors are errRefused, errAgain,
	// errUnanswered (wrapped), or final.
	commit(ctx context.Context, batch []record) (uint64, error)

	// last returns the last record of a subject, as new as the last acknowledged commit but for lag.
	last(ctx context.Context, subject string) (record, bool, error)

	// at returns the record at a sequence.
	at(ctx context.Context, seq uint64) (record, bool, error)

	// read yields a stretch. An error ends it.
	read(ctx context.Context, s stretch) iter.Seq2[record, error]

	// state returns the first and last sequence of the stream, as new as the last acknowledged commit but for lag.
	state(ctx context.Context) (first, last uint64, err error)

	// remove takes a subject's records before a sequence out.
	remove(ctx context.Context, subject string, before uint64) error

	// count returns how many records match.
	count(ctx context.Context, filter string) (uint64, error)

	// since returns the first sequence stored at or after t; after the last one, if none was.
	since(ctx context.Context, t time.Time) (uint64, error)

	// mark and setMark keep the highest position seen, outside of the stream.
	mark(ctx context.Context) (events.Position, error)
	setMark(ctx context.Context, p events.Position) error

	// limit is the largest message in bytes, headers included; size is what a record takes of it.
	limit() int
	size(r *record) int

	// lag is how long after a change of leaders a reading may miss what was acknowledged; 0: never, the store has one server.
	lag() time.Duration

	// outages counts how often the server went away; lost is closed at the next time.
	outages() (n uint64, lost <-chan struct{})

	close()
}

// What can become of a commit.
var (
	errRefused    = errors.New("a condition of the batch does not hold") // nothing stored
	errAgain      = errors.New("the server did not take the batch")      // nothing stored, and it may work in a moment
	errUnanswered = errors.New("the server did not answer")              // stored or not
)
