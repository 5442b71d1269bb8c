package okta

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	// logRetention is how long the vendor keeps entries. What is older is left out silently.
	logRetention = 90 * 24 * time.Hour

	// overlap is how far before the last answer the log is read again when its next link is no longer taken.
	overlap = time.Minute

	// mostSeen bounds the entries that are remembered for the overlap.
	mostSeen = 100
)

// logCursor is the log feed's place. It holds no secret, and of people only ids.
type logCursor struct {
	Version int               `json:"v"`
	Next    string            `json:"next"`            // target of the next page, the filter in it
	Filter  string            `json:"filter"`          // digest of the filter that Next was made with
	At      time.Time         `json:"at"`              // of the last answer, by the vendor's clock
	Begin   time.Time         `json:"begin"`           // of the first poll: what was published clearly before tells of no state
	Todo    []signal          `json:"todo,omitzero"`   // what is still to be read again
	Minute  connectors.Minute `json:"minute,omitzero"` // the activities counted last
	Seen    []string          `json:"seen,omitzero"`   // digests of the entries read last
}

// logCursorVersion is what this code writes.
const logCursorVersion = 1

// resume reads the feed's cursor. Without one, polling begins now. A cursor that the log does not reach back to, or that was
// made with another filter, leaves a gap, which is told as a record; the listings, which every start reads whole, close it as
// far as states go.
func (f *logFeed) resume(from connectors.Cursor) (logCursor, *connectors.Record) {
	now, filter := f.client.vendorNow(), events.Digest(f.opts.filter())
	begin := logCursor{Version: logCursorVersion, Filter: filter, At: now, Begin: now.Add(-settling), Next: f.since(now.Add(-f.opts.since))}
	var cur logCursor
	switch {
	case len(from) == 0 && f.last != nil: // begun anew in the middle: nothing is left out, what was held back is read again
		cur = f.last.clone()
		for _, s := range f.again {
			s.Tries = 0
			cur.add(s)
		}
		return cur, nil
	case len(from) == 0 || json.Unmarshal(from, &cur) != nil || cur.Version != logCursorVersion || pathOf(cur.Next) != logsPath:
		return begin, nil
	case cur.At.Before(now.Add(-logRetention)):
		return begin, gapRecord(cur.At, now, "the log was not read for longer than the vendor keeps it", f.client.now())
	case cur.Filter != filter:
		gap := gapRecord(cur.At, now, "the log is read with another filter: entries of new types were not read before", f.client.now())
		cur.Filter, cur.Next = filter, f.since(cur.At.Add(-overlap))
		return cur, gap
	}
	return cur, nil
}

func (c *logCursor) clone() logCursor {
	out := *c
	out.Todo, out.Seen = slices.Clone(c.Todo), slices.Clone(c.Seen)
	return out
}

// isNew remembers an entry, and reports whether it was not among those read last.
func (c *logCursor) isNew(e *wireEntry) bool {
	id := events.Digest(string(e.UUID))[:12]
	if slices.Contains(c.Seen, id) {
		return false
	}
	if c.Seen = append(c.Seen, id); len(c.Seen) > mostSeen {
		c.Seen = slices.Delete(c.Seen, 0, len(c.Seen)-mostSeen)
	}
	return true
}
