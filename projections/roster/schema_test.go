package roster

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/rollcallhq/rollcall/events"
)

const schemaFile = "../../docs/roster.schema.json"

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
		t.Errorf("%s is not what the types say: run `go test ./projections/roster -run Schema -update` and review the difference", schemaFile)
	}
}

// Documents of every kind hold to the schema, and one that breaks it is seen.
func TestDocumentsHoldToSchema(t *testing.T) {
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
	kinds := map[string]int{}
	check := func(key string, body []byte) {
		t.Helper()
		if err := validate(body); err != nil {
			t.Errorf("%s: %v\n%s", key, err, body)
		}
		kind, _, _ := strings.Cut(key, ".")
		if bytes.Contains(body, []byte(`"successor"`)) {
			kind = "successor"
		}
		kinds[kind]++
		for old, spoilt := range map[string]string{
			`"tenant":"`: `"tenant":1,"x":"`, `"key":"`: `"clef":"`, `"status":"`: `"status":"very `, `"state":"`: `"status":"`, `"holder":"`: `"held":"`,
			`"successor":"`: `"successor":7,"x":"`, `"first_seen":"`: `"first_seen":1,"x":"`,
		} {
			if bytes.Contains(body, []byte(old)) && validate(bytes.Replace(body, []byte(old), []byte(spoilt), 1)) == nil {
				t.Errorf("%s with %s passes the schema: %s", key, spoilt, body)
			}
		}
	}
	for name, story := range stories {
		l := &teller{r: newRoster()}
		story(t, l)
		docs, err := l.r.Drain()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			if d.Body != nil {
				check(d.Key+" of "+name, d.Body)
			}
		}
	}
	for key, body := range acme(t).Store.(Documents) {
		check(key, body)
	}
	for _, kind := range []string{"acme", "_holders", "_coverage", "successor"} {
		if kinds[kind] == 0 {
			t.Errorf("no document of the kind %s was looked at", kind)
		}
	}
}

// What a reader of this version does not know is no fault: later versions add fields.
func TestSchemaIsOpen(t *testing.T) {
	var s jsonschema.Schema
	if err := json.Unmarshal(readSchema(t), &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := events.Marshal(Coverage{Tenant: "t", Connection: "c", Coverage: events.Coverage{Feed: "f", State: events.CoverageBlind}})
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	v["added_later"] = []any{1}
	if err := resolved.Validate(v); err != nil {
		t.Error(err)
	}
}
