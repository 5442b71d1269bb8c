package okta

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// filter is a parsed SCIM filter expression. It is given a function that returns the values of an attribute.
type filter func(values func(attr string) []string) bool

// fields says which attributes an endpoint can filter by, and with which operators: "eq sw co". The empty attribute
// stands for all others.
type fields map[string]string

var (
	errSyntax   = errors.New("invalid filter expression")
	errOperator = errors.New("invalid search criteria: attribute or operator is not supported")
)

// maxFilter and maxDepth bound what one request can make the parser do.
const (
	maxFilter = 8192
	maxDepth  = 32
)

// parseFilter understands what Okta's endpoints do of SCIM: and, or, not, parentheses, and attribute operator value.
func parseFilter(src string, may fields) (filter, error) {
	if len(src) > maxFilter {
		return nil, fmt.Errorf("%w: longer than %d characters", errSyntax, maxFilter)
	}
	tokens, err := scan(src)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, may: may}
	f, err := p.or(0)
	if err == nil && p.at < len(p.tokens) {
		err = fmt.Errorf("%w: unexpected %q", errSyntax, p.tokens[p.at].text)
	}
	return f, err
}

type token struct {
	text   string
	quoted bool
}

// scan splits an expression into parentheses, words and quoted strings.
func scan(src string) (out []token, err error) {
	for src = strings.TrimLeft(src, " "); src != ""; src = strings.TrimLeft(src, " ") {
		n := 1
		switch src[0] {
		case '(', ')':
			out = append(out, token{text: src[:1]})
		case '"':
			q, err := strconv.QuotedPrefix(src)
			if err != nil {
				return nil, fmt.Errorf("%w: a string does not end", errSyntax)
			}
			text, _ := strconv.Unquote(q)
			out = append(out, token{text, true})
			n = len(q)
		default:
			if n = strings.IndexAny(src, " ()\""); n < 0 {
				n = len(src)
			}
			if strings.ContainsAny(src[:n], "[]") {
				return nil, fmt.Errorf("%w: [ ] is not supported", errSyntax)
			}
			out = append(out, token{text: src[:n]})
		}
		src = src[n:]
	}
	return out, nil
}

type parser struct {
	tokens []token
	at     int
	may    fields
}

// word takes the next token if it is that word, in any case.
func (p *parser) word(w string) bool {
	if p.at < len(p.tokens) && !p.tokens[p.at].quoted && strings.EqualFold(p.tokens[p.at].text, w) {
		p.at++
		return true
	}
	return false
}

func (p *parser) take() (token, error) {
	if p.at == len(p.tokens) {
		return token{}, fmt.Errorf("%w: it ends too early", errSyntax)
	}
	p.at++
	return p.tokens[p.at-1], nil
}

func (p *parser) or(depth int) (filter, error) {
	f, err := p.and(depth)
	for err == nil && p.word("or") {
		var g filter
		left := f
		if g, err = p.and(depth); err == nil {
			f = func(v func(string) []string) bool { return left(v) || g(v) }
		}
	}
	return f, err
}

func (p *parser) and(depth int) (filter, error) {
	f, err := p.term(depth)
	for err == nil && p.word("and") {
		var g filter
		left := f
		if g, err = p.term(depth); err == nil {
			f = func(v func(string) []string) bool { return left(v) && g(v) }
		}
	}
	return f, err
}

func (p *parser) term(depth int) (filter, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: nested too deeply", errSyntax)
	}
	if p.word("not") {
		f, err := p.term(depth + 1)
		return func(v func(string) []string) bool { return !f(v) }, err
	}
	if p.word("(") {
		f, err := p.or(depth + 1)
		if err == nil && !p.word(")") {
			err = fmt.Errorf("%w: a parenthesis does not close", errSyntax)
		}
		return f, err
	}
	return p.comparison()
}

func (p *parser) comparison() (filter, error) {
	attr, err := p.take()
	if err != nil {
		return nil, err
	}
	op, err := p.take()
	if err != nil {
		return nil, err
	}
	name, verb := attr.text, strings.ToLower(op.text)
	test, known := operators[verb]
	if attr.quoted || op.quoted || !known {
		return nil, fmt.Errorf("%w: %q is no operator", errSyntax, op.text)
	}
	if !p.may.allow(name, verb) {
		return nil, fmt.Errorf("%w: %s %s", errOperator, name, verb)
	}
	if verb == "pr" {
		return func(v func(string) []string) bool { return len(v(name)) > 0 }, nil
	}
	want, err := p.value()
	return func(v func(string) []string) bool {
		for _, got := range v(name) {
			if test(got, want) {
				return true
			}
		}
		return false
	}, err
}

// value takes a string, a number, true, false or null.
func (p *parser) value() (string, error) {
	t, err := p.take()
	if err != nil || t.quoted || t.text == "true" || t.text == "false" || t.text == "null" {
		return t.text, err
	}
	if _, err := strconv.ParseFloat(t.text, 64); err != nil {
		return "", fmt.Errorf("%w: %q is not a value; strings need quotes", errSyntax, t.text)
	}
	return t.text, nil
}

func (f fields) allow(attr, op string) bool {
	ops, known := f[attr]
	if !known {
		ops = f[""]
	}
	for o := range strings.FieldsSeq(ops) {
		if o == op {
			return true
		}
	}
	return false
}

var operators = map[string]func(got, want string) bool{
	"eq": func(g, w string) bool { return g == w },
	"ne": func(g, w string) bool { return g != w },
	"sw": strings.HasPrefix,
	"ew": strings.HasSuffix,
	"co": strings.Contains,
	"gt": func(g, w string) bool { return g > w },
	"ge": func(g, w string) bool { return g >= w },
	"lt": func(g, w string) bool { return g < w },
	"le": func(g, w string) bool { return g <= w },
	"pr": func(string, string) bool { return true },
}

// everything is the filter of a request without one.
func everything(func(string) []string) bool { return true }

// filter parses a parameter that may be absent. The refusal's code tells a wrong expression from a field or operator that
// the endpoint does not have.
func (c *call) filter(parameter, syntaxCode string, may fields) (filter, *answer) {
	src := c.q.Get(parameter)
	if src == "" {
		return everything, nil
	}
	f, err := parseFilter(src, may)
	if err == nil {
		return f, nil
	}
	code := syntaxCode
	if errors.Is(err, errOperator) {
		code = "E0000031"
	}
	a := fault(http.StatusBadRequest, code, "Invalid search criteria.", err.Error())
	return nil, &a
}

// pinned reads the value of a parameter that is nothing but: attribute eq "value". So a list of thousands need not be
// searched for the one thing that is asked for.
func (c *call) pinned(parameter, attr string) (value string, only bool) {
	t, err := scan(c.q.Get(parameter))
	if err != nil || len(t) != 3 || t[0].text != attr || !strings.EqualFold(t[1].text, "eq") {
		return "", false
	}
	return t[2].text, true
}
