package entra

import (
	"context"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
)

// split parts a delta's scopes into those of which it has shown something, and the others.
func (d *delta) split(cur *cursor) (seen, unseen []string) {
	for _, name := range d.names() {
		if slices.Contains(cur.Seen, name) || d.listOf(name) == "" {
			seen = append(seen, name)
		} else {
			unseen = append(unseen, name)
		}
	}
	return seen, unseen
}

// nextList is the first scope after the one being listed that the delta has not shown, or empty.
func (d *delta) nextList(cur *cursor) string {
	after := slices.Index(d.names(), cur.List)
	for _, name := range d.names()[after+1:] {
		if (cur.Barred || !slices.Contains(cur.Seen, name)) && d.listOf(name) != "" {
			return name
		}
	}
	return ""
}

// listOf is the list of a scope alone; empty where there is none.
func (d *delta) listOf(name string) string {
	i := slices.Index(d.names(), name)
	return d.scopes[i].list
}

// pullList reads one page of a scope's own list, which is a pass over the scope. It takes a request or two after each round, as
// long as a tenant has none of the type, or for good, should the delta not name types.
func (d *delta) pullList(ctx context.Context, s deltaScope, cur cursor) (connectors.Page, error) {
	var out connectors.Page
	r := call{url: cur.Next, need: s.need, followed: true}
	if cur.Next == "" {
		r.url, r.followed = d.client.url(s.list+"$top="+strconv.Itoa(d.client.top(maxPage))), false
		out.Opens = []string{s.name}
	}
	p, err := d.client.page(ctx, r)
	switch f := connectors.AsFault(err); {
	case f != nil && f.Kind == connectors.Forbidden && !d.isFirst(&cur):
		out.Breaks = []string{s.name}
		out.Blind = []connectors.Blindness{s.hidden(&cur, f.Cure)}
	case err != nil:
		return connectors.Page{}, err
	case cur.Next == "" && cur.doubt(s.name, p):
		out.Breaks = []string{s.name}
	case p.next == "":
		out.Seals = []string{s.name}
	}
	var fresh []item
	for _, raw := range p.items {
		rec, err := newRecord(d.record, raw, p.asked)
		if err != nil {
			return connectors.Page{}, err
		}
		rec.Context = map[string]string{contextList: s.name}
		out.Records = append(out.Records, rec)
		if it := listed(raw, s); it.ID != "" {
			d.client.family.note(it)
			fresh = append(fresh, it)
		}
	}
	if err := d.readNew(ctx, fresh, &out); err != nil {
		return connectors.Page{}, err
	}
	if cur.Next = p.next; p.next == "" {
		cur.List = d.nextList(&cur)
	}
	if out.More = cur.List != ""; cur.Barred {
		out.Blind = append(out.Blind, d.barredBlind())
		if !out.More {
			cur.Barred, cur.Listed = false, d.client.now().UTC().Round(0)
		}
	}
	out.Next, err = cur.encode()
	return out, err
}

// doubt notes whether a list is empty, and reports whether that is to be doubted: it is believed when the round before says the
// same. Real deletions do not wait for it, the delta tells them.
func (cur *cursor) doubt(scope string, p page) bool {
	i, before := slices.BinarySearch(cur.Empty, scope)
	empty := len(p.items) == 0 && p.next == ""
	switch {
	case empty && !before:
		cur.Empty = slices.Insert(cur.Empty, i, scope)
	case !empty && before:
		cur.Empty = slices.Delete(cur.Empty, i, i+1)
	}
	return empty && !before
}

// listed is an object of a scope's own list, which may not name its type.
func listed(raw jsontext.Value, s deltaScope) (it item) {
	if decode(raw, &it) != nil {
		return item{}
	}
	switch s.name {
	case scopeAgents:
		it.Type = typeAgentIdentity
	case scopePrincipals:
		it.Type = typePrincipal
	}
	return it
}
