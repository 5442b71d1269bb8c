package google

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	// reportsKept is how long Workspace keeps what it reports.
	reportsKept = 180 * 24 * time.Hour

	// reportsEvery is how often reports are read: at a call per report.
	reportsEvery = 10 * time.Minute

	// reportsBack is how much of what was read already every poll reads again, since consents are reported hours late, and reportsLate
	// how much the poll after each reportsDeepEach does: some things are reported days late.
	reportsBack     = 3 * time.Hour
	reportsLate     = 3 * 24 * time.Hour
	reportsDeepEach = 6 * time.Hour

	// reportsSettle is how long after its very first start the feed waits until the lists have shown the agents: what is reported of
	// nobody who is known is passed over.
	reportsSettle = 15 * time.Minute

	// mostReported bounds the activities that are remembered as told, and mostDelegates the agents.
	mostReported  = 5000
	mostDelegates = 2000
)

// reportsCursor is the feed's place. Of people it holds nothing.
type reportsCursor struct {
	Version int               `json:"v"`
	Start   time.Time         `json:"start,omitzero"` // when the feed may begin
	At      time.Time         `json:"at,omitzero"`    // the reports were read up to here, by the time at which things happened
	Deep    time.Time         `json:"deep,omitzero"`  // when the last poll that read far back began
	Tell    time.Time         `json:"tell"`           // what happened before is no activity to tell of
	Of      string            `json:"of"`             // digest of the reports that are read, and of the administrator
	Poll    *reportsPoll      `json:"poll,omitzero"`
	Minute  connectors.Minute `json:"minute,omitzero"`
	Seen    []seenEntry       `json:"seen,omitzero"` // the activities told, by time

	// Behind are the reports that could not be read so far, and since when.
	Behind map[string]time.Time `json:"behind,omitzero"`

	// Told are the agents of which delegations were told, sorted, as far as there is room: when the log knows an agent and none of its
	// delegations, it was gone and is back.
	Told []string `json:"told,omitzero"`

	// Again says that what was read of long ago was read before any agent's OAuth client was known: it is to be read once more.
	Again bool `json:"again,omitzero"`
}

// reportsPoll is one reading of all reports from a time on, a report at a time, each the newest first.
type reportsPoll struct {
	From   time.Time `json:"from"`
	Began  time.Time `json:"began"`
	Report int       `json:"report,omitzero"`
	Token  string    `json:"token,omitzero"`
	Pages  int       `json:"pages,omitzero"`
}

const reportsCursorVersion = 1

// resume reads the feed's cursor. Without one, or with one for other reports, all that is kept is read for what stands; of what happened
// only that is told which happens from the first start on.
func (f *workspaceReports) resume(from connectors.Cursor) reportsCursor {
	now := f.client.now().UTC()
	var cur reportsCursor
	switch {
	case len(from) == 0 || json.Unmarshal(from, &cur) != nil || cur.Version != reportsCursorVersion:
		return reportsCursor{Version: reportsCursorVersion, Start: now.Add(reportsSettle), Tell: now.Add(-f.client.log.since), Of: f.of}
	case cur.Of != f.of:
		return reportsCursor{Version: reportsCursorVersion, Start: now, Tell: cur.Tell, Seen: cur.Seen, Of: f.of}
	}
	return cur
}

// begin begins a poll. It reads far back now and then, and when one more OAuth client has become known as an agent's since; known is how
// many are. It reads all when an agent is back whose delegations went with it.
func (c *reportsCursor) begin(now time.Time, known int, learned, back bool) {
	now = now.UTC()
	oldest := now.Add(-reportsKept + time.Hour)
	c.Poll = &reportsPoll{From: oldest, Began: now}
	if c.At.IsZero() || back || c.Again && known > 0 {
		c.Deep, c.Again = now, false
		return
	}
	far := reportsBack
	if learned || now.Sub(c.Deep) >= reportsDeepEach {
		far, c.Deep = reportsLate, now
	}
	if from := c.At.Add(-far); from.After(oldest) {
		c.Poll.From = from
	}
}

// tell remembers the agents that a record of a delegation is about.
func (c *reportsCursor) tell(r *connectors.Record) {
	if r.Type != typeWorkspaceGrant {
		return
	}
	for holder := range strings.SplitSeq(r.Context[ctxAbout], "\n") {
		if n, known := slices.BinarySearch(c.Told, holder); !known && len(c.Told) < mostDelegates {
			c.Told = slices.Insert(c.Told, n, holder)
		}
	}
}

// back forgets the agents that the log knows without any delegation, and reports whether there were some.
func (c *reportsCursor) back(ctx context.Context) bool {
	before := len(c.Told)
	c.Told = slices.DeleteFunc(c.Told, func(holder string) bool {
		return connectors.IsKnown(ctx, events.Identity(events.KindAgent, holder)) && !connectors.Holds(ctx, holder, events.KindDelegation)
	})
	return len(c.Told) < before
}

// since is where a report is read from in the poll under way: where the poll does, or where it was left when it could not be read.
func (c *reportsCursor) since(r report) time.Time {
	from := c.Poll.From
	if left, ok := c.Behind[r.String()]; ok && left.Before(from) {
		from = left
	}
	if !r.lasts() && from.Before(c.Tell) {
		from = c.Tell
	}
	return from
}

// leave notes that a report could not be read.
func (c *reportsCursor) leave(r report) {
	if c.Behind == nil {
		c.Behind = map[string]time.Time{}
	}
	if left, ok := c.Behind[r.String()]; !ok || c.Poll.From.Before(left) {
		c.Behind[r.String()] = c.Poll.From
	}
}

// finish moves the cursor to where a poll began, and forgets what no poll will read again.
func (c *reportsCursor) finish() {
	if c.Poll.Began.After(c.At) {
		c.At = c.Poll.Began
	}
	c.Poll = nil
	from := c.At.Add(-reportsLate).Unix()
	c.Seen = slices.DeleteFunc(c.Seen, func(s seenEntry) bool { return s.At < from })
}

// isNew remembers an activity, and reports whether it is to be told. When too many are remembered, the oldest are forgotten, and what
// happened before them is told no more: late or not, it might have been told.
func (c *reportsCursor) isNew(id string, at time.Time) bool {
	s := seenEntry{events.Digest(id)[:12], at.Unix()}
	if at.Before(c.Tell) || slices.ContainsFunc(c.Seen, func(o seenEntry) bool { return o.ID == s.ID }) {
		return false
	}
	n, _ := slices.BinarySearchFunc(c.Seen, s, func(a, b seenEntry) int { return cmp.Compare(a.At, b.At) })
	c.Seen = slices.Insert(c.Seen, n, s)
	if over := len(c.Seen) - mostReported; over > 0 {
		if floor := time.Unix(c.Seen[over].At, 0).UTC(); floor.After(c.Tell) {
			c.Tell = floor
		}
		c.Seen = slices.Delete(c.Seen, 0, over)
	}
	return true
}
