package connectors

import (
	"net/http"
	"time"
)

// MaxPush bounds the body of a vendor's push, in bytes.
const MaxPush = 1 << 20

// Pushed is implemented by a connector whose vendor can push: event hooks, change notifications, Pub/Sub. A push is a nudge
// that wakes a feed before its time, and nothing more: what it tells is read again at the vendor, and one that is lost, late,
// repeated or forged costs a poll at most.
//
// The hub bounds a request from outside: the time to read it, the size of its header and of its body ([MaxPush]; reading on
// fails with an [http.MaxBytesError]), how many there are at once, and how often feeds are woken. It contains panics. It holds
// the answer back until Receive returns, and answers 503 in its place when feeds are to be woken that another hub reads.
//
// The connector bounds what it keeps between requests, believes nothing without the secret of [Hook], and neither keeps nor
// logs what a push holds.
type Pushed interface {
	// Receive answers one request of the vendor's, and names the feeds to wake: none for what it does not believe, or has
	// taken before. It does no I/O but to read the request, and does not wait, because vendors give up after seconds. It is
	// safe for concurrent use. A connection without a hook answers 503.
	Receive(w http.ResponseWriter, r *http.Request) (wake []string)
}

// Hook is how the vendor proves that a push is its own. The zero Hook says that none is configured.
type Hook struct {
	Secret Secret // what both sides know
	Header string // the request's header that holds it; empty: the vendor's default
}

// HookStatus is how the vendor's pushes do. Counts are since the hub began with the connection.
type HookStatus struct {
	Deliveries int64     `json:"deliveries"`       // taken; a GET, by which vendors verify an address, is none
	Refused    int64     `json:"refused"`          // answered with anything but success: forged, broken, too large, or for another hub
	LastAt     time.Time `json:"last_at,omitzero"` // when the last one was taken
}
