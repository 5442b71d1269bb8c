package entra

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// listSize is how many items a page has unless the client says otherwise.
const listSize = 100

// row is one item of a list, with all properties that it has.
type row struct {
	seq   uint64
	props map[string]any
	*object
}

// source is a list before the query options are applied.
type source struct {
	kind      kind
	context   string // what follows $metadata# in the context
	directory bool   // directory objects: some options need ConsistencyLevel: eventual
	size      int    // the page size without $top; 0: listSize
	order     []order
	rows      func(after uint64) iter.Seq[row] // in the order of seq
}

// list applies the query options to a source and answers one page.
func (q *request) list(src source) (any, error) {
	if err := q.check(src); err != nil {
		return nil, err
	}
	at := cursor{}
	if q.opt.skip != "" {
		var err error
		if at, err = q.open(q.opt.skip, q.where(), "list"); err != nil {
			return nil, err
		}
	}
	if q.Nature.EmptyPages && !at.Blank {
		at.Blank = true
		return q.page(src, nil, &at), nil
	}
	at.Blank = false
	rows, next := q.pick(src, at)
	items := make([]any, len(rows))
	for i, r := range rows {
		items[i] = q.show(r, src.kind)
	}
	return q.page(src, items, next), nil
}

// pick finds the rows of one page, and the place of the next page if there is one.
func (q *request) pick(src source, at cursor) ([]row, *cursor) {
	size := q.size(src)
	if by := q.ordering(src); by != nil {
		return q.pickSorted(src, at, by, size)
	}
	var out []row
	for r := range src.rows(at.Pos) {
		if !q.matches(r) {
			continue
		}
		if len(out) == size {
			return out, &cursor{Pos: out[size-1].seq}
		}
		out = append(out, r)
	}
	return out, nil
}

// pickSorted goes on after the last row's sort keys, so that changes between two pages neither repeat nor skip a row that
// stays what it was.
func (q *request) pickSorted(src source, at cursor, by []order, size int) ([]row, *cursor) {
	var all []row
	for r := range src.rows(0) {
		if q.matches(r) && (at.Keys == nil || following(by, r, at)) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b row) int { return ranked(by, sortKeys(by, a), a.seq, sortKeys(by, b), b.seq) })
	if len(all) <= size {
		return all, nil
	}
	last := all[size-1]
	return all[:size], &cursor{Pos: last.seq, Keys: sortKeys(by, last)}
}

func (q *request) ordering(src source) []order {
	if q.opt.order != nil {
		return q.opt.order
	}
	return src.order
}

func sortKeys(by []order, r row) []any {
	out := make([]any, len(by))
	for i, o := range by {
		out[i] = scope{row: r.props}.lookup(o.prop)
	}
	return out
}

func following(by []order, r row, at cursor) bool {
	return ranked(by, sortKeys(by, r), r.seq, at.Keys, at.Pos) > 0
}

func ranked(by []order, a []any, aSeq uint64, b []any, bSeq uint64) int {
	for i, o := range by {
		n, _ := rank(a[i], b[i])
		if a[i] == nil || b[i] == nil {
			n = btoi(a[i] != nil) - btoi(b[i] != nil)
		}
		if o.desc {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	switch {
	case aSeq < bSeq:
		return -1
	case aSeq > bSeq:
		return 1
	}
	return 0
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// matches applies $filter and $search. $search looks for the words of "displayName:words" in that property.
func (q *request) matches(r row) bool {
	if !q.opt.filter.match(r.props) {
		return false
	}
	if q.opt.search == "" {
		return true
	}
	prop, words, _ := strings.Cut(strings.Trim(q.opt.search, `"`), ":")
	have, _ := r.props[prop].(string)
	return strings.Contains(strings.ToLower(have), strings.ToLower(words))
}

// size is the number of items on a page: $top, or the default; never more than [Sandbox.PageSize], of a log [Sandbox.LogPage].
func (q *request) size(src source) int {
	n := listSize
	if src.size > 0 {
		n = src.size
	}
	if q.opt.top > 0 {
		n = q.opt.top
	}
	isLog := src.kind.name == "directoryAudit" || src.kind.name == "signIn"
	switch {
	case isLog && q.LogPage > 0:
		n = min(n, q.LogPage)
	case q.PageSize > 0:
		n = min(n, q.PageSize)
	}
	return n
}

// page wraps the items of a list. The next link repeats the options of the request.
func (q *request) page(src source, items []any, next *cursor) map[string]any {
	if items == nil {
		items = []any{}
	}
	context := src.context
	if q.opt.sel != nil {
		context += "(" + strings.Join(q.opt.sel, ",") + ")"
	}
	m := map[string]any{"@odata.context": q.base + "/$metadata#" + context, "value": items}
	if q.opt.count && (!src.directory || q.eventual()) {
		m["@odata.count"] = q.number(src)
	}
	if next != nil {
		next.Use, next.Of = "list", q.where()
		v := maps.Clone(q.opt.keep)
		link := ""
		for _, name := range keys(v) {
			link += name + "=" + url.QueryEscape(v.Get(name)) + "&"
		}
		m["@odata.nextLink"] = q.base + "/" + q.where() + "?" + link + "$skiptoken=" + q.seal(*next)
	}
	return m
}

// where is the path of the request, encoded again.
func (q *request) where() string {
	out := make([]string, len(q.path))
	for i, p := range q.path {
		out[i] = url.PathEscape(p)
	}
	return strings.Join(out, "/")
}

func (q *request) number(src source) int {
	n := 0
	for r := range src.rows(0) {
		if q.matches(r) {
			n++
		}
	}
	return n
}

// countOnly answers a $count segment, which needs the header of advanced queries.
func (q *request) countOnly(src source) (any, error) {
	if !q.eventual() {
		return nil, bad("$count is not currently supported.")
	}
	q.opt.count = true
	if err := q.check(src); err != nil {
		return nil, err
	}
	return plainText(fmt.Sprint(q.number(src))), nil
}

func (q *request) eventual() bool {
	return strings.EqualFold(q.header.Get("ConsistencyLevel"), "eventual")
}

// getByIDs answers POST /directoryObjects/getByIds {"ids":[…],"types":[…]}; ids that are not there are left out.
func (q *request) getByIDs() (any, error) {
	var ask struct {
		IDs   []string `json:"ids"`
		Types []string `json:"types"`
	}
	if err := json.Unmarshal(q.body, &ask); err != nil {
		return nil, badQuery("Unable to read JSON request payload.")
	}
	if len(ask.IDs) == 0 || len(ask.IDs) > 1000 {
		return nil, bad("'ids' must hold 1 to 1000 object identifiers.")
	}
	return q.list(q.objects(ask.IDs, func(o *object) bool {
		return len(ask.Types) == 0 || slices.Contains(ask.Types, "directoryObject") || slices.Contains(ask.Types, o.base)
	}))
}
