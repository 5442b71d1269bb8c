package replay

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcallhq/rollcall/events"
)

// differ lists the fields in which two JSON documents differ, ordered by path. One that is no JSON differs as a whole.
func differ(view, log []byte) ([]Field, error) {
	a, b := map[string]string{}, map[string]string{}
	if err := flatten(view, a); err != nil {
		a = map[string]string{"": string(view)}
	}
	if err := flatten(log, b); err != nil {
		return nil, err
	}
	paths := maps.Clone(a)
	maps.Copy(paths, b)
	var out []Field
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if a[path] != b[path] {
			out = append(out, Field{Path: path, View: a[path], Log: b[path]})
		}
	}
	if len(out) == 0 { // the same in other bytes
		out = []Field{{Path: "", View: string(view), Log: string(log)}}
	}
	return out, nil
}

func flatten(doc []byte, into map[string]string) error {
	var v any
	if err := events.Unmarshal(doc, &v); err != nil {
		return err
	}
	return walk(v, "", into)
}

func walk(v any, path string, into map[string]string) error {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			at := name
			if path != "" {
				at = path + "." + name
			}
			if err := walk(inner, at, into); err != nil {
				return err
			}
		}
		return nil
	case []any:
		for i, inner := range v {
			if err := walk(inner, fmt.Sprintf("%s[%d]", path, i), into); err != nil {
				return err
			}
		}
		return nil
	}
	b, err := events.Marshal(v)
	into[path] = string(b)
	return err
}

// nameIn is the name of the agent, person or blueprint that a document is of; empty if it has none.
func nameIn(doc []byte) string {
	var v struct {
		Name   string `json:"name"`
		Person struct {
			Name string `json:"name"`
		} `json:"person"`
		Blueprint struct {
			Name string `json:"name"`
		} `json:"blueprint"`
	}
	if events.Unmarshal(doc, &v) != nil {
		return ""
	}
	return cmp.Or(v.Name, v.Person.Name, v.Blueprint.Name)
}
