package entra

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// delta reads a delta query: first a round that lists everything, which is a pass, then rounds of what changed.
//
// The delta shows all objects of the directory, of which the agents are a few. Whether Graph names an agent type there was not
// to be confirmed. So a scope of which a delta has not shown anything by type is read from the list of that type after each
// round, see delta_list.go, until the delta shows some.
type delta struct {
	client *client
	record string // the type of its records
	start  string // path and query of the first page
	need   string
	scopes []deltaScope

	// keep says whether an item is of interest, and of which scope it proves that the delta shows it.
	keep func(item) (keep bool, scope string)
}

// deltaScope is one type of things that a delta shows.
type deltaScope struct {
	name string
	kind events.Kind
	list string // the list of that type alone
	need string // the permission for the list
}

// item is what a delta's item must say before anybody looks into it.
type item struct {
	ID        string    `json:"id"`
	Type      string    `json:"@odata.type"`
	Removed   *struct{} `json:"@removed"`
	Principal string    `json:"servicePrincipalType"`
	Blueprint string    `json:"agentIdentityBlueprintId"`
	Parent    string    `json:"identityParentId"`
}

// pull reads one page.
func (d *delta) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur, err := d.client.readCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	if i := slices.Index(d.names(), cur.List); i >= 0 {
		return d.pullList(ctx, d.scopes[i], cur)
	}
	var out connectors.Page
	r := call{url: cur.Link, need: d.need, followed: true, delta: true}
	if cur.Link == "" {
		r.url, r.followed = d.client.url(d.start), false
		cur = cursor{Pass: true}
		out.Opens = d.names()
	}
	p, err := d.client.page(ctx, r)
	if err != nil {
		return connectors.Page{}, err
	}
	if out.Records, err = d.records(p, &cur); err != nil {
		return connectors.Page{}, err
	}
	if err := d.turn(p, &cur, &out); err != nil {
		return connectors.Page{}, err
	}
	return out, nil
}

// turn says where to go on. A page has a link to the next, or the link to ask for changes with: then the round is over.
func (d *delta) turn(p page, cur *cursor, out *connectors.Page) (err error) {
	switch {
	case p.next != "":
		cur.Link, out.More = p.next, true
	case p.delta != "":
		cur.Link = p.delta
		d.endRound(cur, out)
	default:
		return fmt.Errorf("GET %s: the page has neither a nextLink nor a deltaLink: it is not whole", d.start)
	}
	out.Next, err = cur.encode()
	return err
}

// endRound seals what a first round has shown. What it has not shown by type is left to the lists.
func (d *delta) endRound(cur *cursor, out *connectors.Page) {
	if cur.Pass {
		out.Seals, out.Breaks = d.split(cur)
		cur.Pass = false
	}
	cur.List, cur.Next = d.nextList(cur), ""
	out.More = cur.List != ""
}

func (d *delta) names() []string {
	var names []string
	for _, s := range d.scopes {
		names = append(names, s.name)
	}
	return names
}

// records are the page's items of interest, without secrets. An item that cannot be read is of interest: Normalize says why.
func (d *delta) records(p page, cur *cursor) ([]connectors.Record, error) {
	var out []connectors.Record
	for _, raw := range p.items {
		var it item
		if err := decode(raw, &it); err == nil {
			keep, scope := d.keep(it)
			if scope != "" {
				cur.Seen = insert(cur.Seen, scope)
			}
			if !keep {
				continue
			}
		}
		rec, err := newRecord(d.record, raw, p.asked)
		if err != nil {
			return nil, fmt.Errorf("GET %s: %w", d.start, err)
		}
		out = append(out, rec)
	}
	return out, nil
}

// newRecord copies an object as received, but for its secrets.
func newRecord(typ string, raw jsontext.Value, asked time.Time) (connectors.Record, error) {
	body, err := redact(raw)
	if err != nil {
		return connectors.Record{}, fmt.Errorf("an object of the answer is no JSON: %w", err)
	}
	return connectors.Record{Type: typ, Body: body, Asked: asked}, nil
}

func insert(set []string, s string) []string {
	if i, ok := slices.BinarySearch(set, s); !ok {
		return slices.Insert(set, i, s)
	}
	return set
}
