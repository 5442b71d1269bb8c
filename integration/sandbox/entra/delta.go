package entra

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// deltaSize is how many items a delta page has unless the client or [Sandbox.PageSize] says less.
const deltaSize = 200

// deltaNames are the ways to write the last segment of a delta address.
var deltaNames = []string{"delta", "delta()", "microsoft.graph.delta", "microsoft.graph.delta()"}

// tracked are the relations that delta follows when they are selected.
var tracked = map[string]string{"user": "manager", "group": "members"}

// delta answers one page of a delta round over an entity set.
func (q *request) delta(k kind) (any, error) {
	c, err := q.deltaCursor(k)
	var f *failure
	if errors.As(err, &f) && f.status == http.StatusGone {
		f.header = http.Header{"Location": {q.base + "/" + k.set + "/delta?$deltatoken="}}
	}
	if err != nil {
		return nil, err
	}
	if c.Use == "latest" {
		return q.deltaPage(k, c, nil, cursor{Use: "delta", Pos: q.st.Clock}), nil
	}
	if q.Nature.EmptyPages && !c.Blank {
		next := c
		next.Use, next.Blank = "page", true
		return q.deltaPage(k, c, nil, next), nil
	}
	c.Blank = false
	if c.All {
		items, next := q.firstRound(k, c)
		return q.deltaPage(k, c, items, next), nil
	}
	items, next := q.laterRound(k, c)
	return q.deltaPage(k, c, items, next), nil
}

// deltaCursor finds the place to go on from. Options belong to the first call; the tokens carry them from there.
func (q *request) deltaCursor(k kind) (cursor, error) {
	o := q.opt
	first := o.skip == "" && (o.delta == "" || o.delta == "latest")
	for _, name := range o.given {
		own := name == "skiptoken" || name == "deltatoken" || name == "format"
		if !own && (!first || name != "select" && name != "filter" && (name != "top" || tracked[k.name] != "")) {
			return cursor{}, bad("The query parameter '$%s' is not supported on this delta request.", name)
		}
	}
	switch {
	case o.skip != "" && o.isDelta:
		return cursor{}, bad("$skiptoken and $deltatoken cannot be used together.")
	case o.skip != "":
		return q.open(o.skip, k.set, "page")
	case !first:
		c, err := q.open(o.delta, k.set, "delta")
		c.Base = c.Pos
		return c, err
	}
	return q.firstCursor(k)
}

func (q *request) firstCursor(k kind) (cursor, error) {
	c := cursor{Use: "page", Of: k.set, Select: q.opt.sel, All: true, Mark: q.st.Clock}
	if q.opt.delta == "latest" {
		c.Use = "latest"
	}
	for _, p := range c.Select {
		if !k.knows(p) && tracked[k.name] != p {
			return c, noProperty(badSelect, p, k)
		}
	}
	if f := q.opt.filter; f != nil {
		if c.IDs = f.onlyIDs; c.IDs == nil || len(c.IDs) > 50 {
			return c, bad("$filter of a delta request supports only `id eq`, for up to 50 ids.")
		}
	}
	return c, nil
}

// firstRound lists what exists now in the order of creation. What changes meanwhile comes again in the next round.
func (q *request) firstRound(k kind, c cursor) (items []any, next cursor) {
	fresh, last := 0, c.Pos
	for o := range q.each(k.name, q.from(c)) {
		if !o.live() || !c.wants(o) {
			continue
		}
		if o.Seq > c.Pos {
			if fresh == q.deltaSize() {
				return items, cursor{Use: "page", All: true, Mark: c.Mark, Pos: last}
			}
			fresh, last = fresh+1, o.Seq
		}
		items = append(items, q.item(o, c, false))
	}
	return items, cursor{Use: "delta", Pos: c.Mark}
}

// laterRound lists what changed since the token, in the order of the last change.
func (q *request) laterRound(k kind, c cursor) (items []any, next cursor) {
	minimal := strings.Contains(strings.ToLower(strings.Join(q.header.Values("Prefer"), ",")), "return=minimal")
	fresh, last := 0, c.Pos
	for _, x := range q.changes(k, c) {
		if x.number > c.Pos {
			if fresh == q.deltaSize() {
				return items, cursor{Use: "page", Base: c.Base, Pos: last}
			}
			fresh, last = fresh+1, x.number
		}
		items = append(items, q.item(x.object, c, minimal))
	}
	return items, cursor{Use: "delta", Pos: q.st.Clock}
}

// changed is an object with the number of the last change that a delta with a certain selection shows.
type changed struct {
	*object
	number uint64
}

