package connectors

import (
	"context"
	"iter"

	"github.com/rollcallhq/rollcall/events"
)

// Log is the part of the event log that a runner uses. All methods are safe for concurrent use.
type Log interface {
	// Claim makes hub the only one that may append for the connection, until another claims it.
	Claim(ctx context.Context, tenant, connection, hub string) (events.Claim, error)

	// Cursor is a feed's place; the zero value with Sequence 0 when it has none.
	Cursor(ctx context.Context, tenant, connection, feed string) (events.Saved, error)

	// States yields the last event of every entity of the connection.
	States(ctx context.Context, tenant, connection string) iter.Seq2[events.Message, error]

	// Last is the last event about ref, if there is one.
	Last(ctx context.Context, tenant, connection string, ref events.Ref) (events.Message, bool, error)

	// Append stores all of the events and the cursor, or nothing. Its errors that matter here are [events.ErrFenced],
	// [events.ErrUncertain], [events.ErrEpoch] and [*events.TooLargeError]; after any other it may be called again with the same.
	Append(ctx context.Context, a events.Append) (events.Receipt, error)
}

// Lease lets one hub at a time read a connection. It saves vendor calls; what keeps the log right is the claim.
type Lease interface {
	// Acquire blocks until the lease is this hub's or ctx ends. lost is closed when the lease is lost; release gives it back.
	Acquire(ctx context.Context) (lost <-chan struct{}, release func(), err error)
}

// Approvals are where operators let a sweep through that the breaker has stopped.
type Approvals interface {
	// Approved is the approval that stands for the connection, if there is one.
	Approved(ctx context.Context) (Approval, bool, error)

	// Used withdraws an approval that has done its work. Withdrawing one that is gone is no error.
	Used(ctx context.Context, a Approval) error

	// Watch yields a value whenever there may be a new approval, and ends with ctx. It may be nil: then approvals are noticed
	// at the feed's next pass.
	Watch(ctx context.Context) <-chan struct{}
}
