package entra

import (
	"slices"
	"strings"
	"time"
)

// filter is a parsed $filter expression.
type filter struct {
	test     func(scope) bool
	props    []string // the properties that it names, for the check against the type
	ops      []string // the operators and functions that it uses, sorted
	onlyIDs  []string // for `id eq 'a' or id eq 'b'`: the ids; nil for any other expression
	original string
}

// scope is what a name in a filter may mean: a property of the row, or the variable of an enclosing any().
type scope struct {
	row  map[string]any
	name string
	elem any
}

func (f *filter) match(row map[string]any) bool { return f == nil || f.test(scope{row: row}) }

// lookup follows a path such as initiatedBy/user/id.
func (s scope) lookup(path string) any {
	first, rest, _ := strings.Cut(path, "/")
	var v any
	if s.name != "" && first == s.name {
		v = s.elem
	} else {
		v = s.row[first]
	}
	for rest != "" && v != nil {
		first, rest, _ = strings.Cut(rest, "/")
		m, _ := v.(map[string]any)
		v = m[first]
	}
	return v
}

// compare applies a comparison operator. Strings compare without regard to case, as in the directory; times as times.
func compare(op string, have, want any) bool {
	if have == nil || want == nil {
		return (op == "eq") == (have == nil && want == nil) && (op == "eq" || op == "ne")
	}
	n, ok := rank(have, want)
	switch op {
	case "eq":
		return ok && n == 0
	case "ne":
		return !ok || n != 0
	case "gt":
		return ok && n > 0
	case "ge":
		return ok && n >= 0
	case "lt":
		return ok && n < 0
	default:
		return ok && n <= 0
	}
}

// rank orders two values of one sort; ok is false when they cannot be compared.
func rank(a, b any) (n int, ok bool) {
	switch x := a.(type) {
	case bool:
		y, ok := b.(bool)
		if x == y {
			return 0, ok
		}
		return 1, ok
	case float64:
		y, ok := b.(float64)
		switch {
		case x < y:
			return -1, ok
		case x > y:
			return 1, ok
		}
		return 0, ok
	case string:
		y, ok := b.(string)
		if t, err := time.Parse(time.RFC3339Nano, x); err == nil {
			if u, err := time.Parse(time.RFC3339Nano, y); err == nil {
				return t.Compare(u), true
			}
		}
		return strings.Compare(strings.ToLower(x), strings.ToLower(y)), ok
	}
	return 0, false
}

// advanced tells whether the expression needs `ConsistencyLevel: eventual` and $count=true on directory objects.
func (f *filter) advanced() bool {
	return f != nil && slices.ContainsFunc(f.ops, func(op string) bool {
		return op == "ne" || op == "not" || op == "endswith" || op == "contains"
	})
}
