package connectors

import (
	"errors"
	"fmt"
	"time"
)

// FaultKind is a kind of failure that the runner treats in its own way. Every other error is transient: the runner retries it
// with backoff.
type FaultKind int

// The kinds of faults.
const (
	// CursorExpired: the vendor no longer knows the cursor. The feed starts from nil; what the new pass does not show is gone.
	CursorExpired FaultKind = iota + 1

	// Unauthorized: the credentials do not work. Nothing of the connection can be read until they are mended.
	Unauthorized

	// Forbidden: this feed may not be read (a permission, a role, a licence, a feature that is off, an endpoint that is not
	// there). Its entities are unknown, not gone; the other feeds go on.
	Forbidden

	// RateLimited: ask again after Fault.After.
	RateLimited

	// Gone: the thing that was asked for is no more, where that is no answer about a single record but about the whole feed.
	Gone
)

func (k FaultKind) String() string {
	switch k {
	case CursorExpired:
		return "cursor expired"
	case Unauthorized:
		return "unauthorized"
	case Forbidden:
		return "forbidden"
	case RateLimited:
		return "rate limited"
	case Gone:
		return "gone"
	}
	return "transient"
}

// Fault is an error that the runner knows how to treat.
type Fault struct {
	Kind  FaultKind
	After time.Duration // RateLimited: how long to wait, by the vendor's word; 0: it did not say
	Cure  string        // what a person can do about it: "grant the application AgentIdentity.Read.All and admin consent"
	Err   error         // what the vendor answered, without secrets
}

func (f *Fault) Error() string {
	s := f.Kind.String()
	if f.Err != nil {
		s = fmt.Sprintf("%s: %v", s, f.Err)
	}
	if f.Cure != "" {
		s += "; " + f.Cure
	}
	return s
}

// Unwrap returns what the vendor answered.
func (f *Fault) Unwrap() error { return f.Err }

// AsFault finds the fault in err, or nil when err is transient.
func AsFault(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}
