package contract

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Request holds a request's parameters and body to the documents, and returns what is wrong with it. Values are not shown, since they
// may be anybody's.
func (g *Discovery) Request(r *http.Request, body []byte) []string {
	p := g.place(r)
	if p == nil {
		return []string{fmt.Sprintf("%s %s is in no discovery document", r.Method, r.URL.Path)}
	}
	found := p.query(r.URL.RawQuery)
	if r.Header.Get("Authorization") == "" {
		found = append(found, "there is no header Authorization")
	}
	switch empty := len(strings.TrimSpace(string(body))) == 0; {
	case empty:
	case p.Request == nil:
		found = append(found, "a body, of which the method takes none")
	default:
		var v any
		if json.Unmarshal(body, &v) != nil {
			return prefixed(p.name(), append(found, "the body is no JSON"))
		}
		found = append(found, p.doc.check(p.Request, v, "the body")...)
	}
	return prefixed(p.name(), found)
}

// query finds parameters that the document does not know or that have another type.
func (p *discoveryPlace) query(raw string) (found []string) {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return []string{"the query cannot be parsed"}
	}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		known, ok := p.Parameters[name]
		if !ok {
			known, ok = p.doc.Parameters[name]
		}
		switch {
		case !ok || known.Location != "query":
			found = append(found, fmt.Sprintf("the query parameter %q is unknown", name))
			continue
		case len(q[name]) > 1 && !known.Repeated:
			found = append(found, fmt.Sprintf("the query parameter %q stands there %d times", name, len(q[name])))
		}
		for _, value := range q[name] {
			if why := known.wrong(value); why != "" {
				found = append(found, fmt.Sprintf("the query parameter %q %s", name, why))
			}
		}
	}
	return found
}

// wrong says what is wrong with a parameter's value; empty when nothing is.
func (p *discoveryParameter) wrong(value string) string {
	switch p.Type {
	case "boolean":
		if value != "true" && value != "false" {
			return "is no boolean"
		}
	case "integer":
		n, err := strconv.ParseInt(value, 10, 64)
		low, lowErr := strconv.ParseInt(p.Minimum, 10, 64)
		high, highErr := strconv.ParseInt(p.Maximum, 10, 64)
		switch {
		case err != nil:
			return "is no integer"
		case lowErr == nil && n < low || highErr == nil && n > high:
			return "is out of its bounds"
		}
	}
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, value) {
		return "is none of the values that the document has"
	}
	return ""
}

// Answer holds an answer to the documents and returns what is wrong with it. Nothing is wrong with an answer to what they do not have.
func (g *Discovery) Answer(r *http.Request, status int, _ http.Header, body []byte) []string {
	p := g.place(r)
	if p == nil {
		return nil
	}
	g.mu.Lock()
	g.held[p.name()]++
	g.mu.Unlock()
	return prefixed(fmt.Sprintf("%s %d", p.name(), status), p.answer(status, body))
}

func (p *discoveryPlace) answer(status int, body []byte) []string {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return []string{"the body is no JSON"}
	}
	if status >= http.StatusBadRequest {
		m, _ := v.(map[string]any)
		e, _ := m["error"].(map[string]any)
		if code, _ := e["code"].(float64); int(code) != status || e["message"] == nil {
			return []string{"not an error in Google's form"}
		}
		return nil
	}
	if p.Response == nil {
		return nil
	}
	return p.doc.check(p.Response, v, p.Response.Ref)
}

// check holds a value to a schema and returns what is wrong, each with where it stands. Other than JSON Schema it takes no property that
// the schema does not name: where the vendor sends one, the documents are older than the vendor.
func (d *discoveryDocument) check(s *discoverySchema, v any, at string) []string {
	if s.Ref != "" {
		ref := d.Schemas[s.Ref]
		if ref == nil {
			return []string{at + ": the document has no schema " + s.Ref}
		}
		return d.check(ref, v, at)
	}
	switch s.Type {
	case "any":
		return nil
	case "array":
		list, ok := v.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %s, not an array", at, kindOf(v))}
		}
		var found []string
		for _, e := range list {
			found = append(found, d.check(s.Items, e, at+"[]")...)
		}
		return found
	case "object":
		m, ok := v.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %s, not an object", at, kindOf(v))}
		}
		return d.members(s, m, at)
	}
	if why := s.wrong(v); why != "" {
		return []string{at + " " + why}
	}
	return nil
}

func (d *discoveryDocument) members(s *discoverySchema, m map[string]any, at string) (found []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch sub := s.Properties[name]; {
		case sub != nil:
			found = append(found, d.check(sub, m[name], at+"."+name)...)
		case s.Additional != nil: // whose names may be anybody's
			found = append(found, d.check(s.Additional, m[name], at+".{}")...)
		default:
			found = append(found, fmt.Sprintf("%s has no property %s", at, name))
		}
	}
	return found
}

// constant is how enumerations spell their members: that and nothing else may be shown of a value.
var constant = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// wrong says what is wrong with a string, number or boolean; empty when nothing is.
func (s *discoverySchema) wrong(v any) string {
	switch x := v.(type) {
	case bool:
		if s.Type == "boolean" {
			return ""
		}
	case float64:
		if s.Type == "number" || s.Type == "integer" && x == float64(int64(x)) {
			return ""
		}
	case string:
		if s.Type != "string" {
			break
		}
		if !s.formed(x) {
			return "is no " + s.Format
		}
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, x) {
			if !constant.MatchString(x) {
				x = "something"
			}
			return "is " + x + ", which the document does not have"
		}
		return ""
	}
	return fmt.Sprintf("is %s, not of the type %s", kindOf(v), s.Type)
}

func (s *discoverySchema) formed(x string) bool {
	var err error
	switch s.Format {
	case "google-datetime", "date-time":
		_, err = time.Parse(time.RFC3339Nano, x)
	case "int64", "uint64":
		_, err = strconv.ParseInt(x, 10, 64)
	case "byte":
		_, err = base64.StdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(x))
	}
	return err == nil
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case float64:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "an array"
	}
	return "an object"
}
