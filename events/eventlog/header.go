package eventlog

import (
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
)

// The headers of Rollcall's own.
const (
	FeedHeader  = "Rollcall-Feed"  // of events: the feed that appended them, encoded as a token
	PrevHeader  = "Rollcall-Prev"  // of events: hash of the event before it in its feed's chain; missing for the first
	HashHeader  = "Rollcall-Hash"  // of events: SHA-256 over Prev and the body, 64 hex digits
	WriteHeader = "Rollcall-Write" // of cursors, claims and epochs: names the write, so that it is known when it is read back
)

// ContentType says to any client what an event's body is, as the CloudEvents binding for NATS has it. It lies outside of the hash,
// and events of logs that are older lack it.
const (
	ContentTypeHeader = "Content-Type"
	ContentType       = "application/cloudevents+json; charset=utf-8"
)

// The headers of atomic batches, as the server knows them.
const (
	batchIDHeader     = "Nats-Batch-Id"
	batchSeqHeader    = "Nats-Batch-Sequence"
	batchCommitHeader = "Nats-Batch-Commit"
)

// header makes a record's headers.
func header(r *record) nats.Header {
	h := make(nats.Header, 8)
	set := func(key, value string) {
		if value != "" {
			h[key] = []string{value}
		}
	}
	if r.feed != "" {
		set(FeedHeader, events.Token(r.feed))
		set(ContentTypeHeader, ContentType)
	}
	set(PrevHeader, r.prev)
	set(HashHeader, r.hash)
	set(WriteHeader, r.id)
	if r.rollup {
		set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	}
	if r.ttl > 0 {
		set(jetstream.MsgTTLHeader, r.ttl.String())
	}
	if r.expect != nil {
		set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(r.expect.sequence, 10))
		if r.expect.subject != r.subject {
			set(jetstream.ExpectedLastSubjSeqSubjHeader, r.expect.subject)
		}
	}
	return h
}

// read takes the headers of a stored message over. A feed that is no token is none of ours.
func (r *record) read(h nats.Header) {
	r.feed, _ = events.Untoken(h.Get(FeedHeader))
	r.prev, r.hash, r.id = h.Get(PrevHeader), h.Get(HashHeader), h.Get(WriteHeader)
}

// reserve is room for the headers that are added when a batch is sent.
const reserve = 1024

// size is what a record takes of the largest message that a server accepts.
func size(r *record) int {
	n := len(r.body) + reserve
	for key, values := range header(r) {
		n += len(key) + len(values[0]) + len(": \r\n")
	}
	return n
}
