// Package connectors holds the contract between Rollcall and a vendor's connector, and everything around a connector that is
// written once: the runner that paces, retries and fences, and the reconcile that turns readings into events.
//
// A connector reads one connection. It fetches pages of records over HTTP (impure) and normalizes records (pure). It never
// stores, schedules, retries or logs failures: the runner does, for all vendors alike.
package connectors

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
)

// Connector reads one connection. Both methods are safe for concurrent use, as are the feeds' Pull functions among each other;
// one feed is pulled by one goroutine at a time.
type Connector interface {
	// Feeds says what the connection reads, each feed with its own cursor and pace. The answer is the same at every call.
	Feeds() []Feed

	// Normalize turns one record into what it says. It is pure: the same record yields the same reading, in any year. It fails
	// only when the record is not what its type promises; the runner then keeps it as an unknown activity. It may keep no
	// reference to the record.
	Normalize(Record) (Reading, error)
}

// Prober is implemented by a connector that can check, with few calls and without changing anything, that its endpoint answers,
// its credentials work and it may see at all. The runner probes before the first pass of a start, and before it believes a pass
// that has shown nothing.
type Prober interface {
	Probe(ctx context.Context) error
}

// Feed is one thing that a connection reads: a delta, a list, an audit log.
type Feed struct {
	Name  string        // stable for ever: it names the cursor. [a-z0-9-]
	Kinds []events.Kind // what the feed is the source of: unknown, not none, while the feed cannot read

	// SignIns says that the feed tells of sign-ins, or of tokens that agents are given, so that an agent of which it tells none is unused.
	SignIns bool

	// Every is the pace once caught up, if the configuration sets no other.
	Every time.Duration

	// Passes is how many sealed passes in a row must miss an entity before it is held to be gone; 0 means one. Vendors whose
	// lists are eventually consistent need two.
	Passes int

	// Settle is how long after Passes missed it an entity must have been missing in all; zero where the vendor's lists are exact.
	Settle time.Duration

	// Led names the feed that tells of each change to this one's things as it happens. Then this one is an audit of what should be
	// known, and must not cost much: after a round of n calls it rests for n times CallEvery, if that is longer than Every. Alone
	// is its pace while the leading feed cannot read. Its cursor is nil between two rounds.
	Led       string
	CallEvery time.Duration
	Alone     time.Duration

	// Rests says that an audit asks for thing after thing. It goes on resting after a restart, for what is left of Every, and its
	// calls leave a quarter of the connection's share of a limit to the other feeds. A feed whose passes prove things gone
	// should begin one at each start instead.
	Rests bool

	// Pull reads one page. A nil cursor means from the start. It returns when the page is there, or with an error: a [*Fault]
	// for what the runner should know, anything else being transient. It does not retry and does not wait. When it fails, the
	// runner calls again with the same cursor.
	Pull func(ctx context.Context, from Cursor) (Page, error)
}

// Cursor is a feed's place at the vendor. Only the connector knows what is in it; the log keeps it with the page's events.
// It holds no secret.
type Cursor []byte

// Page is the answer to one pull.
type Page struct {
	Records []Record
	Next    Cursor // where to go on; nil: from the start
	More    bool   // ask again at once

	// Opens names the scopes of which a pass, a complete listing, begins with this page; Seals those of which it ends with
	// this page, every page having answered well and wholly. A scope that a listing turned out unable to show whole is not
	// sealed but named in Breaks. A pass is believed only when this process saw it from its opening to its seal.
	//
	// A name that ends in a slash stands for all scopes whose names begin with it, and for a listing of what they belong to rather than of
	// what is in them: of resources, where each scope is the policy of one. Its records show what is there by Reading.Keeps.
	Opens  []string
	Seals  []string
	Breaks []string

	// Blind says what the page could not see, for example the owners of agents because of a missing permission. It holds until
	// the feed's next page that is not in the middle of a pass.
	Blind []Blindness

	// Lost says that the feed lost track: what changed in some stretch of the past it cannot tell. The feeds that it leads begin
	// a round at once.
	Lost bool

	// Wakes names feeds to pull before their time, because something told of here is to be seen there.
	Wakes []string

	// Ahead is how many calls the rest of the round will take, as far as the feed can tell; 0 where it does not know.
	Ahead int
}

// Blindness is something that a connection cannot see.
type Blindness struct {
	Kinds  []events.Kind
	Reason string // what is missing and the cure; no ids that change from page to page
}

// Record is one vendor object or log entry, exactly as received.
type Record struct {
	Type string         // the connector's name for the shape: "ai_agent", "owners"
	Body jsontext.Value // as received; may hold secrets, so only the runner keeps it, redacted

	// Context holds what the body lacks and the request knew, such as the id of the agent whose owners these are.
	Context map[string]string

	// Asked is when the request began that brought the record (with the monotonic clock of time.Now), or when the pass began
	// if the vendor lists as of then. A reading that was asked for earlier never overwrites one asked for later.
	Asked time.Time
}

// Reading is what one record says.
type Reading struct {
	Entities   []events.Entity
	Tombstones []Tombstone
	Activities []events.Activity

	// Replaces names scopes that the record shows in full: whatever else the log holds in them is gone.
	Replaces []string

	// Keeps names scopes of which the record shows what they belong to, and nothing of what is in them: it is there still.
	Keeps []string

	// Actor, LogID and Note are evidence for all of the above, where a log entry told of it.
	Actor *events.Actor
	LogID string
	Note  string

	// At is when it happened by the vendor's clock, if the record says so.
	At time.Time
}

// Tombstone says that the vendor reported an identity or an entity as gone.
type Tombstone struct {
	Ref        events.Ref
	Restorable bool      // a soft delete
	Reason     string    // "soft-deleted", "removed from the directory"
	At         time.Time // by the vendor's clock; zero when it does not say
}