// changes are the objects that changed since the cursor, in the order of their last change.
func (q *request) changes(k kind, c cursor) []changed {
	var all []changed
	from := q.from(c)
	for o := range q.each(k.name, 0) {
		if o.Last <= from || o.Hidden || !c.wants(o) {
			continue
		}
		if n := o.changed(c.Select); n > from {
			all = append(all, changed{o, n})
		}
	}
	slices.SortFunc(all, func(a, b changed) int { return cmp.Compare(a.number, b.number) })
	return all
}

// from is where a page begins: after the cursor, or on it when what ended the page before is replayed.
func (q *request) from(c cursor) uint64 {
	if q.Nature.Replays && c.Pos > 0 {
		return c.Pos - 1
	}
	return c.Pos
}

func (c cursor) wants(o *object) bool { return c.IDs == nil || slices.Contains(c.IDs, o.ID) }

// changed is the number of the last change that a delta with this selection shows.
func (o *object) changed(sel []string) uint64 {
	n := o.Touched[life]
	if sel == nil {
		sel = kindOf(o.Type).defaults
	}
	for _, p := range sel {
		n = max(n, o.Touched[strings.TrimSuffix(p, "[]")])
	}
	return n
}

// item is one object as delta shows it: properties that were never set are missing, those set to null are null.
func (q *request) item(o *object, c cursor, minimal bool) map[string]any {
	if o.Purged || o.Deleted != nil {
		reason := "changed"
		if o.Purged {
			reason = "deleted"
		}
		return map[string]any{"id": o.ID, "@removed": map[string]any{"reason": reason}}
	}
	base := o.base
	full := c.All || o.Touched[life] > c.Base
	m := map[string]any{"id": o.ID}
	sel := c.Select
	if sel == nil {
		sel = kindOf(o.Type).defaults
	}
	for _, p := range sel {
		p = strings.TrimSuffix(p, "[]")
		if v, ok := o.Props[p]; ok && (full || !minimal || o.Touched[p] > c.Base) {
			m[p] = v
		}
	}
	if o.Type != base && !q.Nature.OmitTypes {
		m["@odata.type"] = "#" + namespace + o.Type
	}
	if rel := tracked[base]; slices.Contains(c.Select, rel) && (full || o.Touched[rel] > c.Base) {
		q.links(m, o, rel)
	}
	return m
}

// links adds the annotation of a tracked relation.
func (q *request) links(m map[string]any, o *object, rel string) {
	var list []any
	for _, id := range o.Links[rel] {
		if x := q.ix.byID[id]; x.live() {
			list = append(list, map[string]any{"@odata.type": "#" + namespace + x.Type, "id": id})
		}
	}
	for _, id := range o.Links[rel+"@was"] {
		if x := q.ix.byID[id]; x != nil && !slices.Contains(o.Links[rel], id) {
			list = append(list, map[string]any{"@odata.type": "#" + namespace + x.Type, "id": id,
				"@removed": map[string]any{"reason": "deleted"}})
		}
	}
	if len(list) > 0 {
		m[rel+"@delta"] = list
	}
}

// deltaSize is the size of this page; a client may ask for less with $top or Prefer: odata.maxpagesize.
func (q *request) deltaSize() int {
	n := deltaSize
	if q.PageSize > 0 {
		n = q.PageSize
	}
	if q.opt.top > 0 {
		n = min(n, q.opt.top)
	}
	for p := range strings.SplitSeq(strings.Join(q.header.Values("Prefer"), ","), ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(p), "odata.maxpagesize="); ok {
			if m, err := strconv.Atoi(v); err == nil && m > 0 {
				n = min(n, m)
			}
		}
	}
	return n
}

// deltaPage wraps items; the link is a nextLink inside a round and a deltaLink at its end.
func (q *request) deltaPage(k kind, c cursor, items []any, next cursor) map[string]any {
	next.Of, next.Select, next.IDs = k.set, c.Select, c.IDs
	context := k.set
	if c.Select != nil {
		context += "(" + strings.Join(c.Select, ",") + ")"
	}
	if items == nil {
		items = []any{}
	}
	m := map[string]any{"@odata.context": q.base + "/$metadata#" + context, "value": items}
	if next.Use == "page" {
		m["@odata.nextLink"] = q.base + "/" + k.set + "/delta()?$skiptoken=" + q.seal(next)
	} else {
		m["@odata.deltaLink"] = q.base + "/" + k.set + "/delta()?$deltatoken=" + q.seal(next)
	}
	return m
}
