package google

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// answer is what came back for one call, as bytes: structs would lose what they do not know, and do not tell null from absent.
type answer struct {
	method string
	path   string
	status int // 0: no whole answer came
	header http.Header
	body   []byte
	paged  bool   // the request went on from a page token
	secret string // what the request was authorized with; never shown
}

// place names the call without its query.
func (a *answer) place() string { return a.method + " " + a.path }

// scrub takes what the request was authorized with out of a text, and bounds it.
func (a *answer) scrub(text string, most int) string {
	if a.secret != "" {
		text = strings.ReplaceAll(text, a.secret, "[redacted]")
	}
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "?")
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "..."
	}
	return text
}

// broken is the error for a body that is not what the call promises. It is transient: a proxy or an outage makes such bodies.
func (a *answer) broken(what string) error {
	return fmt.Errorf("%s: status %d: %s; ask again later, and if it stays so, check that the connection's endpoint is Google's API",
		a.place(), a.status, what)
}

// shape says what came instead of the JSON that was expected. JSON itself is not quoted, since it may hold secrets.
func (a *answer) shape(err error) error {
	trimmed := bytes.TrimSpace(a.body)
	var syntax *jsontext.SyntacticError
	switch {
	case len(trimmed) == 0:
		return a.broken("an empty body instead of JSON")
	case trimmed[0] == '<':
		return a.broken(fmt.Sprintf("HTML or XML instead of JSON: %q", a.scrub(string(trimmed), 80)))
	case trimmed[0] != '{' && trimmed[0] != '[' && trimmed[0] != '"':
		return a.broken(fmt.Sprintf("no JSON object: %q", a.scrub(string(trimmed), 80)))
	case errors.As(err, &syntax):
		return a.broken(fmt.Sprintf("JSON that breaks at byte %d of %d", syntax.ByteOffset, len(a.body)))
	}
	return a.broken("JSON of another shape than the API's")
}

// object decodes the body as a JSON object.
func (a *answer) object() (map[string]jsontext.Value, error) {
	var m map[string]jsontext.Value
	if err := json.Unmarshal(a.body, &m); err != nil || m == nil {
		return nil, a.shape(err)
	}
	if _, bad := m["error"]; bad {
		return nil, a.broken("a good status with an error in the body")
	}
	return m, nil
}

// listing is one page of a list.
type listing struct {
	items []jsontext.Value // objects, secrets removed
	next  string           // page token; empty: the last page
	whole bool             // the vendor says of no part that it could not be reached
}

// listing decodes a list: its items in the given member, absent when there are none.
func (a *answer) listing(member string) (listing, error) {
	m, err := a.object()
	if err != nil {
		return listing{}, err
	}
	var l listing
	var unreachable []string
	for _, f := range []struct {
		name string
		to   any
	}{{member, &l.items}, {"nextPageToken", &l.next}, {"unreachable", &unreachable}} {
		v, ok := m[f.name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(v, f.to); err != nil || v.Kind() == 'n' {
			return listing{}, a.broken(fmt.Sprintf("its %s is %s, which the API does not promise", f.name, kindName(v)))
		}
	}
	l.whole = len(unreachable) == 0
	for i, v := range l.items {
		if v.Kind() != '{' {
			return listing{}, a.broken(fmt.Sprintf("item %d of %s is %s instead of an object", i, member, kindName(v)))
		}
		if l.items[i], err = redact(v); err != nil {
			return listing{}, a.shape(err)
		}
	}
	return l, nil
}

// list makes one call that lists, and decodes its page. token is what the call goes on from.
func (c *client) list(ctx context.Context, member, token string, what ask) (listing, error) {
	a, err := c.fetch(ctx, what)
	if err != nil {
		return listing{}, err
	}
	l, err := a.listing(member)
	if err == nil && token != "" && l.next == token {
		err = a.broken("its next page is the page itself")
	}
	return l, err
}

// everyPage reads a short list to its end.
func everyPage(read func(token string) (listing, error)) ([]jsontext.Value, error) {
	var items []jsontext.Value
	seen := map[string]bool{}
	for token := ""; ; {
		l, err := read(token)
		if err != nil {
			return nil, err
		}
		items = append(items, l.items...)
		if token = l.next; token == "" {
			return items, nil
		}
		if seen[token] {
			return nil, errors.New("the vendor's pages go round in a circle: a page token came twice; ask again later")
		}
		seen[token] = true
	}
}

func kindName(v jsontext.Value) string {
	switch v.Kind() {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '[':
		return "an array"
	case '{':
		return "an object"
	}
	return "no JSON"
}
