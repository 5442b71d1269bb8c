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

const (
	// maxSkipped is how many places in a row one pull leaves out at most, so that it stays short.
	maxSkipped = 20

	// maxFailures is how many pulls in a row may fail at one place before the others go on without it.
	maxFailures = 5
)

// leaf is one page of one place's list.
type leaf struct {
	records []connectors.Record
	next    string // page token
	whole   bool
	blind   []connectors.Blindness
}

// walk reads one list at every place in turn, a page per pull. A place that refuses is left out and said to be unseen, and the
// others go on; only when every place refuses does the feed fail. A place that cannot be reached is left out too, after some
// pulls and if another place can: a region that is down must not keep the others from being read.
//
// A walk remembers its places from the first page of a round to the last. A process that goes on from another's cursor finds
// them anew.
type walk struct {
	scope  string             // "registry-agents": passes are over registry-agents/<project>/<location>; empty: no passes
	group  func(place) string // the group of scopes that belong to the things listed at a place: of their policies; nil: none
	kinds  []events.Kind
	begin  func(ctx context.Context, resumed bool) // before the places of a round are found, or found again in its middle; may be nil
	places func(context.Context) (places, error)
	read   func(ctx context.Context, at place, token string) (leaf, error)
	done   func() // forgets what was remembered for a round; may be nil

	round    *places // nil: between rounds
	reached  bool    // a place has answered well in this round
	failures int     // pulls in a row that failed at the place of the cursor
}

// pull reads one page.
func (w *walk) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur, err := parseCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	page := connectors.Page{Blind: cur.Blind}
	if len(from) == 0 || w.round == nil {
		if w.begin != nil {
			w.begin(ctx, len(from) > 0)
		}
		found, err := w.places(ctx)
		if err != nil {
			return page, err
		}
		w.round = &found
		page.Blind = append(page.Blind, w.unseen(found.refused)...)
	}
	i, _ := slices.BinarySearchFunc(w.round.list, cur.Place, place.compare)
	return w.from(ctx, i, cur, page)
}

// from reads the next page at the i-th place, or at the first one after it that answers.
func (w *walk) from(ctx context.Context, i int, cur cursor, page connectors.Page) (connectors.Page, error) {
	var refused, down error // the first of each
	start, n := i, 0
	for ; i < len(w.round.list) && i-start < maxSkipped; i++ {
		if at := w.round.list[i]; at != cur.Place {
			cur = cursor{Place: at}
		}
		leaf, err := w.read(ctx, cur.Place, cur.Token)
		switch {
		case err == nil:
			return w.turn(i, cur, leaf, page)
		case isRefusal(err):
			refused, n = cmpErr(refused, err), n+1
			page.Blind = append(page.Blind, w.unseen([]refusal{{cur.Place, err}})...)
		case w.mayLeaveOut(ctx, err):
			down = cmpErr(down, err)
			page.Blind = append(page.Blind, w.unreached(cur.Place, "it could not be read; it is tried again in the next round"))
		default:
			return connectors.Page{}, err
		}
		if cur.Token != "" && w.scope != "" {
			page.Breaks = append(page.Breaks, w.scopesOf(cur.Place)...)
		}
	}
	switch {
	case down != nil && !w.reached:
		return connectors.Page{}, down
	case i == len(w.round.list) && n == i:
		return connectors.Page{}, w.nothing(refused)
	}
	return w.step(i, cursor{}, page)
}

// mayLeaveOut counts a failure at a place and reports whether the walk may try to go on without it. What the runner treats in its
// own way, such as a rate limit, it never leaves out.
func (w *walk) mayLeaveOut(ctx context.Context, err error) bool {
	if ctx.Err() != nil || connectors.AsFault(err) != nil {
		return false
	}
	w.failures++
	return w.failures > maxFailures
}

// turn makes a page of a place's leaf and says where to go on.
func (w *walk) turn(i int, cur cursor, l leaf, page connectors.Page) (connectors.Page, error) {
	w.reached, w.failures = true, 0
	page.Records = l.records
	page.Blind = append(page.Blind, l.blind...)
	broken := cur.Broken || !l.whole
	if !l.whole {
		page.Blind = append(page.Blind, w.unreached(cur.Place, "Google could not reach all of it; it is read again in the next round"))
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
	scope := w.scopesOf(cur.Place)
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
	page.Blind = distinct(page.Blind)
	if i >= len(w.round.list) {
		w.round, w.reached = nil, false
		if w.done != nil {
			w.done()
		}
		return page, nil
	}
	next.Place, next.Blind = w.round.list[i], page.Blind
	var err error
	page.More = true
	page.Next, err = next.encode()
	return page, err
}

// nothing is the feed's fault when every place refuses. The next pull looks for places anew.
func (w *walk) nothing(err error) error {
	for _, r := range w.round.refused {
		err = cmpErr(err, r.err)
	}
	w.round = nil
	if w.done != nil {
		w.done()
	}
	return err
}

func (w *walk) unreached(at place, why string) connectors.Blindness {
	return connectors.Blindness{Kinds: w.kinds, Reason: at.parent() + ": " + why}
}

// scopesOf are what a listing at a place is a pass over.
func (w *walk) scopesOf(at place) []string {
	out := []string{scopeOf(w.scope, at)}
	if w.group != nil {
		out = append(out, w.group(at))
	}
	return out
}

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
