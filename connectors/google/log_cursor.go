package google

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	// logRetention is how long Google keeps Admin Activity entries.
	logRetention = 400 * 24 * time.Hour

	// overlap is how much of what was read already is read again: entries are ordered by when it happened, and those that arrive late
	// stand behind the cursor. In a large company that is many pages, so that only every few minutes a poll reads as far back.
	overlap  = 10 * time.Minute
	deepEach = 2 * time.Minute

	// recent is how far back every poll reads.
	recent = time.Minute

	// arrival is how long ago something must have happened for the cursor to move over it.
	arrival = 30 * time.Second

	// mostSeen bounds the entries that are remembered. What is forgotten is told and read again, which changes nothing.
	mostSeen = 3000
)

// logCursor is the audit log's place. It holds no secret, and of people only ids.
type logCursor struct {
	Version int               `json:"v"`
	At      time.Time         `json:"at"`              // the log was read up to here, by the time at which things happened
	Deep    time.Time         `json:"deep,omitzero"`   // when the last poll that read far back began
	Begin   time.Time         `json:"begin"`           // what happened before tells of no state: the lists were read since
	Tell    time.Time         `json:"tell"`            // what happened before is no activity to tell of
	Filter  string            `json:"filter"`          // digest of what is asked for
	Whose   string            `json:"whose"`           // digest of the containers that are read
	Poll    *poll             `json:"poll,omitzero"`   // the poll under way
	Todo    []signal          `json:"todo,omitzero"`   // what is still to be read again
	Due     []due             `json:"due,omitzero"`    // feeds to wake later
	Minute  connectors.Minute `json:"minute,omitzero"` // the activities counted last
	Seen    []seenEntry       `json:"seen,omitzero"`   // the entries read last, in the order of reading
}

// poll is one reading of the log from a time to its end, over all containers, a batch of them at a time.
type poll struct {
	From  time.Time `json:"from"`
	Began time.Time `json:"began"`
	After string    `json:"after,omitzero"` // the batches up to this container are done
	Names []string  `json:"names,omitzero"` // the batch that Token belongs to
	Token string    `json:"token,omitzero"` // the next page of the batch
	Pages int       `json:"pages,omitzero"` // read so far: it makes every cursor of a poll another one
}

type seenEntry struct {
	ID string `json:"i"`
	At int64  `json:"t"` // seconds since 1970
}

// due is a feed that is to be woken, since it shows something only a while after the log has told.
type due struct {
	Feed string    `json:"feed"`
	At   time.Time `json:"at"`
}

const logCursorVersion = 1

// resume reads the feed's cursor. Without one, the log is followed from now on; what has changed within the last minutes is read
// again, because lists may be behind. A cursor that is older than the log leaves a gap, which is told as a record.
func (f *auditLog) resume(from connectors.Cursor) (logCursor, *connectors.Record) {
	now, filter := f.client.now().UTC(), events.Digest(f.filter())
	start := now.Add(-max(overlap, f.client.log.since))
	begin := logCursor{Version: logCursorVersion, Filter: filter, At: start.Add(overlap), Begin: now.Add(-overlap), Tell: now.Add(-f.client.log.since)}
	var cur logCursor
	switch {
	case len(from) == 0 && f.last != nil: // begun anew in the middle: nothing is left out
		cur = *f.last
		cur.Todo, cur.Seen, cur.Due = slices.Clone(f.last.Todo), slices.Clone(f.last.Seen), slices.Clone(f.last.Due)
		cur.Poll = nil
		return cur, nil
	case len(from) == 0 || json.Unmarshal(from, &cur) != nil || cur.Version != logCursorVersion || cur.At.IsZero():
		return begin, nil
	case cur.At.Before(now.Add(-f.retention())):
		return begin, gapRecord(cur.At, now, "the log was not read for longer than Google keeps it", f.client.now())
	case cur.Filter != filter:
		gap := gapRecord(cur.At, now, "the log is read with another filter: entries of new kinds were not read before", f.client.now())
		cur.Filter, cur.Poll = filter, nil
		return cur, gap
	}
	return cur, nil
}

// retention is how long what was not read can still be.
func (f *auditLog) retention() time.Duration {
	if f.client.subscription != "" {
		return queueRetention
	}
	return logRetention
}

// isNew remembers an entry by a digest of what makes it one, and reports whether it was not read before.
func (c *logCursor) isNew(digest string, at time.Time) bool {
	id := digest[:12]
	if slices.ContainsFunc(c.Seen, func(s seenEntry) bool { return s.ID == id }) {
		return false
	}
	if c.Seen = append(c.Seen, seenEntry{id, at.Unix()}); len(c.Seen) > mostSeen {
		c.Seen = slices.Delete(c.Seen, 0, len(c.Seen)-mostSeen)
	}
	return true
}

// begin begins a poll.
func (c *logCursor) begin(now time.Time) {
	back := recent
	if now = now.UTC(); now.Sub(c.Deep) >= deepEach {
		back, c.Deep = overlap, now
	}
	c.Poll = &poll{From: c.At.Add(-back), Began: now}
}

// finish moves the cursor to where a poll has come, though not closer to its beginning than entries take to arrive. What lies before
// whatever is read again is forgotten.
func (c *logCursor) finish() {
	if at := c.Poll.Began.Add(-arrival); at.After(c.At) {
		c.At = at
	}
	c.Poll = nil
	from := c.At.Add(-overlap).Unix()
	c.Seen = slices.DeleteFunc(c.Seen, func(s seenEntry) bool { return s.At < from })
}

// lags are how long after an entry what follows it by itself is looked for: the Agent Registry takes some 4 to 15 minutes.
var lags = []time.Duration{0, 5 * time.Minute, 15 * time.Minute}

// wakeAsItFollows wakes a feed now and again, as what happened at a time shows in it.
func (c *logCursor) wakeAsItFollows(feed string, at time.Time) {
	for _, lag := range lags {
		c.wakeLater(feed, at.Add(lag))
	}
}

// wakeLater puts a feed on the list of those to wake, unless it will be woken at about that time anyway.
func (c *logCursor) wakeLater(feed string, at time.Time) {
	near := func(d due) bool { return d.Feed == feed && d.At.Sub(at).Abs() < 2*time.Minute }
	if !slices.ContainsFunc(c.Due, near) {
		c.Due = append(c.Due, due{feed, at.UTC()})
	}
}

// overdue takes the feeds off the list whose time has come.
func (c *logCursor) overdue(now time.Time) []string {
	var out []string
	c.Due = slices.DeleteFunc(c.Due, func(d due) bool {
		if d.At.After(now) {
			return false
		}
		out = append(out, d.Feed)
		return true
	})
	return out
}
