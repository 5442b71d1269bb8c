package google

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// selection is a parsed fields parameter: what to keep below each name. An empty selection keeps everything.
type selection map[string]selection

// errFields says what a partial-response mask looks like.
var errFields = errors.New("want names separated by commas, with sub-selections as a(b,c) or a/b, as in agents(name,uid),nextPageToken")

// maxFieldDepth is deeper than any answer nests.
const maxFieldDepth = 32

// selectFields reduces a JSON answer to the fields that a mask names.
func selectFields(b []byte, mask string) ([]byte, error) {
	sel, err := parseFields(mask)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(sel.keep(v))
}

// keep returns v without what the selection does not name. Arrays are looked through.
func (s selection) keep(v any) any {
	if len(s) == 0 {
		return v
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = s.keep(v[i])
		}
	case map[string]any:
		for name := range v {
			sub, ok := s[name]
			if !ok {
				sub, ok = s["*"]
			}
			if !ok {
				delete(v, name)
				continue
			}
			v[name] = sub.keep(v[name])
		}
	}
	return v
}

// parseFields reads a mask such as agents(name,attributes),nextPageToken.
func parseFields(mask string) (selection, error) {
	p := &fieldsParser{rest: mask}
	s := selection{}
	if err := p.list(s, 0); err != nil {
		return nil, err
	}
	if p.rest != "" {
		return nil, errFields
	}
	return s, nil
}

type fieldsParser struct{ rest string }

// list reads entries separated by commas into s.
func (p *fieldsParser) list(s selection, depth int) error {
	for {
		if err := p.entry(s, depth); err != nil {
			return err
		}
		if !strings.HasPrefix(p.rest, ",") {
			return nil
		}
		p.rest = p.rest[1:]
	}
}

// entry reads one path and the selection in parentheses that may follow it.
func (p *fieldsParser) entry(s selection, depth int) error {
	for {
		i := strings.IndexAny(p.rest, ",()/")
		if i < 0 {
			i = len(p.rest)
		}
		name := strings.TrimSpace(p.rest[:i])
		if name == "" || depth > maxFieldDepth {
			return errFields
		}
		if s[name] == nil {
			s[name] = selection{}
		}
		s, p.rest, depth = s[name], p.rest[i:], depth+1
		if !strings.HasPrefix(p.rest, "/") {
			break
		}
		p.rest = p.rest[1:]
	}
	if !strings.HasPrefix(p.rest, "(") {
		return nil
	}
	p.rest = p.rest[1:]
	if err := p.list(s, depth); err != nil {
		return err
	}
	if !strings.HasPrefix(p.rest, ")") {
		return errFields
	}
	p.rest = p.rest[1:]
	return nil
}
