package google

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func (a all) match(e map[string]any) bool {
	return !slices.ContainsFunc(a, func(f filter) bool { return !f.match(e) })
}

func (s some) match(e map[string]any) bool {
	return slices.ContainsFunc(s, func(f filter) bool { return f.match(e) })
}

func (n not) match(e map[string]any) bool { return !n.f.match(e) }

func (t text) match(e map[string]any) bool { return contains(e, strings.ToLower(string(t))) }

func (a all) fields() []string  { return fieldsOf(a) }
func (s some) fields() []string { return fieldsOf(s) }
func (n not) fields() []string  { return n.f.fields() }
func (t text) fields() []string { return nil }

func (c comparison) fields() []string { return []string{c.path} }

func fieldsOf(fs []filter) []string {
	var out []string
	for _, f := range fs {
		out = append(out, f.fields()...)
	}
	return out
}

// contains looks for a word, in lower case, in every value below v.
func contains(v any, word string) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, sub := range v {
			if contains(sub, word) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(sub any) bool { return contains(sub, word) })
	default:
		return strings.Contains(strings.ToLower(fmt.Sprint(v)), word)
	}
	return false
}

// match reports whether the entry's value compares as wanted with one of the alternatives. A field that is not there
// matches nothing but a negation.
func (c comparison) match(e map[string]any) bool {
	got := lookup(e, strings.Split(c.path, "."))
	switch c.op {
	case "!=":
		return !c.any(got, "=")
	case "!~":
		return !c.any(got, "=~")
	}
	return c.any(got, c.op)
}

func (c comparison) any(got []string, op string) bool {
	for _, g := range got {
		for i, v := range c.values {
			if op == "=~" {
				if c.regexp[i].MatchString(g) {
					return true
				}
			} else if compare(c.path, g, op, v) {
				return true
			}
		}
	}
	return false
}

// severities in their order, for severity>=NOTICE.
var severities = []string{"DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"}

// compare applies one operator. ":" asks for a substring, whatever its case, and ":*" for presence; order is that of
// times, severities or text.
func compare(path, got, op, want string) bool {
	if op == ":" {
		return want == "*" || strings.Contains(strings.ToLower(got), strings.ToLower(want))
	}
	n := strings.Compare(got, want)
	if g, err := time.Parse(time.RFC3339Nano, got); err == nil {
		if w, err := time.Parse(time.RFC3339Nano, want); err == nil {
			n = g.Compare(w)
		}
	}
	if path == "severity" {
		n = slices.Index(severities, got) - slices.Index(severities, strings.ToUpper(want))
	}
	switch op {
	case "=":
		return n == 0
	case "<":
		return n < 0
	case "<=":
		return n <= 0
	case ">":
		return n > 0
	}
	return n >= 0
}

// lookup finds the values at a path. Names may be in either case style, and arrays are looked through.
func lookup(v any, path []string) []string {
	switch v := v.(type) {
	case []any:
		var out []string
		for _, sub := range v {
			out = append(out, lookup(sub, path)...)
		}
		return out
	case map[string]any:
		if len(path) == 0 {
			return []string{"*"}
		}
		if sub, ok := v[path[0]]; ok {
			return lookup(sub, path[1:])
		}
		if sub, ok := v[camelCase(path[0])]; ok {
			return lookup(sub, path[1:])
		}
	case nil:
		return nil
	default:
		if len(path) == 0 {
			return []string{fmt.Sprint(v)}
		}
	}
	return nil
}
