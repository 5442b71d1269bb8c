package google

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// filterParser is a recursive-descent parser. OR binds stronger than AND, other than in most languages: both AIP-160 and
// the Logging query language say so.
type filterParser struct {
	tokens    []filterToken
	at        int
	functions []string
}

var errFilterEnd = errors.New("the filter ends too early")

func (p *filterParser) done() bool { return p.at == len(p.tokens) }

// take consumes the token when it is this operator or keyword.
func (p *filterParser) take(text string) bool {
	if p.done() || p.tokens[p.at].quoted || p.tokens[p.at].text != text {
		return false
	}
	p.at++
	return true
}

// or reads a whole expression: a conjunction of alternatives, joined by AND or by nothing.
func (p *filterParser) or(depth int) (filter, error) {
	if depth > maxFilterDepth {
		return nil, fmt.Errorf("the filter nests deeper than %d", maxFilterDepth)
	}
	var out all
	for {
		f, err := p.alternatives(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
		joined := p.take("AND")
		if !joined && (p.done() || p.tokens[p.at].text == ")" && !p.tokens[p.at].quoted) {
			break
		}
	}
	if len(out) == 1 {
		return out[0], nil
	}
	return out, nil
}

func (p *filterParser) alternatives(depth int) (filter, error) {
	var out some
	for {
		f, err := p.term(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
		if !p.take("OR") {
			break
		}
	}
	if len(out) == 1 {
		return out[0], nil
	}
	return out, nil
}

// term reads NOT x, -x, (x), f("x"), a comparison or a bare word.
func (p *filterParser) term(depth int) (filter, error) {
	if p.take("NOT") {
		if depth++; depth > maxFilterDepth {
			return nil, fmt.Errorf("the filter nests deeper than %d", maxFilterDepth)
		}
		f, err := p.term(depth)
		return not{f}, err
	}
	if p.take("(") {
		f, err := p.or(depth + 1)
		if err == nil && !p.take(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return f, err
	}
	if p.done() {
		return nil, errFilterEnd
	}
	word := p.tokens[p.at]
	if !word.quoted && (operatorLength(word.text) > 0 || slices.Contains([]string{"AND", "OR", "!", "~"}, word.text)) {
		return nil, fmt.Errorf("unexpected %q", word.text)
	}
	p.at++
	return p.restriction(word)
}

// restriction reads what follows a word.
func (p *filterParser) restriction(word filterToken) (filter, error) {
	if slices.Contains(p.functions, word.text) && p.take("(") {
		return p.function(word.text)
	}
	for _, op := range []string{"!=", "<=", ">=", "=~", "!~", "=", "<", ">", ":"} {
		if p.take(op) {
			return p.comparison(word.text, op)
		}
	}
	if !p.done() && p.tokens[p.at].text == "(" && !p.tokens[p.at].quoted && !word.quoted {
		return nil, fmt.Errorf("unknown function %q", word.text)
	}
	return text(word.text), nil
}

func (p *filterParser) function(name string) (filter, error) {
	if p.done() {
		return nil, errFilterEnd
	}
	value := p.tokens[p.at]
	p.at++
	if !value.quoted || !p.take(")") {
		return nil, fmt.Errorf("%s takes one quoted string", name)
	}
	return comparison{path: name + "()", op: "=", values: []string{value.text}}, nil
}

// comparison reads the value, or the alternatives in parentheses, after an operator.
func (p *filterParser) comparison(path, op string) (filter, error) {
	c := comparison{path: path, op: op}
	list := p.take("(")
	for {
		if p.done() {
			return nil, errFilterEnd
		}
		v := p.tokens[p.at]
		if !v.quoted && (operatorLength(v.text) > 0 || v.text == "AND" || v.text == "OR") {
			return nil, fmt.Errorf("%s %s has no value", path, op)
		}
		p.at++
		c.values = append(c.values, v.text)
		if !list || !p.take("OR") {
			break
		}
	}
	if list && !p.take(")") {
		return nil, fmt.Errorf("the values of %s are not closed by a parenthesis", path)
	}
	return c.compiled()
}

// compiled prepares regular expressions.
func (c comparison) compiled() (filter, error) {
	if !strings.HasSuffix(c.op, "~") {
		return c, nil
	}
	for _, v := range c.values {
		re, err := regexp.Compile(v)
		if err != nil {
			return nil, fmt.Errorf("the regular expression %q of %s is broken", v, c.path)
		}
		c.regexp = append(c.regexp, re)
	}
	return c, nil
}
