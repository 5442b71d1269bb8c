package entra

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// An application may have the permissions for agents alone, with which Graph lets it read the lists of the agent types and no delta.
// Then the lists are read instead, whole and more rarely. What a delta shows and no list does is unknown, and the feed says so.

// barredEvery is how often the lists are read instead of a delta, which is tried at each poll: it may have been barred by mistake.
const barredEvery = 5 * time.Minute

// canList reports whether some of the delta's scopes have lists of their own.
func (d *delta) canList() bool {
	return slices.ContainsFunc(d.scopes, func(s deltaScope) bool { return s.list != "" })
}

// rests reports whether the lists were read instead of the delta a while ago.
func (d *delta) rests(cur *cursor) bool {
	return !cur.Listed.IsZero() && d.client.now().Before(cur.Listed.Add(barredEvery))
}

// barredPage is a page of nothing: it is not yet time to read the lists again.
func (d *delta) barredPage(cur cursor) (out connectors.Page, err error) {
	out.Blind = []connectors.Blindness{d.barredBlind()}
	out.Next, err = cur.encode()
	return out, err
}

// pullBarred begins to read the lists instead of the delta, whose place is kept. When the first of them may not be read either, the
// whole feed may not.
func (d *delta) pullBarred(ctx context.Context, cur cursor, refused error) (connectors.Page, error) {
	cur.Pass = false
	if d.rests(&cur) {
		return d.barredPage(cur)
	}
	cur.Barred, cur.List, cur.Next = true, "", ""
	cur.List = d.nextList(&cur)
	page, err := d.pullList(ctx, d.scopes[slices.Index(d.names(), cur.List)], cur)
	if isForbidden(err) {
		return connectors.Page{}, refused
	}
	return page, err
}

// isFirst reports whether a page would be the first of the lists that are read instead of the delta.
func (d *delta) isFirst(cur *cursor) bool {
	return cur.Barred && cur.Next == "" && cur.List == d.nextList(&cursor{Barred: true})
}

// barredBlind says what cannot be seen without the delta.
func (d *delta) barredBlind() connectors.Blindness {
	b := connectors.Blindness{Reason: "the delta may not be read without " + d.need + ": the lists are read every " +
		strings.TrimSuffix(barredEvery.String(), "0s") + " instead, and whether what is gone can be restored is not told"}
	var unseen []string
	for _, s := range d.scopes {
		if s.list == "" {
			unseen = append(unseen, s.name)
			b.Kinds = append(b.Kinds, s.kind)
		}
	}
	if len(unseen) > 0 {
		b.Reason += "; no list shows " + strings.Join(unseen, ", ")
	}
	if d.record == recordUser {
		b.Kinds = append(b.Kinds, events.KindPerson)
		b.Reason += "; changes of persons show when their own feed reads them"
	}
	return b
}

// hidden says why the things of a scope cannot be seen at all.
func (s deltaScope) hidden(cur *cursor, cure string) connectors.Blindness {
	why := "the delta has shown nothing of "
	if cur.Barred {
		why = "the delta may not be read, which would show "
	}
	return connectors.Blindness{Kinds: []events.Kind{s.kind}, Reason: why + s.name + ", and their list cannot be read: " + cure}
}
