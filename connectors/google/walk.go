package google

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

var errCursor = errors.New("the feed's cursor is not one that this version writes or knows")

// maxRefusals is how many places in a row may refuse within one pull, so that a pull stays short.
const maxRefusals = 20

// leaf is one page of one place's list.
type leaf struct {
	records []connectors.Record
	next    string // page token
	whole   bool
	blind   []connectors.Blindness
}

// walk reads one list at every place in turn, a page per pull. A place that refuses is left out and said to be unseen, and the
// others go on; only when every place refuses does the feed fail.
//
// A walk remembers its places from the first page of a round to the last. A process that goes on from another's cursor finds
// them anew.
type walk struct {
	scope  string // "registry-agents": passes are over registry-agents/<project>/<location>; empty: no passes
	kinds  []events.Kind
	places func(context.Context) (places, error)
	read   func(ctx context.Context, at place, token string) (leaf, error)
	done   func() // forgets what was remembered for a round; may be nil

	round *places // nil: between rounds
}

// pull reads one page.
func (w *walk) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur, err := parseCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	var page connectors.Page
	if len(from) == 0 || w.round == nil {
		found, err := w.places(ctx)
		if err != nil {
			return page, err
		}
		w.round = &found
		page.Blind = w.unseen(found.refused)
	}
	i, _ := slices.BinarySearchFunc(w.round.list, cur.Place, place.compare)
	return w.from(ctx, i, cur, page)
}

// from reads the next page at the i-th place, or at the first one after it that does not refuse.
func (w *walk) from(ctx context.Context, i int, cur cursor, page connectors.Page) (connectors.Page, error) {
	list, refused := w.round.list, 0
	var first error
	for ; i < len(list) && refused < maxRefusals; i++ {
		at := list[i]
		if at != cur.Place {
			cur = cursor{Place: at}
		}
		leaf, err := w.read(ctx, at, cur.Token)
		if err == nil {
			return w.turn(i, cur, leaf, page)
		}
		if !isRefusal(err) {
			return connectors.Page{}, err
		}
		page.Blind = append(page.Blind, w.unseen([]refusal{{at, err}})...)
		if cur.Token != "" && w.scope != "" {
			page.Breaks = append(page.Breaks, w.scopeOf(at))
		}
		first, refused = cmpErr(first, err), refused+1
	}
	if all := len(w.round.refused) + refused; i == len(list) && all > 0 && refused == len(list) {
		return connectors.Page{}, w.nothing(first)
	}
	return w.step(i, cursor{}, page)
}

// turn makes a page of a place's leaf and says where to go on.
func (w *walk) turn(i int, cur cursor, l leaf, page connectors.Page) (connectors.Page, error) {
	page.Records = l.records
	page.Blind = append(page.Blind, l.blind...)
	broken := cur.Broken || !l.whole
	if !l.whole {
		page.Blind = append(page.Blind, connectors.Blindness{Kinds: w.kinds,
			Reason: "parts of " + cur.Place.parent() + " could not be reached by Google itself; they are read again in the next round"})
	}
	if w.scope != "" {
		w.bound(&page, cur, l.next == "", broken)
	}
	if l.next == "" {
		return w.step(i+1, cursor{}, page)
	}
	return w.step(i, cursor{Place: cur.Place, Token: l.next, Broken: broken}, page)
}

// bound says which passes the page opens, seals and breaks.
func (w *walk) bound(page *connectors.Page, cur cursor, last, broken bool) {
	scope := []string{w.scopeOf(cur.Place)}
	if cur.Token == "" {
		page.Opens = scope
	}
	switch {
	case broken:
		page.Breaks = append(page.Breaks, scope...)
	case last:
		page.Seals = scope
	}
}

// step sets where the feed goes on: at the i-th place, at a page of it, or, after the last place, at the start of a new round.
func (w *walk) step(i int, next cursor, page connectors.Page) (connectors.Page, error) {
	if i >= len(w.round.list) {
		w.round = nil
		if w.done != nil {
			w.done()
		}
		return page, nil
	}
	next.Place = w.round.list[i]
	var err error
	page.More = true
	page.Next, err = next.encode()
	return page, err
}

// nothing is the feed's fault when every place refuses. The next pull looks for places anew.
func (w *walk) nothing(err error) error {
	if err == nil {
		err = w.round.refused[0].err
	}
	w.round = nil
	return err
}

func (w *walk) scopeOf(at place) string { return scopeOf(w.scope, at) }

// refusal is a place that may not be read, and why.
type refusal struct {
	at  place
	err error
}

// isRefusal reports whether err is about the place that was asked alone.
func isRefusal(err error) bool {
	f := connectors.AsFault(err)
	return f != nil && (f.Kind == connectors.Forbidden || f.Kind == connectors.Gone)
}

// unseen says what cannot be seen, and the cure.
func (w *walk) unseen(refused []refusal) []connectors.Blindness { return unseen(w.kinds, refused) }

func unseen(kinds []events.Kind, refused []refusal) []connectors.Blindness {
	var out []connectors.Blindness
	for _, r := range refused {
		reason := r.err.Error()
		if f := connectors.AsFault(r.err); f != nil && f.Cure != "" {
			reason = f.Cure
		}
		out = append(out, connectors.Blindness{Kinds: kinds, Reason: fmt.Sprintf("%s: %s", r.at.parent(), reason)})
	}
	return out
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
