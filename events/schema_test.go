package events

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
)

var update = flag.Bool("update", false, "write the golden files anew")

const schemaFile = "../docs/events.schema.json"

func readSchema(t *testing.T) []byte {
	t.Helper()
	compact, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func TestPublishedSchemaIsCurrent(t *testing.T) {
	want := readSchema(t)
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the types say: run `go test ./events -update` and review the difference", schemaFile)
	}
}

// Every event that the tests make holds to the schema, and an event that breaks it is seen.
func TestEventsHoldToSchema(t *testing.T) {
	var s jsonschema.Schema
	if err := json.Unmarshal(readSchema(t), &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	validate := func(body []byte) error {
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatal(err)
		}
		return resolved.Validate(v)
	}
	private, err := SealPerson(new(pat()), NewKey())
	if err != nil {
		t.Fatal(err)
	}
	private.SchemaVersion = 1 // the schema does not tell versions apart, and the tests below look for this one
	for _, e := range append(everyKind(), private) {
		sealed, err := Seal("", &e)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(sealed.Body); err != nil {
			t.Errorf("%s: %v", e.Type, err)
		}
		for old, spoilt := range map[string]string{
			`"specversion":"1.0"`: `"specversion":1`, `"schemaversion":1`: `"schemaversion":"one"`, `"data":{`: `"dat":{`,
		} {
			if err := validate(bytes.Replace(sealed.Body, []byte(old), []byte(spoilt), 1)); err == nil {
				t.Errorf("%s: an event with %s passes the schema", e.Type, spoilt)
			}
		}
	}
}
