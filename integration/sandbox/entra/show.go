package entra

import (
	"slices"
	"strings"
)

// expandMax is how many items of a relation $expand returns at most.
const expandMax = 20

// show is one row as a read returns it: every property of the default set or of $select, null when it was never set. k is
// the type that the address declares; a row of a derived type says so.
func (q *request) show(r row, k kind) map[string]any {
	m := project(r.props, q.actual(r, k), q.opt.sel)
	if r.object != nil && r.Type != k.name {
		m["@odata.type"] = "#" + namespace + r.Type
	}
	if typ, ok := r.props["@odata.type"]; ok && r.object == nil {
		m["@odata.type"] = typ
	}
	for _, e := range q.opt.expand {
		if r.object == nil {
			continue
		}
		if v := q.expanded(r.object, e); v != nil {
			m[e.rel] = v
		}
	}
	return m
}

func (q *request) actual(r row, k kind) kind {
	if r.object != nil {
		return kindOf(r.Type)
	}
	return k
}

// project keeps the selected properties, or the default set.
func project(props map[string]any, k kind, sel []string) map[string]any {
	m := map[string]any{}
	if sel == nil {
		m["id"] = props["id"]
		if props["id"] == nil {
			delete(m, "id") // inheritablePermission is the one type without an id
		}
		sel = k.defaults
	}
	for _, p := range sel {
		name, empty := strings.CutSuffix(p, "[]")
		if v, ok := props[name]; ok {
			m[name] = v
		} else if empty || has(k.defaults, name+"[]") || listed(k, name) {
			m[name] = []any{}
		} else {
			m[name] = nil
		}
	}
	return m
}

// listed tells whether a property is a collection, which is empty rather than null.
func listed(k kind, name string) bool {
	for _, p := range append(k.defaults[:len(k.defaults):len(k.defaults)], k.more...) {
		if p == name+"[]" {
			return true
		}
	}
	return false
}

// expanded is a relation inside its object: one object (or nil), or a list.
func (q *request) expanded(o *object, e expansion) any {
	src, err := q.related(o, e.rel)
	if err != nil {
		return nil
	}
	list := []any{}
	for r := range src.rows(0) {
		m := project(r.props, q.actual(r, src.kind), e.sel)
		if r.object != nil && r.Type != src.kind.name {
			m["@odata.type"] = "#" + namespace + r.Type
		}
		if slices.Contains(singles, e.rel) {
			return m
		}
		if list = append(list, m); len(list) == expandMax {
			break
		}
	}
	if slices.Contains(singles, e.rel) {
		return nil
	}
	return list
}
