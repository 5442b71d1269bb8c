package entra

import (
	"context"
	"fmt"
	"maps"
	"net/http"
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
//
// Pages may be empty, objects may be repeated in any order, and a change may show an object in part: what is absent has not changed,
// what is null has been taken away. A part is never told as the whole, the object is read again instead.
type delta struct {
	client *client
	record string // the type of its records
	start  string // path and query of the first page: what is selected is in the tokens from there on
	need   string
	scopes []deltaScope
	sweeps []string // the feeds that tell what hangs on its objects

	// keep says whether an item is of interest, and of which scope it proves that the delta shows it.
	keep func(context.Context, item) (keep bool, scope string)

	// whole says whether an item shows what every object has. nil: each does.
	whole func(item) bool

	// read makes records of a page of changes or of a first round. nil: [delta.records].
	read func(context.Context, page, *cursor, *connectors.Page) error
}

// deltaScope is one type of things that a delta shows.
type deltaScope struct {
	name string
	kind events.Kind
	list string // the list of that type alone, up to where $top follows; empty: there is none, and the delta shows all that are of it
	need string // the permission for the list
}

// item is what a delta's item must say before anybody looks into it.
type item struct {
	ID        string         `json:"id"`
	Type      string         `json:"@odata.type"`
	Removed   *struct{}      `json:"@removed"`
	Principal string         `json:"servicePrincipalType"`
	App       string         `json:"appId"`
	Blueprint string         `json:"agentIdentityBlueprintId"`
	Parent    string         `json:"identityParentId"`
	Client    string         `json:"clientId"`
	Tags      []string       `json:"tags"`
	Enabled   jsontext.Value `json:"accountEnabled"` // nil: absent
	Name      jsontext.Value `json:"displayName"`    // nil: absent
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
	read := d.read
	if read == nil {
		read = d.records
	}
	var out connectors.Page
	r := call{url: cur.Link, need: d.need, followed: true, delta: true}
	if cur.Link == "" {
		r.url, r.followed = d.client.url(d.start), false
		cur = cursor{Pass: true, Listed: cur.Listed}
		out.Opens = d.names()
	}
	p, err := d.client.page(ctx, r)
	if isForbidden(err) && d.canList() && !(cur.Pass && r.followed) {
		return d.pullBarred(ctx, cur, err)
	}
	if err != nil {
		return connectors.Page{}, err
	}
	cur.Listed = time.Time{}
	if err = read(ctx, p, &cur, &out); err != nil {
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
func (d *delta) records(ctx context.Context, p page, cur *cursor, out *connectors.Page) error {
	var parts []part
	var fresh []item
	for _, raw := range p.items {
		var it item
		known := ""
		if err := decode(raw, &it); err == nil {
			keep, scope := d.keep(ctx, it)
			if scope != "" {
				cur.Seen = insert(cur.Seen, scope)
			} else if keep && it.Removed == nil {
				known = d.known(ctx, it)
			}
			if !keep {
				continue
			}
			d.client.family.note(it)
			if !cur.Pass && it.Removed == nil {
				fresh = append(fresh, it)
				if d.whole != nil && !d.whole(it) && isGUID(it.ID) {
					parts = append(parts, part{raw, known})
					continue
				}
			}
		}
		if err := d.add(part{raw, known}, p.asked, out); err != nil {
			return err
		}
	}
	if err := d.readWhole(ctx, parts, p.asked, out); err != nil {
		return err
	}
	return d.readNew(ctx, fresh, out)
}

// part is an object, and the scope in which the log knows it where it does not say by itself what it is.
type part struct {
	raw   jsontext.Value
	known string
}

// known is the scope of a service principal that nothing but the log knows.
func (d *delta) known(ctx context.Context, it item) string {
	switch {
	case d.record != recordPrincipal:
		return ""
	case connectors.IsKnown(ctx, events.Identity(events.KindBlueprint, it.ID)):
		return scopePrincipals
	}
	return scopeTagged
}

func (d *delta) add(p part, asked time.Time, out *connectors.Page) error {
	rec, err := newRecord(d.record, p.raw, asked)
	if err != nil {
		return fmt.Errorf("GET %s: %w", d.start, err)
	}
	if p.known != "" {
		rec.Context = map[string]string{contextList: p.known}
	}
	out.Records = append(out.Records, rec)
	return nil
}

// readWhole reads again what a page has shown in part. What is not there yet, or no longer, stays as it was shown.
func (d *delta) readWhole(ctx context.Context, parts []part, asked time.Time, out *connectors.Page) error {
	var paths []string
	for _, p := range parts {
		paths = append(paths, d.pathOf(p.raw))
	}
	answers, err := (&throttled{}).ask(ctx, d.client, "", paths, d.need)
	if err != nil {
		return err
	}
	for i, p := range parts {
		a, at := answers[paths[i]], asked
		if a.status == http.StatusOK {
			p.raw, at = a.body, a.asked
		} else if err := d.client.check(a, call{need: d.need}); a.status != http.StatusNotFound {
			return err
		}
		if err := d.add(p, at, out); err != nil {
			return err
		}
	}
	return nil
}

// pathOf is where an object is read alone.
func (d *delta) pathOf(raw jsontext.Value) string {
	var it item
	_ = decode(raw, &it) // it was read before
	s := sortOf(d.record, it)
	return s.path + it.ID + s.query
}

// mostNew is how many new objects of one page are read whole at once. More of them are left to the sweeps.
const mostNew = 20

// readNew reads at once what hangs on objects that are new, so that nothing of them seems to be missing until a sweep comes by. The
// sweeps read what could not be read now.
func (d *delta) readNew(ctx context.Context, items []item, out *connectors.Page) error {
	bySort := map[string][]string{}
	heirs := map[string][]string{}
	sorts := map[string]sort{}
	n := 0
	for _, it := range items {
		s := sortOf(d.record, it)
		if !isGUID(it.ID) || slices.Contains(bySort[s.name], it.ID) || isHolder(ctx, it.ID) {
			continue
		}
		n++
		sorts[s.name], bySort[s.name] = s, append(bySort[s.name], it.ID)
		if it.Blueprint != "" {
			heirs[it.Blueprint] = append(heirs[it.Blueprint], it.ID)
		}
	}
	if n > mostNew {
		out.Wakes = d.sweeps
		return nil
	}
	var more connectors.Page
	for _, name := range slices.Sorted(maps.Keys(bySort)) {
		if err := d.client.relations(ctx, &throttled{}, "", bySort[name], sorts[name].relations, &more); err != nil {
			return d.leave(ctx, out)
		}
	}
	if err := d.client.enrich(ctx, &more); err != nil {
		return d.leave(ctx, out)
	}
	for _, app := range slices.Sorted(maps.Keys(heirs)) {
		if err := d.client.heirs(ctx, app, heirs[app], &more); err != nil {
			return d.leave(ctx, out)
		}
	}
	out.Records = append(out.Records, more.Records...)
	return nil
}

// leave leaves to the sweeps what hangs on new objects.
func (d *delta) leave(ctx context.Context, out *connectors.Page) error {
	out.Wakes = d.sweeps
	return context.Cause(ctx)
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
