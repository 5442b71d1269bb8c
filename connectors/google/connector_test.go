package google

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is one record with what it says.
type golden struct {
	Record  connectors.Record  `json:"record"`
	Reading connectors.Reading `json:"reading,omitzero"`
	Err     string             `json:"error,omitzero"`
}

// TestFeedsGolden reads the example company and compares records and readings with testdata/<feed>.json.
func TestFeedsGolden(t *testing.T) {
	c := company(t).connect(t, nil)
	for _, feed := range c.Feeds() {
		t.Run(feed.Name, func(t *testing.T) {
			var got []golden
			for _, r := range records(round(t, feed)) {
				if r.Asked.IsZero() {
					t.Errorf("%s: a record without the time at which it was asked for", r.Type)
				}
				got = append(got, reading(c, r))
			}
			checkGolden(t, feed.Name, got)
		})
	}
}

func reading(c *connector, r connectors.Record) golden {
	r.Asked = time.Time{} // differs at every run
	read, err := c.Normalize(r)
	g := golden{Record: r, Reading: read}
	if err != nil {
		g.Err = err.Error()
	}
	for _, e := range read.Entities {
		if err := e.Check(); err != nil {
			g.Err = err.Error()
		}
	}
	return g
}

func checkGolden(t *testing.T, name string, got []golden) {
	t.Helper()
	checkGoldenValue(t, name, got)
}

func checkGoldenValue(t *testing.T, name string, got any) {
	t.Helper()
	b, err := json.Marshal(got, json.Deterministic(true), jsontext.WithIndent("  "), json.OmitZeroStructFields(true), jsontext.EscapeForHTML(false))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run go test with -update and read what it writes", err)
	}
	if diff := cmp.Diff(string(want), string(b)+"\n"); diff != "" {
		t.Errorf("%s differs (-want +got); if that is meant, run go test with -update:\n%s", file, diff)
	}
}
