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
}

// phase is one list and the relations of what is in it.
type phase struct {
	name      string // stable: it is in the cursor
	list      string // the path
	max       int    // the largest page
	need      string // the permission for the list
	relations []relation
}

// relation is what hangs on an object.
type relation struct {
	record string // the type of its records
	path   func(id string) string
	kinds  []events.Kind // what it tells of
	need   string
	single bool // one object, not a list; a 404 says that there is none
}

// pull reads one page of a list and its relations.
func (s *sweep) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur, err := s.client.readCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	i := max(0, slices.IndexFunc(s.phases, func(p phase) bool { return p.name == cur.Phase }))
	r := call{url: cur.Link, need: s.phases[i].need, followed: true, low: true}
	if cur.Link == "" {
		r.url, r.followed = s.first(s.phases[i]), false
	}
	var out connectors.Page
	if i == 0 && cur.Link == "" {
		out.Opens = []string{s.name}
	}
	p, err := s.client.page(ctx, r)
	switch f := connectors.AsFault(err); {
	case f != nil && f.Kind == connectors.Forbidden && i > 0:
		// The lists before could be read: one that may not be read blinds the feed to what hangs on it, not to everything.
		out.Blind = append(out.Blind, connectors.Blindness{Kinds: s.phases[i].kinds(), Reason: "of " + s.phases[i].name + ": " + f.Cure})
	case err != nil:
		return connectors.Page{}, err
	}
	if err := s.relate(ctx, s.phases[i], p, r.url, &out); err != nil {
		return connectors.Page{}, err
	}
	if err := s.turn(i, p.next, &out); err != nil {
		return connectors.Page{}, err
	}
	return out, nil
}

// first is the address of a list's first page.
func (s *sweep) first(p phase) string {
	return s.client.url(p.list + "?$select=id&$top=" + strconv.Itoa(s.client.top(p.max)))
}

// turn says where to go on: at the list's next page, at the next list, or from the start when all are read.
func (s *sweep) turn(i int, next string, out *connectors.Page) (err error) {
	switch {
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
	var ids, paths []string
	for _, raw := range p.items {
		var it item
		if err := decode(raw, &it); err != nil || it.ID == "" {
			return fmt.Errorf("GET %s: an object of the list has no id", ph.list)
		}
		ids = append(ids, it.ID)
		for _, rel := range ph.relations {
			paths = append(paths, rel.path(it.ID))
		}
	}
	answers, err := s.kept.ask(ctx, s.client, key, paths, ph.relationsNeed())
	if err != nil {
		return err
	}
	for _, id := range ids {
		for _, rel := range ph.relations {
			if err := s.relation(ctx, rel, id, answers[rel.path(id)], out); err != nil {
				return err
			}
		}
	}
	return nil
}

// relation takes in the answer for one relation of one object.
func (s *sweep) relation(ctx context.Context, rel relation, id string, a answer, out *connectors.Page) error {
	if a.status == http.StatusNotFound && !rel.single {
		return nil // the object went away since the list: its own feed says so
	}
	body, err := s.body(ctx, rel, a)
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
func (s *sweep) body(ctx context.Context, rel relation, a answer) (jsontext.Value, error) {
	if rel.single && a.status == http.StatusNotFound {
		return jsontext.Value("null"), nil
	}
	r := call{need: rel.need, low: true}
	if err := s.client.check(a, r); err != nil {
		return nil, err
	}
	if rel.single {
		if jsontext.Value(a.body).Kind() != '{' {
			return nil, s.client.strange(a, "an object")
		}
		return a.body, nil
	}
	p, err := s.client.readPage(a)
	if err != nil || p.next == "" {
		return a.body, err
	}
	items, err := s.client.all(ctx, p, r)
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

// relationsNeed are the permissions for all relations of a phase.
func (p phase) relationsNeed() string {
	var needs []string
	for _, rel := range p.relations {
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
