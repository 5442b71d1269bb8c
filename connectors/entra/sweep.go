package entra

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// sweep reads again and again what no delta shows: it goes through lists of agents or blueprints and asks for the relations of
// each object on a page by $batch. Each relation read in full replaces its own scope; what could not be read stays as it is.
// From its first page to its last a sweep is a pass, over a scope of its name that no entity is in.
type sweep struct {
	client *client
	name   string
	phases []phase
	kept   throttled
	listed map[string]bool // what the lists of this round have shown; nil: the round began in another process
}

// phase is one list and the relations of what is in it.
type phase struct {
	name      string // stable: it is in the cursor
	list      string // the path; empty: the agents that the log knows and that none of the lists before has shown
	max       int    // the largest page
	need      string // the permission for the list
	relations []relation
}

// chunk is how many objects a page without a list covers.
const chunk = 100

// pull reads one page of a list and its relations.
func (s *sweep) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur, err := s.client.readCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	i := max(0, slices.IndexFunc(s.phases, func(p phase) bool { return p.name == cur.Phase }))
	var out connectors.Page
	if i == 0 && cur.Link == "" {
		out.Opens, s.listed = []string{s.name}, map[string]bool{}
	}
	p, key, err := s.list(ctx, s.phases[i], &cur)
	switch {
	case isForbidden(err) && i > 0:
		// The lists before could be read: one that may not be read blinds the feed to what hangs on it, not to everything.
		out.Blind = append(out.Blind, connectors.Blindness{Kinds: s.phases[i].kinds(),
			Reason: "of " + s.phases[i].name + ": " + connectors.AsFault(err).Cure})
	case err != nil:
		return connectors.Page{}, err
	}
	if err := s.relate(ctx, s.phases[i], p, key, &out); err != nil {
		return connectors.Page{}, err
	}
	if err := s.client.enrich(ctx, &out); err != nil {
		return connectors.Page{}, err // what was answered is kept for the next pull
	}
	s.kept.forget()
	if err := s.turn(i, p.next, cur, &out); err != nil {
		return connectors.Page{}, err
	}
	return out, nil
}

// list reads one page of a phase, and a key for it.
func (s *sweep) list(ctx context.Context, ph phase, cur *cursor) (page, string, error) {
	if ph.list == "" {
		p, err := s.others(ctx, cur)
		return p, ph.name + cur.After, err
	}
	r := call{url: cur.Link, need: ph.need, followed: true, low: true}
	if cur.Link == "" {
		r.url, r.followed = s.first(ph), false
	}
	p, err := s.client.page(ctx, r)
	return p, r.url, err
}

// others are the agents that no list of this round has shown: those that only their tags tell. A round that another process began
// leaves them to the next.
func (s *sweep) others(ctx context.Context, cur *cursor) (p page, err error) {
	if s.listed == nil {
		return page{}, nil
	}
	if ok, err := s.client.sees(ctx, "/servicePrincipals", needDirectory); err != nil || !ok {
		return page{}, err
	}
	for _, id := range connectors.Known(ctx, events.KindAgent) {
		if s.listed[id] || id <= cur.After || !isGUID(id) {
			continue
		}
		if len(p.items) == chunk {
			cur.After, p.next = p.after, "more"
			return p, nil
		}
		item, err := events.Marshal(map[string]string{"id": id})
		if err != nil {
			return page{}, err
		}
		p.items, p.after = append(p.items, item), id
	}
	return p, nil
}

// enrich adds to a page's records the names of what they name by id, and the persons that nobody has told of yet.
func (c *client) enrich(ctx context.Context, out *connectors.Page) error {
	if err := c.withNames(ctx, out.Records); err != nil {
		return err
	}
	records, blind, err := c.withPeople(ctx, out.Records)
	out.Records, out.Blind = records, append(out.Blind, blind...)
	return err
}

// first is the address of a list's first page.
func (s *sweep) first(p phase) string {
	return s.client.url(p.list + "?$select=id&$top=" + strconv.Itoa(s.client.top(p.max)))
}

