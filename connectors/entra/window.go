package entra

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// window polls a log of Graph's by time. The logs have no delta and no order of arrival: entries come minutes late. So each round
// reads again a stretch that was read before, and knows what it has told of it.
type window struct {
	client *client
	feed   string
	path   string // of the log
	stamp  string // the property that the window is of
	most   int    // the largest page

	// streams are what else entries must be; a round reads one stream after the other. nil: one of everything.
	streams []string
	need    string
	beta    bool
	bound   int // activities of one minute

	// take tells what an entry leads to: signals for the cursor's list, and records. relevant says that it is not to be told again.
	take func(ctx context.Context, cur *logCursor, raw jsontext.Value, asked time.Time) (records []connectors.Record, err error)

	// follow works on the cursor's list. nil: there is none.
	follow func(ctx context.Context, cur *logCursor, out *connectors.Page) error
}

const (
	// logRetention is how long a tenant without a licence keeps its logs; others keep them longer.
	logRetention = 7 * 24 * time.Hour

	// overlap is how late an entry may come and still be read.
	overlap = 15 * time.Minute

	// mostSeen bounds the entries that are known again.
	mostSeen = 2000
)

// logCursor is the place in a log. It holds no secret, and of persons only ids.
type logCursor struct {
	Version int               `json:"v"`
	At      time.Time         `json:"at"`              // the log was read up to here
	Until   time.Time         `json:"until,omitzero"`  // where the round under way ends
	Stream  int               `json:"stream,omitzero"` // which of the log's streams is being read
	Link    string            `json:"link,omitzero"`   // its next page; empty: its first
	Seen    []string          `json:"seen,omitzero"`   // digests of the entries told last
	Todo    []signal          `json:"todo,omitzero"`   // what is to be read again
	Minute  connectors.Minute `json:"minute,omitzero"` // the activities counted last
}

// begin reads a cursor, or begins now. A cursor that the log does not reach back to leaves a gap, told as a record.
func (w *window) begin(from connectors.Cursor) (cur logCursor, gap *connectors.Record, err error) {
	now := w.client.now().UTC().Round(0)
	fresh := logCursor{Version: cursorVersion, At: now}
	if from == nil {
		return fresh, nil, nil
	}
	if decode(from, &cur) != nil || cur.Version != cursorVersion || cur.At.IsZero() || w.client.pinned(cur.Link) != nil ||
		cur.Stream < 0 || cur.Stream > max(0, len(w.streams)-1) {
		return cur, nil, expiredCursor("the stored cursor is of another version or endpoint")
	}
	if cur.At.Before(now.Add(-logRetention)) {
		gap, err := gapRecord(w.feed, cur.At, now, w.client.now())
		return fresh, &gap, err
	}
	return cur, nil, nil
}

// pull reads one page of the round, or works on the list that former pages have left.
func (w *window) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur, gap, err := w.begin(from)
	if err != nil {
		return connectors.Page{}, err
	}
	out := connectors.Page{Lost: gap != nil}
	if gap != nil {
		out.Records = append(out.Records, *gap)
	}
	if len(cur.Todo) == 0 {
		if err := w.read(ctx, &cur, &out); err != nil {
			return connectors.Page{}, err
		}
	}
	if w.follow != nil && len(cur.Todo) > 0 {
		if err := w.follow(ctx, &cur, &out); err != nil {
			return connectors.Page{}, err
		}
	}
	out.More = cur.Link != "" || cur.Stream > 0 || len(cur.Todo) > 0
	out.Next, err = events.Marshal(cur)
	return out, err
}

// read reads the next page of the round.
func (w *window) read(ctx context.Context, cur *logCursor, out *connectors.Page) error {
	if cur.Link == "" && cur.Stream == 0 {
		cur.Until = w.client.now().UTC().Round(0)
	}
	p, err := w.page(ctx, cur)
	switch {
	case isForbidden(err) && cur.Stream > 0: // the first stream could be read: this one is not shown, which is no reason to stop
		out.Blind = append(out.Blind, connectors.Blindness{Kinds: []events.Kind{events.KindActivity},
			Reason: "entries with " + w.streams[cur.Stream] + ": " + connectors.AsFault(err).Cure})
	case err != nil:
		return err
	}
	for _, raw := range p.items {
		records, err := w.take(ctx, cur, raw, p.asked)
		if err != nil {
			return err
		}
		out.Records = append(out.Records, records...)
	}
	cur.Link = p.next
	switch {
	case cur.Link != "":
		return nil
	case cur.Stream+1 < len(w.streams):
		cur.Stream++
		return nil
	}
	cur.At, cur.Stream = cur.Until, 0
	if left, ok := cur.Minute.Close(cur.At, len(out.Records) == 0); ok {
		return w.tellBounded(left, w.client.now(), out)
	}
	return nil
}

// page reads the next page. When its token is no longer good the stream begins again.
func (w *window) page(ctx context.Context, cur *logCursor) (page, error) {
	p, err := w.client.page(ctx, w.call(cur))
	if f := connectors.AsFault(err); f != nil && f.Kind == connectors.CursorExpired {
		cur.Link = ""
		p, err = w.client.page(ctx, w.call(cur))
	}
	return p, err
}

func (w *window) call(cur *logCursor) call {
	if cur.Link != "" {
		return call{url: cur.Link, need: w.need, followed: true}
	}
	at := func(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }
	filter := w.stamp + " ge " + at(cur.At.Add(-overlap)) + " and " + w.stamp + " le " + at(cur.Until.Add(time.Second))
	if len(w.streams) > 0 {
		filter = w.streams[cur.Stream] + " and " + filter
	}
	path := w.path + "?$filter=" + escaped(filter) + "&$top=" + strconv.Itoa(w.client.top(w.most))
	if w.beta {
		return call{url: w.client.betaURL(path), need: w.need, optional: true}
	}
	return call{url: w.client.url(path), need: w.need}
}

// isNew remembers an entry that was told, and reports whether it was not before.
func (c *logCursor) isNew(id string) bool {
	id = events.Digest(id)[:12]
	if slices.Contains(c.Seen, id) {
		return false
	}
	if c.Seen = append(c.Seen, id); len(c.Seen) > mostSeen {
		c.Seen = slices.Delete(c.Seen, 0, len(c.Seen)-mostSeen)
	}
	return true
}

// allow counts an activity against the bound of its minute. A record says how many of a former minute were left out.
func (w *window) allow(cur *logCursor, at, asked time.Time) (ok bool, records []connectors.Record, err error) {
	if left, over := cur.Minute.Move(at); over {
		var out connectors.Page
		err = w.tellBounded(left, asked, &out)
		records = out.Records
	}
	return cur.Minute.Count(w.bound), records, err
}

func (w *window) tellBounded(m connectors.Minute, asked time.Time, out *connectors.Page) error {
	r, err := boundedRecord(w.feed, m, w.bound, asked)
	out.Records = append(out.Records, r)
	return err
}
