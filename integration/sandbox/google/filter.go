package google

import (
	"fmt"
	"regexp"
	"strings"
)

// filter is a parsed filter expression: the Logging query language, and the part of AIP-160 that other services take,
// which is nearly the same. nil matches everything.
type filter interface {
	match(entry map[string]any) bool
	fields() []string // the paths it looks at
}

type (
	all  []filter
	some []filter
	not  struct{ f filter }
	// text is a bare word: it matches when any value contains it.
	text string
	// comparison is one restriction. Values hold alternatives, as in name=("a" OR "b").
	comparison struct {
		path   string
		op     string // = != < <= > >= : =~ !~
		values []string
		regexp []*regexp.Regexp
	}
)

// Limits of the Logging API, and of this parser's stack.
const (
	maxFilter      = 20000
	maxFilterDepth = 64
)

// parseFilter reads a filter. functions may hold the names of functions of one string that the caller understands; a
// call f("x") becomes the comparison f()="x".
func parseFilter(s string, functions ...string) (filter, error) {
	if len(s) > maxFilter {
		return nil, fmt.Errorf("the filter has %d characters, the limit is %d", len(s), maxFilter)
	}
	tokens, err := lexFilter(s)
	if err != nil || len(tokens) == 0 {
		return nil, err
	}
	p := &filterParser{tokens: tokens, functions: functions}
	f, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if !p.done() {
		return nil, fmt.Errorf("unexpected %q", p.tokens[p.at].text)
	}
	return f, nil
}

// filterToken is a word, a quoted string or an operator.
type filterToken struct {
	text   string
	quoted bool
}

// lexFilter splits a filter into tokens. Comments run from -- to the end of the line.
func lexFilter(s string) ([]filterToken, error) {
	var out []filterToken
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
		case strings.HasPrefix(s[i:], "--"):
			n := strings.IndexByte(s[i:], '\n')
			if n < 0 {
				return out, nil
			}
			i += n
		case c == '"' || c == '\'':
			text, n, err := unquote(s[i:])
			if err != nil {
				return nil, err
			}
			out = append(out, filterToken{text, true})
			i += n
		default:
			n := operatorLength(s[i:])
			if n == 0 {
				n = wordLength(s[i:])
			}
			out = append(out, filterToken{s[i : i+n], false})
			i += n
		}
	}
	return out, nil
}

// unquote reads a quoted string and returns its value and its length with the quotes.
func unquote(s string) (string, int, error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case s[0]:
			return b.String(), i + 1, nil
		case '\\':
			if i++; i == len(s) {
				break
			}
			if strings.IndexByte(`"'\`, s[i]) < 0 {
				b.WriteByte('\\') // a regular expression's own escape
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, fmt.Errorf("the string %.20s has no closing quote", s)
}

var filterOperators = []string{"!=", "<=", ">=", "=~", "!~", "=", "<", ">", ":", "(", ")", ","}

func operatorLength(s string) int {
	for _, op := range filterOperators {
		if strings.HasPrefix(s, op) {
			return len(op)
		}
	}
	return 0
}

func wordLength(s string) int {
	n := strings.IndexAny(s, " \t\r\n\"'=<>:(),!~")
	switch {
	case n < 0:
		return len(s)
	case n == 0: // a lone ! or ~, which no rule takes
		return 1
	}
	return n
}
