package entra

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxDepth bounds the nesting of a filter.
const maxDepth = 24

// parser reads a $filter expression, word by word.
type parser struct {
	words []string
	depth int
	vars  []string
	out   *filter
}

var (
	wordForm    = regexp.MustCompile(`^\s*('(?:[^']|'')*'|[A-Za-z0-9_@.:/+-]+|[(),])`)
	literalForm = regexp.MustCompile(`^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\d{4}-\d{2}-\d{2}(T[0-9:.]+(Z|[+-]\d{2}:\d{2}))?)$`)
	nameForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*$`)
)

func invalid(why string, args ...any) *failure {
	return badQuery("Invalid filter clause: "+why, args...)
}

// parseFilter reads comparisons (eq ne gt ge lt le in), startswith, endswith, contains, any(), not, and, or, parentheses.
func parseFilter(text string) (*filter, error) {
	p := &parser{out: &filter{original: text}}
	for rest := text; strings.TrimSpace(rest) != ""; {
		m := wordForm.FindStringSubmatchIndex(rest)
		if m == nil {
			return nil, invalid("a character that cannot stand there in '%s'.", text)
		}
		p.words = append(p.words, rest[m[2]:m[3]])
		rest = rest[m[1]:]
	}
	test, ids, err := p.or()
	if err != nil {
		return nil, err
	}
	if len(p.words) > 0 {
		return nil, invalid("'%s' is one word too many in '%s'.", p.words[0], text)
	}
	p.out.test, p.out.onlyIDs = test, ids
	slices.Sort(p.out.ops)
	p.out.ops = slices.Compact(p.out.ops)
	return p.out, nil
}

type test = func(scope) bool

func (p *parser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

func (p *parser) take(word string) bool {
	if len(p.words) > 0 && p.words[0] == word {
		p.words = p.words[1:]
		return true
	}
	return false
}

func (p *parser) want(word string) error {
	if !p.take(word) {
		return invalid("'%s' is missing in '%s'.", word, p.out.original)
	}
	return nil
}

// or also gathers the ids of an expression that only names ids, which is all that a delta call allows.
func (p *parser) or() (test, []string, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, nil, invalid("the expression is nested too deeply.")
	}
	a, ids, err := p.and()
	for err == nil && p.take("or") {
		p.out.ops = append(p.out.ops, "or")
		left := a
		right, more, e := p.and()
		a, err = func(s scope) bool { return left(s) || right(s) }, e
		if ids == nil || more == nil {
			ids = nil
		} else {
			ids = append(ids, more...)
		}
	}
	return a, ids, err
}

func (p *parser) and() (test, []string, error) {
	a, ids, err := p.not()
	for err == nil && p.take("and") {
		p.out.ops = append(p.out.ops, "and")
		left := a
		right, _, e := p.not()
		a, ids, err = func(s scope) bool { return left(s) && right(s) }, nil, e
	}
	return a, ids, err
}

func (p *parser) not() (test, []string, error) {
	if p.take("not") {
		p.out.ops = append(p.out.ops, "not")
		a, _, err := p.primary()
		return func(s scope) bool { return !a(s) }, nil, err
	}
	return p.primary()
}

func (p *parser) primary() (test, []string, error) {
	if p.take("(") {
		a, ids, err := p.or()
		if err == nil {
			err = p.want(")")
		}
		return a, ids, err
	}
	w := p.next()
	if path, ok := strings.CutSuffix(w, "/any"); ok && p.take("(") {
		a, err := p.anyOf(path)
		return a, nil, err
	}
	if p.take("(") {
		a, err := p.function(w)
		return a, nil, err
	}
	if err := p.name(w); err != nil {
		return nil, nil, err
	}
	return p.comparison(w)
}

// name notes a property that the expression uses.
func (p *parser) name(path string) error {
	if !nameForm.MatchString(path) {
		return invalid("'%s' is not a property in '%s'.", path, p.out.original)
	}
	first, _, _ := strings.Cut(path, "/")
	if !slices.Contains(p.vars, first) {
		p.out.props = append(p.out.props, first)
	}
	return nil
}

func (p *parser) comparison(path string) (test, []string, error) {
	op := p.next()
	p.out.ops = append(p.out.ops, op)
	if op == "in" {
		return p.in(path)
	}
	if !slices.Contains([]string{"eq", "ne", "gt", "ge", "lt", "le"}, op) {
		return nil, nil, invalid("'%s' is not an operator in '%s'.", op, p.out.original)
	}
	want, err := p.literal()
	var ids []string
	if id, ok := want.(string); ok && op == "eq" && path == "id" {
		ids = []string{id}
	}
	return func(s scope) bool { return compare(op, s.lookup(path), want) }, ids, err
}

func (p *parser) in(path string) (test, []string, error) {
	if err := p.want("("); err != nil {
		return nil, nil, err
	}
	var all []any
	for {
		v, err := p.literal()
		if err != nil {
			return nil, nil, err
		}
		all = append(all, v)
		if !p.take(",") {
			break
		}
	}
	return func(s scope) bool {
		return slices.ContainsFunc(all, func(v any) bool { return compare("eq", s.lookup(path), v) })
	}, nil, p.want(")")
}

var functions = map[string]func(have, want string) bool{
	"startswith": strings.HasPrefix, "endswith": strings.HasSuffix, "contains": strings.Contains,
}

func (p *parser) function(name string) (test, error) {
	name = strings.ToLower(name)
	f := functions[name]
	if f == nil {
		return nil, invalid("an unknown function with name '%s' was found.", name)
	}
	p.out.ops = append(p.out.ops, name)
	path := p.next()
	if err := p.name(path); err != nil {
		return nil, err
	}
	if err := p.want(","); err != nil {
		return nil, err
	}
	v, err := p.literal()
	want, ok := v.(string)
	if err == nil && !ok {
		err = invalid("%s needs a text in '%s'.", name, p.out.original)
	}
	if err == nil {
		err = p.want(")")
	}
	return func(s scope) bool {
		have, _ := s.lookup(path).(string)
		return f(strings.ToLower(have), strings.ToLower(want))
	}, err
}

// anyOf reads the rest of tags/any(t:t eq 'x').
func (p *parser) anyOf(path string) (test, error) {
	if err := p.name(path); err != nil {
		return nil, err
	}
	v, rest, ok := strings.Cut(p.next(), ":")
	if !ok || !nameForm.MatchString(v) || strings.Contains(v, "/") || len(p.vars) > 0 {
		return nil, invalid("any() needs one variable and no any() inside, in '%s'.", p.out.original)
	}
	if rest != "" {
		p.words = append([]string{rest}, p.words...)
	}
	p.vars = append(p.vars, v)
	inner, _, err := p.or()
	p.vars = nil
	if err == nil {
		err = p.want(")")
	}
	return func(s scope) bool {
		list, _ := s.lookup(path).([]any)
		return slices.ContainsFunc(list, func(e any) bool { return inner(scope{row: s.row, name: v, elem: e}) })
	}, err
}

// literal reads 'text', null, true, false, a number, a UUID or a date.
func (p *parser) literal() (any, error) {
	w := p.next()
	switch {
	case strings.HasPrefix(w, "'") && len(w) >= 2:
		return strings.ReplaceAll(w[1:len(w)-1], "''", "'"), nil
	case w == "null":
		return nil, nil
	case w == "true" || w == "false":
		return w == "true", nil
	case literalForm.MatchString(w):
		return w, nil
	}
	n, err := strconv.ParseFloat(w, 64)
	if err != nil {
		return nil, invalid("'%s' is not a value in '%s'.", w, p.out.original)
	}
	return n, nil
}
