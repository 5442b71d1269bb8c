package connectortest

import (
	"errors"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
)

// Harness is how the suite gets at a connector and its vendor.
type Harness struct {
	// New makes a vendor with some agents, at least three of them active, and a connector that reads it. It is called for each
	// case. Whatever it starts it ends with t.Cleanup.
	New func(t *testing.T) (connectors.Connector, Control)

	// Lacks names what the vendor or this connector does not have. Everything else is tested.
	Lacks []Lack

	// Patience is how long the suite waits for what must come in the end; default 30 seconds.
	Patience time.Duration
}

// Lack is an [Op] or a [FaultKind] that a vendor does not have.
type Lack string

func (h *Harness) lacks(what string) bool {
	for _, l := range h.Lacks {
		if string(l) == what {
			return true
		}
	}
	return false
}

// Control is the suite's hand on the vendor. It is safe for concurrent use. A sandbox is adapted to it in a few lines: the
// words for operations and faults are the same.
type Control interface {
	// Mutate makes one change at the vendor, to an agent of the vendor's choice, and returns the agent's id. It fails with
	// ErrCannot when nothing fits.
	Mutate(op Op) (id string, err error)

	// Inject plays a fault on the vendor's answers, beside those that are played already, until it has hit Times requests.
	Inject(f Fault)

	// ClearFaults ends all faults.
	ClearFaults()

	// ExpireCursors makes the vendor forget every cursor that it has handed out.
	ExpireCursors()

	// Truth lists the agents that the connector should see now: not those that are deleted, restorable or not.
	Truth() []Identity

	// Secrets are strings that must show up nowhere: tokens, keys, client secrets.
	Secrets() []string
}

// ErrCannot says that nothing fits a change.
var ErrCannot = errors.New("nothing at the vendor fits this change")

// Identity is an agent as the vendor has it.
type Identity struct {
	ID          string // the holder id
	Name        string
	Status      string   // as in events.Status
	Stewards    []string // keys of its stewardships, sorted; nil: not compared
	Credentials []string // keys of its credentials, sorted; nil: not compared
}

// Op is a change at the vendor.
type Op string

// The changes.
const (
	Create  Op = "agent.create"
	Disable Op = "agent.disable"
	Enable  Op = "agent.enable"
	Delete  Op = "agent.delete"
	Restore Op = "agent.restore" // undoes a Delete
	Rename  Op = "agent.rename"
)

// Fault is a misbehaviour of the vendor.
type Fault struct {
	Kind  FaultKind
	Times int           // how many requests it hits; 0: until cleared
	Every int           // only each nth request; 0 and 1: each one
	After time.Duration // RateLimit: what the vendor says to wait; Slow: the delay
}

// FaultKind names a misbehaviour.
type FaultKind string

// The faults.
const (
	RateLimit    FaultKind = "rate_limit"
	ServerError  FaultKind = "server_error"
	BadGateway   FaultKind = "html"
	Unauthorized FaultKind = "unauthorized"
	Forbidden    FaultKind = "forbidden"
	Truncated    FaultKind = "truncated"
	Reset        FaultKind = "reset"
	Slow         FaultKind = "slow"
	EmptyOK      FaultKind = "empty" // 200 and an empty list, as for one who may not see
	Expired      FaultKind = "expired"
)
