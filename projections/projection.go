// Package projections turns the log into views. A projection is code that folds events into documents; [Run] feeds it the log
// in order and writes what changed, together with its checkpoint, in one atomic batch, so that a view never runs ahead of
// what it claims to reflect, nor behind.
package projections

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/rollcallhq/rollcall/events"
)

// Projection folds events into documents. It is used by one goroutine. It is deterministic: no clock, no network, no map order;
// the same events in the same order yield the same documents, byte for byte.
type Projection interface {
	// Load takes a document that an earlier run has written. All are loaded before the first Apply, in any order.
	Load(Document) error

	// Apply folds one event. Events come in the order of the log; one that was applied before changes nothing.
	Apply(events.Message) error

	// Dirty is how many documents have changed since the last Drain.
	Dirty() int

	// Drain returns the documents that changed since the last Drain, ordered by key.
	Drain() ([]Document, error)

	// Check says which of its own invariants is broken, if any. It costs as much as the view is large.
	Check() error
}

// Document is one entry of a view. Keys are of the letters [A-Za-z0-9_=-] in parts joined by dots; see [Key].
type Document struct {
	Key  string
	Body []byte // JSON; nil: the document is gone
}

// Checkpoint says how far a view reflects the log.
type Checkpoint struct {
	events.Position        // of the last event that the view reflects
	Version         int    `json:"version"`              // of the fold that wrote the view
	Rebuilding      bool   `json:"rebuilding,omitempty"` // the view is being written anew and is not whole
	Heard           uint64 `json:"heard,omitempty"`      // revision of what had been heard of the view's projection
	Revision        uint64 `json:"-"`                    // the checkpoint's own place in the view, for compare-and-set
}

// ErrSuperseded says that another instance has moved the checkpoint: nothing of the commit was written.
var ErrSuperseded = errors.New("another hub keeps this view now")

// View is where the documents of one projection live.
type View interface {
	// Checkpoint returns the zero checkpoint for a view that was never written.
	Checkpoint(ctx context.Context) (Checkpoint, error)

	// Documents yields every document.
	Documents(ctx context.Context) iter.Seq2[Document, error]

	// Commit writes docs and the checkpoint next, all or nothing, if the view's checkpoint still has expect's revision; else it
	// fails with [ErrSuperseded]. It returns next with its revision. At most [MaxBatch] documents.
	Commit(ctx context.Context, expect, next Checkpoint, docs []Document) (Checkpoint, error)
}

// Log is what a projection reads.
type Log interface {
	End(ctx context.Context) (events.Position, error)
	Read(ctx context.Context, q events.Query) iter.Seq2[events.Message, error]
}

// MaxBatch is how many documents one commit takes: the server's limit of 1,000 messages in a batch, less the checkpoint and
// some room for an event that changes several documents.
const MaxBatch = 900

// Key joins parts to a document's key. Parts are encoded as [events.Token] does, with '=' for '%', which a KV key cannot hold.
func Key(parts ...string) string {
	n := len(parts)
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, n)
	for i, p := range parts {
		if i > 0 {
			b = append(b, '.')
		}
		for _, c := range []byte(events.Token(p)) {
			if c == '%' {
				c = '='
			}
			b = append(b, c)
		}
	}
	return string(b)
}

func checkKey(key string) error {
	for i := range len(key) {
		c := key[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-', c == '=':
		case c == '.' && i > 0 && i < len(key)-1 && key[i-1] != '.':
		default:
			return fmt.Errorf("document key %q is not made by Key", key)
		}
	}
	if key == "" {
		return errors.New("document key is empty")
	}
	return nil
}
