package entra

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// options are the OData query options of a request. The "$" before a name may be missing.
type options struct {
	given   []string // the names that the request has, without "$", sorted
	sel     []string
	filter  *filter
	order   []order
	expand  []expansion
	search  string
	top     int
	count   bool
	skip    string // $skiptoken
	delta   string // $deltatoken
	isDelta bool   // $deltatoken is there, empty or not
	keep    url.Values
}

type order struct {
	prop string
	desc bool
}

type expansion struct {
	rel string
	sel []string
}

var optionNames = split(`count deltatoken expand filter format orderby search select skip skiptoken top`)

// parseOptions reads a query string. Names without "$" that OData does not know are ignored, as custom query options are.
func parseOptions(raw string) (options, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return options{}, badQuery("The query specified in the URI is not valid: it is not percent-encoded correctly.")
	}
	o := options{keep: url.Values{}}
	for _, key := range keys(values) {
		name := strings.ToLower(strings.TrimPrefix(key, "$"))
		if !slices.Contains(optionNames, name) {
			if strings.HasPrefix(key, "$") {
				return o, badQuery("The query parameter '%s' is not supported.", key)
			}
			continue
		}
		if len(values[key]) > 1 || slices.Contains(o.given, name) {
			return o, badQuery("Query option '%s' was specified more than once, but it must be specified at most once.", key)
		}
		o.given = append(o.given, name)
		if err := o.set(name, values.Get(key)); err != nil {
			return o, err
		}
	}
	slices.Sort(o.given)
	return o, nil
}

func (o *options) set(name, value string) (err error) {
	if name != "skiptoken" && name != "deltatoken" {
		o.keep.Set("$"+name, value)
	}
	switch name {
	case "select":
		o.sel, err = names(value)
	case "filter":
		o.filter, err = parseFilter(value)
	case "orderby":
		o.order, err = parseOrder(value)
	case "expand":
		o.expand, err = parseExpand(value)
	case "search":
		o.search = value
	case "top":
		o.top, err = strconv.Atoi(value)
		if err != nil || o.top < 0 {
			return badQuery("Invalid value '%s' for $top query option found. It requires a non-negative integer value.", value)
		}
	case "count":
		if value != "true" && value != "false" {
			return badQuery("Invalid value '%s' for $count query option found. Valid values are 'true', 'false'.", value)
		}
		o.count = value == "true"
	case "skip":
		return bad("'$skip' is not supported by the service.")
	case "skiptoken":
		o.skip = value
	case "deltatoken":
		o.delta, o.isDelta = value, true
	}
	return err
}

func (o options) has(name string) bool { return slices.Contains(o.given, name) }

// names reads a list of properties; a cast before a name (microsoft.graph.agentIdentity/tags) is dropped.
func names(list string) ([]string, error) {
	var out []string
	for p := range strings.SplitSeq(list, ",") {
		p = strings.TrimSpace(p)
		if cast, rest, ok := strings.Cut(p, "/"); ok {
			if _, known := castOf(cast); known {
				p = rest
			}
		}
		if p == "" {
			return nil, badQuery(badSelect+": an empty name in '%s'.", list)
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out, nil
}

func parseOrder(list string) ([]order, error) {
	var out []order
	for p := range strings.SplitSeq(list, ",") {
		f := strings.Fields(p)
		if len(f) == 0 || len(f) > 2 || len(f) == 2 && f[1] != "asc" && f[1] != "desc" {
			return nil, badQuery("Invalid $orderby clause: '%s'.", list)
		}
		out = append(out, order{prop: f[0], desc: len(f) == 2 && f[1] == "desc"})
	}
	return out, nil
}

// parseExpand reads relations with an optional selection: owners($select=id,displayName),manager.
func parseExpand(list string) ([]expansion, error) {
	var out []expansion
	for _, part := range outside(list, ',') {
		name, rest, nested := strings.Cut(strings.TrimSpace(part), "(")
		e := expansion{rel: name}
		if cast, rel, ok := strings.Cut(name, "/"); ok {
			if _, known := castOf(cast); known {
				e.rel = rel
			}
		}
		if nested {
			inner, closed := strings.CutSuffix(rest, ")")
			sel, ok := strings.CutPrefix(inner, "$select=")
			if !closed || !ok {
				return nil, badQuery(badSelect+": only $select is supported within $expand, not '%s'.", part)
			}
			var err error
			if e.sel, err = names(sel); err != nil {
				return nil, err
			}
		}
		if e.rel == "" {
			return nil, badQuery(badSelect+": an empty name in '%s'.", list)
		}
		out = append(out, e)
	}
	return out, nil
}

// outside splits a text at a separator that stands outside parentheses.
func outside(s string, sep rune) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == sep && depth == 0:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}
