package config

import (
	"encoding/json"

	"github.com/google/jsonschema-go/jsonschema"
)

// Schema is the JSON Schema of a configuration, for editors.
func Schema() ([]byte, error) {
	s := object(rootFields())
	s.Schema, s.Title = "https://json-schema.org/draft/2020-12/schema", "rollcall.yaml"
	return json.MarshalIndent(s, "", "  ")
}

func object[T any](fields []field[T]) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{}, AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}}
	for _, f := range fields {
		property := *f.schema
		property.Description = f.about
		s.Properties[f.name] = &property
		s.PropertyOrder = append(s.PropertyOrder, f.name)
		if f.required {
			s.Required = append(s.Required, f.name)
		}
	}
	return s
}

func namedSchema(value *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", AdditionalProperties: value, PropertyNames: &jsonschema.Schema{Pattern: nameForm.String()}}
}

// text is a single value; YAML may read it as a number or a truth value, which is then taken as it is written.
func text() *jsonschema.Schema {
	return &jsonschema.Schema{Types: []string{"string", "number", "boolean"}}
}

func secret() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: wholeReference.String()}
}

func texts() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{text(), {Type: "array", Items: text()}}}
}

func number(low, high float64) *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
		{Type: "number", Minimum: &low, Maximum: &high}, {Type: "string", Pattern: `^[0-9.]+ ?%$|^\$\{`},
	}}
}