// turn says where to go on: at the list's next page, at the next list, or from the start when all are read.
func (s *sweep) turn(i int, next string, cur cursor, out *connectors.Page) (err error) {
	switch {
	case next != "" && s.phases[i].list == "":
		out.Next, err = cursor{Phase: s.phases[i].name, After: cur.After}.encode()
	case next != "":
		out.Next, err = cursor{Phase: s.phases[i].name, Link: next}.encode()
	case i+1 < len(s.phases):
		out.Next, err = cursor{Phase: s.phases[i+1].name}.encode()
	default:
		out.Seals = []string{s.name}
		return nil
	}
	out.More = true
	return err
}

// relate asks for the relations of what is on a page.
func (s *sweep) relate(ctx context.Context, ph phase, p page, key string, out *connectors.Page) error {
	var ids []string
	for _, raw := range p.items {
		var it item
		if err := decode(raw, &it); err != nil || it.ID == "" {
			return fmt.Errorf("GET %s: an object of the list has no id", ph.list)
		}
		ids = append(ids, it.ID)
		if s.listed != nil {
			s.listed[it.ID] = true
		}
	}
	return s.client.relations(ctx, &s.kept, key, ids, ph.relations, out)
}

// relations asks for relations of objects of one sort, and adds a record for each to a page.
func (c *client) relations(ctx context.Context, kept *throttled, key string, ids []string, rels []relation, out *connectors.Page) error {
	var paths []string
	for _, id := range ids {
		for _, rel := range rels {
			paths = append(paths, rel.path(id))
		}
	}
	answers, err := kept.ask(ctx, c, key, paths, needOf(rels))
	if err != nil {
		return err
	}
	for _, id := range ids {
		for _, rel := range rels {
			if err := c.relation(ctx, rel, id, answers[rel.path(id)], out); err != nil {
				kept.forget()
				return err
			}
		}
	}
	return nil
}

// relation takes in the answer for one relation of one object.
func (c *client) relation(ctx context.Context, rel relation, id string, a answer, out *connectors.Page) error {
	if a.status == http.StatusNotFound && !rel.single {
		return nil // the object went away since the list: its own feed says so
	}
	body, err := c.body(ctx, rel, a)
	if reason := unreadable(rel, a, err); reason != "" {
		out.Blind = append(out.Blind, connectors.Blindness{Kinds: rel.kinds, Reason: reason})
		return nil
	}
	if err != nil {
		return err
	}
	rec, err := newRecord(rel.record, body, a.asked)
	if err != nil {
		return fmt.Errorf("%s: %w", a.place, err)
	}
	rec.Context = map[string]string{contextHolder: id}
	out.Records = append(out.Records, rec)
	return nil
}

// body is the relation as received, or put together of its pages; null where there is no object.
func (c *client) body(ctx context.Context, rel relation, a answer) (jsontext.Value, error) {
	if rel.single && a.status == http.StatusNotFound {
		return jsontext.Value("null"), nil
	}
	r := call{need: rel.need, low: true}
	if err := c.check(a, r); err != nil {
		return nil, err
	}
	if rel.single {
		if jsontext.Value(a.body).Kind() != '{' {
			return nil, c.strange(a, "an object")
		}
		return a.body, nil
	}
	p, err := c.readPage(a)
	if err != nil || p.next == "" {
		return a.body, err
	}
	items, err := c.all(ctx, p, r)
	if err != nil {
		return nil, err
	}
	return events.Marshal(map[string]any{"value": items})
}

// unreadable is why a relation that was refused stays unknown, without ids; empty: it was not refused, or the page fails.
func unreadable(rel relation, a answer, err error) string {
	f := connectors.AsFault(err)
	switch {
	case f != nil && f.Kind == connectors.Forbidden:
		return "of " + rel.record + ": " + f.Cure
	case f == nil && err != nil && a.status >= 400:
		return fmt.Sprintf("of %s: Graph answered with status %d for some; they are read again at the next sweep", rel.record, a.status)
	}
	return ""
}

// needOf are the permissions for relations.
func needOf(rels []relation) string {
	var needs []string
	for _, rel := range rels {
		if !slices.Contains(needs, rel.need) {
			needs = append(needs, rel.need)
		}
	}
	return strings.Join(needs, " and ")
}

func (p phase) kinds() []events.Kind {
	var kinds []events.Kind
	for _, rel := range p.relations {
		kinds = append(kinds, rel.kinds...)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}
