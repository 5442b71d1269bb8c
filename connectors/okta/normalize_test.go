package okta

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenRecord is a record as a golden file holds it.
type goldenRecord struct {
	Type    string            `json:"type"`
	Context map[string]string `json:"context,omitzero"`
	Body    jsontext.Value    `json:"body"`
}

func (g goldenRecord) record() connectors.Record {
	return connectors.Record{Type: g.Type, Context: g.Context, Body: g.Body}
}

func goldenRecords(t testing.TB) map[string]goldenRecord {
	t.Helper()
	files, err := filepath.Glob("testdata/normalize/*.record.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	records := map[string]goldenRecord{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var r goldenRecord
		if err := json.Unmarshal(b, &r); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		records[strings.TrimSuffix(f, ".record.json")] = r
	}
	return records
}

// golden is a reading, or the error instead of one.
func golden(t *testing.T, reading connectors.Reading, failure error) []byte {
	t.Helper()
	out := map[string]any{}
	switch {
	case failure != nil:
		out["error"] = failure.Error()
	default:
		out["entities"], out["replaces"], out["tombstones"] = reading.Entities, reading.Replaces, reading.Tombstones
		if reading.Activities != nil {
			out["activities"] = reading.Activities
		}
		if reading.LogID != "" {
			out["evidence"] = map[string]any{"log": reading.LogID, "actor": reading.Actor, "at": reading.At, "note": reading.Note}
		}
	}
	b, err := json.Marshal(out, json.Deterministic(true), json.OmitZeroStructFields(true), jsontext.WithIndent("  "))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func TestNormalize(t *testing.T) {
	for name, g := range goldenRecords(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			r := g.record()
			before := bytes.Clone(r.Body)
			reading, err := normalize(r)
			again, _ := normalize(r)
			if d := cmp.Diff(reading, again); d != "" {
				t.Error("a second time it reads:", d)
			}
			if !bytes.Equal(before, r.Body) {
				t.Error("the record was changed")
			}
			got := golden(t, reading, err)
			file := name + ".reading.json"
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(got)); d != "" {
				t.Error("go test -update writes it anew:", d)
			}
		})
	}
}

func FuzzNormalize(f *testing.F) {
	for _, g := range goldenRecords(f) {
		f.Add(g.Type, g.Context[aboutOne]+g.Context[aboutHolders], []byte(g.Body))
	}
	f.Fuzz(func(t *testing.T, kind, agent string, body []byte) {
		agent = strings.ToValidUTF8(agent, "?")
		r := connectors.Record{Type: kind, Body: body, Context: map[string]string{aboutOne: agent, aboutHolders: agent}}
		reading, err := normalize(r)
		if err != nil {
			return
		}
		for i := range reading.Entities {
			e := &reading.Entities[i]
			if err := e.Check(); err != nil && len(e.Holder) < 600 && len(e.Key) < 600 {
				t.Error(err)
			}
			if _, err := events.Marshal(e); err != nil {
				t.Error(err)
			}
		}
		clean, err := strip(body)
		if err != nil {
			t.Fatalf("normalized, but not to be kept: %v", err)
		}
		r.Body = clean
		if again, err := normalize(r); err != nil || len(again.Entities) != len(reading.Entities) {
			t.Errorf("without its secrets it reads otherwise: %v", err)
		}
	})
}
