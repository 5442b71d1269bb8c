package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Every document of a company's roster holds to the published schema.
func TestRosterHoldsToSchema(t *testing.T) {
	body, err := os.ReadFile("../docs/roster.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(body, &s); err != nil {
		t.Fatal(err)
	}
	schema, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, demo.Options{Seed: 7, Agents: 60})
	w.child(t, w.config(t, "hub", ""), "")
	r, err := hub.OpenReader(t.Context(), hub.Where{Data: filepath.Join(w.dir, "hub")})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, pattern := range []string{roster.AgentsPattern(""), roster.HoldersPattern(""), roster.CoveragePattern("")} {
		n := 0
		for d, err := range r.Roster.Store.List(t.Context(), pattern) {
			if err != nil {
				t.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(d.Body, &v); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(v); err != nil {
				t.Errorf("%s: %v\n%s", d.Key, err, d.Body)
			}
			n++
		}
		if n < 10 {
			t.Errorf("%d documents fit %s: that proves little", n, pattern)
		}
	}
}
