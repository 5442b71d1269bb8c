package events

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Position is a place in the log. Sequences of different epochs do not compare: the log was restored in between.
type Position struct {
	Epoch    string `json:"epoch"`
	Sequence uint64 `json:"sequence"`
}

// String is "<epoch>:<sequence>".
func (p Position) String() string { return p.Epoch + ":" + strconv.FormatUint(p.Sequence, 10) }

// ParsePosition reads what String wrote.
func ParsePosition(s string) (Position, error) {
	epoch, seq, ok := strings.Cut(s, ":")
	n, err := strconv.ParseUint(seq, 10, 64)
	if !ok || err != nil || epoch == "" {
		return Position{}, fmt.Errorf("position %q is not of the form epoch:sequence", s)
	}
	return Position{Epoch: epoch, Sequence: n}, nil
}

// Message is an event where it lies in the log.
type Message struct {
	Event    Event
	Position Position
	Stored   time.Time // by the server's clock
	Prev     string    // hash of the event before it in its feed's chain
	Hash     string
	Pending  uint64 // at least how many more messages the reader's query had waiting when this one was delivered
}

// Query selects a stretch of the log.
type Query struct {
	Filter
	From      uint64    // first sequence; 0: from the start
	To        uint64    // last sequence; 0: to the end
	FromTime  time.Time // stored at or after; zero: no bound
	ToTime    time.Time // stored at or before; zero: no bound
	LastOnly  bool      // only the last event of each subject within the bounds
	Following bool      // go on for ever with what is appended; To and ToTime are not used
}

// Claim is a hub's right to write a connection's events. It is lost when another hub claims the connection.
type Claim struct {
	Tenant     string    `json:"tenant"`
	Connection string    `json:"connection"`
	Hub        string    `json:"hub"` // the hub's id, new at each start
	Time       time.Time `json:"time"`
	Sequence   uint64    `json:"-"` // of the claim's message: the fencing token
}

// Saved is a feed's place, as the log keeps it.
type Saved struct {
	// Cursor is the connector's own secret; nil means from the start.
	Cursor []byte `json:"cursor,omitzero"`

	// Head is the hash of the last event that the feed appended, empty before the first.
	Head string `json:"head,omitzero"`

	// Events counts what the feed has appended, ever.
	Events uint64 `json:"events"`

	// Done holds the ids of activities that were appended from a page of which a crash left the rest to do. The page is read again
	// from Cursor, and these are left out.
	Done []string `json:"done,omitzero"`

	// Whole is when a round of the feed ended, if it did with this place and the feed rests between rounds through restarts.
	Whole time.Time `json:"whole,omitzero"`

	// Again says that another round is to follow at once the one that stands at this place.
	Again bool `json:"again,omitzero"`

	Time     time.Time `json:"time"`
	Sequence uint64    `json:"-"` // of the cursor's message; 0: the feed has none
}

// Place is a feed and its place.
type Place struct {
	Tenant, Connection, Feed string
	Saved
}

// Append is what a feed's page adds to the log: all of Events, then Cursor as the feed's new place.
type Append struct {
	Claim  Claim
	Feed   string
	Expect Saved // the feed's place as the writer knows it
	Events []Event
	Cursor []byte
	Whole  time.Time // for Saved.Whole
	Again  bool      // for Saved.Again
}

// Receipt says what the log holds after an append.
type Receipt struct {
	Saved    Saved    // the feed's new place, to be expected by the next append
	Claim    Claim    // the claim to use from now on; an append without events renews it
	Position Position // of the last message appended
}

// The errors of the log that a writer branches on.
var (
	// ErrFenced: another hub has claimed the connection, or has moved the feed's cursor. Nothing was stored. Become a standby.
	ErrFenced = errors.New("another hub writes this connection now")

	// ErrUncertain: the log did not answer, and whether the append was stored could not be found out. Read claim, cursor
	// and states again before going on.
	ErrUncertain = errors.New("the log did not answer: it is not known whether the append was stored")

	// ErrTooNew: the event was written by a later version of this program.
	ErrTooNew = errors.New("a newer version of rollcall wrote it: use that one")

	// ErrEpoch: the log came back shorter than it was. Everything derived from it must be read again.
	ErrEpoch = errors.New("the log was restored to an earlier state")
)

// DamageError says that a message of the log cannot be trusted or read: its bytes do not fit its hash, or are no event. The
// messages around it can be read.
type DamageError struct {
	Position Position
	Subject  string // NATS's
	Err      error
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("message %d of the log (%s): %v", e.Position.Sequence, e.Subject, e.Err)
}

// Unwrap returns what is wrong.
func (e *DamageError) Unwrap() error { return e.Err }

// Damaged reports whether err stands for one damaged message, which may be passed over. An event of a version that this program
// is too old for is not damaged.
func Damaged(err error) bool {
	var d *DamageError
	return errors.As(err, &d) && !errors.Is(err, ErrTooNew)
}

// TooLargeError says that one event is larger than the server takes. Nothing of the append was stored.
type TooLargeError struct {
	Index       int // in Append.Events
	Size, Limit int // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("event %d has %d bytes, more than the %d that the server takes: raise the server's max_payload", e.Index, e.Size, e.Limit)
}
