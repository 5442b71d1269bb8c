package okta

import (
	"context"
	"slices"

	"github.com/rollcallhq/rollcall/connectors"
)

// chunk is how many things one page of a walk covers: a page that fails is read again whole.
const chunk = 20

// walk reads parts of all things of a sort, one by one in the order of their ids. It is no pass: what is read of a thing replaces
// what was known of it, and nothing else. So it may be interrupted and go on in another process.
type walk struct {
	client *client
	parts  []*part

	// ids are the things, sorted. It is asked at each page, and may list them before the first.
	ids func(ctx context.Context, first bool) ([]string, error)
}

// The phases of a walk.
const (
	phaseFirst = "first" // nothing was asked yet: the first few tell whether one may ask at all
	phaseOn    = "on"
)

// firstFew is how many things must be hidden for a walk to be forbidden.
const firstFew = 3

// pull reads the parts of a chunk. Its very first page asks nothing, and says how many calls are ahead.
func (w *walk) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur := parseCursor(from)
	ids, err := w.ids(ctx, cur.Phase == "")
	if err != nil {
		return connectors.Page{}, err
	}
	left, n := beyond(ids, cur.After), chunk
	switch cur.Phase {
	case "":
		cur.Phase, n = phaseFirst, 0
	case phaseFirst:
		cur.Phase, n = phaseOn, firstFew
	}
	n = min(n, len(left))
	records, err := w.read(ctx, &cur, left[:n])
	if err != nil {
		return connectors.Page{}, err
	}
	return w.page(cur, records, left[n:])
}

// beyond are the sorted ids that come after one.
func beyond(ids []string, after string) []string {
	at, found := slices.BinarySearch(ids, after)
	if found {
		at++
	}
	return ids[at:]
}

func (w *walk) page(cur cursor, records []connectors.Record, left []string) (connectors.Page, error) {
	p := connectors.Page{Records: records, Blind: cur.Blind, Ahead: len(left) * len(w.parts)}
	if len(left) == 0 {
		return p, nil
	}
	next, err := cur.encode()
	p.Next, p.More = next, true
	return p, err
}

// read asks about each thing. One that has gone meanwhile has nothing to tell; the list of its like will say so. When all of the
// first few are hidden, the feed is forbidden; later, what is hidden is noted and the rest goes on.
func (w *walk) read(ctx context.Context, cur *cursor, ids []string) ([]connectors.Record, error) {
	answers, err := w.client.ask(ctx, ids, w.parts...)
	if err != nil {
		return nil, err
	}
	var records []connectors.Record
	var hidden []error
	for _, t := range answers {
		if cure, no := forbidden(t.err); no {
			hidden = append(hidden, t.err)
			cur.hide("some may not be read: "+cure, w.parts[0].kinds...)
		}
		for _, m := range t.missing {
			cur.hide(m.Reason, m.Kinds...)
		}
		records = append(records, t.records...)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	w.client.may(w.parts, len(hidden) < len(ids))
	if cur.After == "" && len(hidden) == len(ids) {
		return nil, hidden[0]
	}
	cur.After = ids[len(ids)-1]
	return records, nil
}
