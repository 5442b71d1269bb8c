package replay

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// How roster and vendor disagree.
const (
	DriftMissing = "missing" // the vendor has it, the roster does not
	DriftExtra   = "extra"   // the roster has it, the vendor does not
	DriftDiffers = "differs" // both have it, and it is not the same
)

// The likely causes of a drift.
const (
	CauseNotReadYet  = "not_read_yet" // it changed after its feed was last read
	CauseBlind       = "blind"        // its feed may not see it
	CauseFailing     = "failing"      // its feed, or the one that tells of changes, fails
	CauseHeld        = "held"         // the breaker holds back that it is gone
	CauseDoubted     = "doubted"      // the listing that no longer has it is not believed
	CauseStopped     = "stopped"      // no hub reads the connection
	CauseUnreadable  = "unreadable"   // this reading could not see it: no drift is proven
	CauseChanging    = "changing"     // it changed while it was read: no drift is proven
	CauseUnexplained = "unexplained"  // its feeds have been read since
)

// Drift is one thing in which roster and vendor disagree.
type Drift struct {
	Tenant     string         `json:"tenant"`
	Connection string         `json:"connection"`
	Holder     string         `json:"holder"`        // the vendor's id of the identity
	Name       string         `json:"name,omitzero"` // of an agent or blueprint; never a person's
	Kind       events.Kind    `json:"kind"`
	Key        string         `json:"key"`
	How        string         `json:"how"`
	Fields     []FieldDiff    `json:"fields,omitempty"` // differs: from what the roster has to what the vendor has
	Value      jsontext.Value `json:"value,omitzero"`   // of a thing that one of the two has
	Cause      string         `json:"cause"`
	Why        string         `json:"why"`     // the cause in words
	Certain    bool           `json:"certain"` // false: roster and vendor may agree
}

// DriftReport is what a comparison of the roster with the vendors has found.
type DriftReport struct {
	Identities int      `json:"identities"` // that were compared
	Drift      []Drift  `json:"drift"`      // ordered by tenant, connection, identity, kind and key
	Unread     []Unread `json:"unread"`     // connections of which nothing is proven
}

// Unread is a connection that could not be read for the comparison.
type Unread struct {
	Tenant     string `json:"tenant"`
	Connection string `json:"connection"`
	Why        string `json:"why"`
}

// Certain counts the drifts that are proven.
func (r *DriftReport) Certain() int {
	n := 0
	for _, d := range r.Drift {
		if d.Certain {
			n++
		}
	}
	return n
}

// Watched is how a hub reads a connection, as far as a drift may be due to it.
type Watched struct {
	Tenant, Connection string

	Gone    string // why no hub reads it; empty: one does
	State   string // of the connection, with the reason if that is not its usual one
	HeldBy  string // the feed of which the breaker holds a sweep back
	HeldWhy string // and what to do
	Feeds   []WatchedFeed
}

// WatchedFeed is how a feed does.
type WatchedFeed struct {
	Name       string
	Trouble    string    // why it does not read; empty: it does
	Doubt      string    // of which listing nothing is held to be gone, and why
	CaughtUpAt time.Time // as of when its picture is; zero: it was never caught up
	Every      time.Duration
}

// Drifting is what is compared to find drift.
type Drifting struct {
	Before, After roster.Reader // the roster before and after the vendors were read
	Vendors       roster.Reader // what the vendors have, read in full
	Ended         time.Time     // when that reading ended
	Tenant        string        // of one tenant; empty: of all
	Read          [][2]string   // the connections that were read, by tenant and name
	Watched       []Watched
}

// FindDrift compares the roster with what the vendors have, identity by identity: what each is, and what hangs on it. Persons are only those
// that both know, and only whether they are active: whom nothing names any more, no vendor lists.
func FindDrift(ctx context.Context, d Drifting) (DriftReport, error) {
	r := DriftReport{Drift: []Drift{}, Unread: []Unread{}}
	vendors, err := identities(ctx, d.Vendors, d.Tenant)
	if err != nil {
		return r, err
	}
	var found [2]map[string]Drift
	for n, side := range []roster.Reader{d.Before, d.After} {
		ours, err := identities(ctx, side, d.Tenant)
		if err != nil {
			return r, err
		}
		if found[n], r.Identities, err = compareIdentities(ours, vendors, d.Read); err != nil {
			return r, err
		}
	}
	c := causes{ended: d.Ended, watched: map[[2]string]*Watched{}}
	for n := range d.Watched {
		c.watched[[2]string{d.Watched[n].Tenant, d.Watched[n].Connection}] = &d.Watched[n]
	}
	if c.ours, err = d.After.Coverage(ctx, d.Tenant); err != nil {
		return r, err
	}
	if c.theirs, err = d.Vendors.Coverage(ctx, d.Tenant); err != nil {
		return r, err
	}
	for _, at := range slices.Sorted(maps.Keys(found[1])) { // what the hub has caught up with meanwhile is none
		x := found[1][at]
		was, before := found[0][at]
		changing := !before || x.How != was.How || !slices.EqualFunc(x.Fields, was.Fields, sameField)
		x.Cause, x.Why = c.of(&x, vendors[identityKey(x.Tenant, x.Connection, x.Holder)], changing)
		x.Certain = x.Cause != CauseUnreadable && x.Cause != CauseChanging
		r.Drift = append(r.Drift, x)
	}
	return r, nil
}

func sameField(a, b FieldDiff) bool {
	return a.Name == b.Name && string(a.From) == string(b.From) && string(a.To) == string(b.To)
}
