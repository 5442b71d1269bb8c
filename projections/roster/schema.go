package roster

import (
	"reflect"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/rollcallhq/rollcall/events"
)

// SchemaID is the $id of the published schema of the roster's documents.
const SchemaID = "https://github.com/rollcallhq/rollcall/docs/roster.schema.json"

// Schema is the JSON Schema of the roster's documents, made from the types: an agent, a pointer from an agent's retired id, an identity that
// is no agent, what a feed can see, and what else the roster keeps. docs/roster.schema.json holds it.
func Schema() ([]byte, error) {
	identity, err := identitySchema()
	if err != nil {
		return nil, err
	}
	agent, err := events.SchemaOf[Agent](map[reflect.Type]*jsonschema.Schema{reflect.TypeFor[Identity](): {Ref: "#/$defs/identity"}})
	if err != nil {
		return nil, err
	}
	coverage, err := events.SchemaOf[Coverage](nil)
	if err != nil {
		return nil, err
	}
	agent.Description = "An agent of the company: its identities at all vendors, and why they are held to be one agent. Key: <tenant>.<id>"
	agent.Required = append(agent.Required, "identities", "status", "class")
	agent.Not = &jsonschema.Schema{Required: []string{"successor"}}
	identity.Description = "One identity at one connection, with all that hangs on it. A document of its own, with the key " +
		"_holders.<tenant>.<connection>.<holder>, where it is no agent: a person, a blueprint, or not yet known; with the key " +
		"_graves.<tenant>.<connection>.<holder>, where it is of an agent that has been gone for so long that it is no longer shown."
	coverage.Description = "What a feed of a connection can see. Key: _coverage.<tenant>.<connection>.<feed>"
	assertion, err := events.SchemaOf[Assertion](nil)
	if err != nil {
		return nil, err
	}
	assertion.Description = "What an operator says about which identities are one agent. Key: _assertions.<tenant>.<key>"
	clock, err := events.SchemaOf[Clock](map[reflect.Type]*jsonschema.Schema{reflect.TypeFor[events.Activity](): {Type: "object"}})
	if err != nil {
		return nil, err
	}
	clock.Description = "A tenant's last tick, with the thresholds in force, in seconds. Key: _clock.<tenant>.tick"
	shown, err := events.SchemaOf[Shown](nil)
	if err != nil {
		return nil, err
	}
	shown.Description = "That a connection tells of sign-ins, and the first. Key: _shown.<tenant>.<connection>"
	return events.Marshal(&jsonschema.Schema{
		Schema: "https://json-schema.org/draft/2020-12/schema", ID: SchemaID, Title: "Rollcall roster document",
		Description: "A document of the roster, the view in which each agent of a company appears once.",
		OneOf: []*jsonschema.Schema{{Ref: "#/$defs/agent"}, {Ref: "#/$defs/successor"}, {Ref: "#/$defs/identity"}, {Ref: "#/$defs/coverage"},
			{Ref: "#/$defs/assertion"}, {Ref: "#/$defs/clock"}, {Ref: "#/$defs/shown"}},
		Defs: map[string]*jsonschema.Schema{"agent": agent, "successor": successorSchema(), "identity": identity, "coverage": coverage,
			"assertion": assertion, "clock": clock, "shown": shown},
	})
}

// identitySchema tells the generator how items lie in JSON: the thing's own fields beside the item's.
func identitySchema() (*jsonschema.Schema, error) {
	items := map[reflect.Type]*jsonschema.Schema{}
	for _, add := range []func(map[reflect.Type]*jsonschema.Schema) error{
		item[events.Stewardship], item[events.Credential], item[events.Grant], item[events.Delegation], item[events.Risk],
	} {
		if err := add(items); err != nil {
			return nil, err
		}
	}
	s, err := events.SchemaOf[Identity](items)
	if err != nil {
		return nil, err
	}
	s.Not = &jsonschema.Schema{Required: []string{"id"}}
	return s, nil
}

func item[T any](into map[reflect.Type]*jsonschema.Schema) error {
	s, err := events.SchemaOf[T](nil)
	if err != nil {
		return err
	}
	s.Properties["key"] = &jsonschema.Schema{Type: "string", Description: "unique among the holder's things of this kind"}
	s.Properties["since"] = &jsonschema.Schema{Type: "string", Format: "date-time", Description: "when it became as it is"}
	s.Properties["event"] = &jsonschema.Schema{Type: "string", Description: "the event that made it so"}
	s.PropertyOrder = append([]string{"key", "since", "event"}, s.PropertyOrder...)
	s.Required = append([]string{"key", "since", "event"}, s.Required...)
	into[reflect.TypeFor[Item[T]]()] = s
	return nil
}

func successorSchema() *jsonschema.Schema {
	text := func(about string) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Description: about} }
	return &jsonschema.Schema{
		Type: "object", Description: "A pointer from an id that is no longer in use. Key: <tenant>.<id>",
		Properties: map[string]*jsonschema.Schema{
			"id": text("the retired id"), "tenant": text(""), "version": {Type: "integer"}, "successor": text("the id under which the agent is found now"),
		},
		Required: []string{"id", "tenant", "version", "successor"}, PropertyOrder: []string{"id", "tenant", "version", "successor"},
	}
}
