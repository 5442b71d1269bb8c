package replay_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

var update = flag.Bool("update", false, "write the golden rosters anew")

// A log of every version ever written replays: its chain is sound, and it folds into the roster that stands beside it.
func TestEveryVersionReplays(t *testing.T) {
	logs, err := filepath.Glob("../events/testdata/schema-*.jsonl")
	if err != nil || len(logs) != events.SchemaVersion {
		t.Fatalf("%d logs for %d versions, %v", len(logs), events.SchemaVersion, err)
	}
	for _, file := range logs {
		d := golden(t, file)
		if r := chains(t, d, replay.Head{}); r.Err() != nil || r.Events < 10 {
			t.Errorf("%s: %+v", file, r)
		}
		p := roster.New()
		for m, err := range replay.Decoded(replay.Read(t.Context(), d, nil, replay.Range{To: replay.Bound{Sequence: 1000}})) {
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Apply(m); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Check(); err != nil {
			t.Error(err)
		}
		docs, err := p.Drain()
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for _, doc := range docs {
			if doc.Body != nil {
				got.WriteString(doc.Key + " " + string(doc.Body) + "\n")
			}
		}
		name := filepath.Join("testdata", strings.TrimSuffix(filepath.Base(file), ".jsonl")+".roster")
		if *update {
			if err := os.WriteFile(name, got.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s folds into another roster:\n%s", file, diff)
		}
	}
}

// golden is a log as a version has written it.
func golden(t *testing.T, file string) *disk {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := &disk{}
	for n, line := range bytes.Split(bytes.TrimSpace(b), []byte("\n")) {
		var g struct {
			Subject string         `json:"subject"`
			Prev    string         `json:"prev"`
			Hash    string         `json:"hash"`
			Body    jsontext.Value `json:"body"`
		}
		if err := events.Unmarshal(line, &g); err != nil {
			t.Fatal(err)
		}
		d.messages = append(d.messages, events.Stored{Position: events.Position{Epoch: "e", Sequence: uint64(n + 1)}, Subject: g.Subject, Feed: "feed",
			Prev: g.Prev, Hash: g.Hash, Body: g.Body})
	}
	return d
}
