package entra

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a record in testdata. Its type is the file's name if it states none.
type sample struct {
	Type    string            `json:"type"`
	Context map[string]string `json:"context"`
	Body    jsontext.Value    `json:"body"`
}

// said is what a record says, as the golden files show it.
type said struct {
	Entities   []events.Entity   `json:"entities,omitzero"`
	Tombstones []buried          `json:"tombstones,omitzero"`
	Activities []events.Activity `json:"activities,omitzero"`
	LogID      string            `json:"log_id,omitzero"`
	Replaces   []string          `json:"replaces,omitzero"`
	Error      string            `json:"error,omitzero"`
}

type buried struct {
	Ref        string `json:"ref"`
	Restorable bool   `json:"restorable,omitempty"`
	Reason     string `json:"reason"`
}

func samples(t testing.TB, file string) (records []connectors.Record) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var in []sample
	if err := json.Unmarshal(raw, &in); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for _, s := range in {
		if s.Type == "" {
			s.Type = strings.TrimSuffix(filepath.Base(file), ".records.json")
		}
		records = append(records, connectors.Record{Type: s.Type, Context: s.Context, Body: s.Body, Asked: time.Unix(1, 0)})
	}
	return records
}

func say(t *testing.T, r connectors.Record) said {
	t.Helper()
	reading, err := (&Connector{}).Normalize(r)
	if err != nil {
		return said{Error: err.Error()}
	}
	out := said{Entities: reading.Entities, Replaces: reading.Replaces, Activities: reading.Activities, LogID: reading.LogID}
	for i := range reading.Entities {
		if err := reading.Entities[i].Check(); err != nil {
			t.Error(err)
		}
	}
	for _, tomb := range reading.Tombstones {
		out.Tombstones = append(out.Tombstones, buried{tomb.Ref.String(), tomb.Restorable, tomb.Reason})
	}
	return out
}

func TestNormalizeGolden(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.records.json")
	if len(files) != 9 {
		t.Fatalf("%d files of records, not 9", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var all []said
			for _, r := range samples(t, file) {
				before := bytes.Clone(r.Body)
				first := say(t, r)
				if diff := cmp.Diff(first, say(t, r)); diff != "" {
					t.Errorf("the same record says two things:\n%s", diff)
				}
				if !bytes.Equal(before, r.Body) {
					t.Error("Normalize has changed its record")
				}
				all = append(all, first)
			}
			golden(t, strings.Replace(file, ".records.", ".golden.", 1), all)
		})
	}
}

func golden(t *testing.T, file string, v any) {
	t.Helper()
	got, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run go test ./connectors/entra -update", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), run with -update if it is meant:\n%s", file, diff)
	}
}

// FuzzNormalize: whatever Graph sends, Normalize neither panics nor says what the log refuses for its form.
func FuzzNormalize(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.records.json")
	for _, file := range files {
		for _, r := range samples(f, file) {
			f.Add(r.Type, r.Context[contextHolder], []byte(r.Body))
		}
	}
	f.Fuzz(func(t *testing.T, typ, holder string, body []byte) {
		r := connectors.Record{Type: typ, Body: body, Context: map[string]string{contextHolder: strings.ToValidUTF8(holder, "?")}}
		reading, err := (&Connector{}).Normalize(r)
		if err != nil {
			return
		}
		for _, e := range reading.Entities {
			if e.Body() == nil || e.Holder == "" || e.Key == "" {
				t.Errorf("%s has no body", e.Ref())
			}
			if _, err := events.Marshal(e); err != nil {
				t.Errorf("%s cannot be written: %v", e.Ref(), err)
			}
		}
		if red, err := redact(body); err == nil && !red.IsValid(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) {
			t.Errorf("the redacted record is no JSON: %q", red)
		}
	})
}
