package events

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"
)

// SchemaID is the $id of the published schema of events.
const SchemaID = "https://github.com/rollcallhq/rollcall/docs/events.schema.json"

// Schema is the JSON Schema of an event as [Encode] writes it, made from the types. docs/events.schema.json holds it.
func Schema() ([]byte, error) {
	s, err := SchemaOf[Event](map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[jsontext.Value](): {Description: "any JSON value"},
		reflect.TypeFor[Actor]():          {Ref: "#/$defs/actor"},
	})
	if err != nil {
		return nil, err
	}
	s.Schema, s.ID, s.Title = draft, SchemaID, "Rollcall identity event"
	s.Description = "One normalized fact about an agent's identity, a CloudEvents 1.0 envelope in structured JSON."
	s.Defs = map[string]*jsonschema.Schema{"actor": actorSchema()}
	return Marshal(s)
}

const draft = "https://json-schema.org/draft/2020-12/schema"

// SchemaOf is the JSON Schema of a type that is made of events' types, as [Marshal] writes it, with the schemas of types that others say.
// It lets readers meet fields of later versions.
func SchemaOf[T any](types map[reflect.Type]*jsonschema.Schema) (*jsonschema.Schema, error) {
	overrides := map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[time.Time](): {Type: "string", Format: "date-time"},
		reflect.TypeFor[Kind]():      enum(append(EntityKinds[:len(EntityKinds):len(EntityKinds)], KindActivity)),
		reflect.TypeFor[Status]():    enum([]Status{StatusActive, StatusDisabled, StatusPending, StatusDeleted, StatusUnknown}),
		reflect.TypeFor[Class]():     enum([]Class{ClassAgent, ClassWorkload, ClassUnknown}),
		reflect.TypeFor[Withheld]():  enum([]Withheld{WithheldErased, WithheldSealed}),
		reflect.TypeFor[[]byte]():    {Type: "string", ContentEncoding: "base64"},
		reflect.TypeFor[Model]():     enum([]Model{ModelService, ModelUser, ModelDelegated}),
	}
	maps.Copy(overrides, types)
	s, err := jsonschema.For[T](&jsonschema.ForOptions{TypeSchemas: overrides})
	if err != nil {
		return nil, err
	}
	open(s)
	return s, nil
}

func enum[T ~string](values []T) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, v := range values {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}

func actorSchema() *jsonschema.Schema {
	text := func() *jsonschema.Schema { return &jsonschema.Schema{Type: "string"} }
	return &jsonschema.Schema{
		Type:        "object",
		Description: "who did something, and on whose behalf",
		Properties: map[string]*jsonschema.Schema{
			"id": text(), "type": text(), "on_behalf": {Ref: "#/$defs/actor"},
		},
	}
}

// open lets readers meet fields of later versions: a schema that forbade them would break old subscribers. It also takes out
// the null that the generator allows wherever Go has a pointer or a slice: what is not there is left out, never null.
func open(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if s.Properties != nil {
		s.AdditionalProperties = nil
	}
	if left := slices.DeleteFunc(s.Types, func(t string) bool { return t == "null" || t == "" }); len(left) == 1 {
		s.Type, s.Types = left[0], nil
	} else if len(left) == 0 {
		s.Types = nil
	}
	for _, p := range s.Properties {
		open(p)
	}
	open(s.Items)
}
