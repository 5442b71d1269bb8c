package entra

import (
	"slices"
	"strings"
)

// badSelect begins the message of a refused $select or $expand.
const badSelect = "Parsing OData Select and Expand failed"

// check refuses the options that the service refuses on a list.
func (q *request) check(src source) error {
	o := q.opt
	if o.isDelta {
		return bad("The query parameter '$deltatoken' is only supported on delta requests.")
	}
	if o.has("top") && (o.top < 1 || o.top > src.kind.max()) {
		return bad("Invalid page size specified: '%d'. Must be between 1 and %d inclusive.", o.top, src.kind.max())
	}
	if src.directory {
		if err := q.checkAdvanced(); err != nil {
			return err
		}
	}
	return q.checkNames(src)
}

// checkAdvanced refuses advanced queries of directory objects without `ConsistencyLevel: eventual` and $count=true.
func (q *request) checkAdvanced() error {
	o := q.opt
	if o.search != "" && !q.eventual() {
		return unsupported("Request with $search query parameter only works through MSGraph with a special request header: " +
			"'ConsistencyLevel: eventual'")
	}
	if (o.filter.advanced() || o.filter != nil && o.order != nil) && (!q.eventual() || !o.count) {
		return unsupported("The specified filter or its combination with $orderby is an advanced query: it needs $count=true " +
			"and the header 'ConsistencyLevel: eventual'.")
	}
	return nil
}

// checkNames refuses names that the type does not have.
func (q *request) checkNames(src source) error {
	k, o := src.kind, q.opt
	for _, p := range o.sel {
		if !k.knows(p) {
			return noProperty(badSelect, p, k)
		}
	}
	for _, e := range o.expand {
		if !slices.Contains(k.rels, e.rel) && !slices.Contains(k.castRels, e.rel) {
			return noProperty(badSelect, e.rel, k)
		}
	}
	for _, by := range o.order {
		if first, _, _ := strings.Cut(by.prop, "/"); !k.knows(first) {
			return noProperty("Invalid $orderby clause", by.prop, k)
		}
	}
	if o.filter == nil {
		return nil
	}
	for _, p := range o.filter.props {
		if !k.knows(p) {
			return noProperty("Invalid filter clause", p, k)
		}
	}
	return nil
}
