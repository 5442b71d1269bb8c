package events

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// goldenLine is a message of a log, as a version has written it.
type goldenLine struct {
	Subject string         `json:"subject"`
	Prev    string         `json:"prev"`
	Hash    string         `json:"hash"`
	Body    jsontext.Value `json:"body"`
}

// life is what a log may hold of each kind: it comes, goes as [everyKind] has it, and all but the credential come back.
func life(t *testing.T) []byte {
	var come, back []Event
	for _, e := range everyKind() {
		if e.Data.Entity == nil {
			continue
		}
		e.Type, e.Data.Gone, e.Data.Changed = EntityType(e.Ref().Kind, Created), nil, nil
		come = append(come, e)
		if e.Type = EntityType(e.Ref().Kind, Restored); e.Ref().Kind != KindCredential {
			back = append(back, e)
		}
	}
	var out []byte
	head := ""
	for _, e := range slices.Concat(come, everyKind(), back, []Event{erased()}) {
		if e.IsPersonal() {
			var err error
			if e, err = SealPerson(&e, Key{ID: "00112233445566aa", Secret: [32]byte{1, 2, 3}}); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Seal(head, &e)
		if err != nil {
			t.Fatal(err)
		}
		head = s.Hash
		line, err := Marshal(goldenLine{e.NATSSubject(), s.Prev, s.Hash, s.Body})
		if err != nil {
			t.Fatal(err)
		}
		out = append(append(out, line...), '\n')
	}
	return out
}

// erased is the event by which a person's fields are given up.
func erased() Event {
	e := everyKind()[slices.IndexFunc(everyKind(), func(e Event) bool { return e.Ref().Kind == KindPerson })]
	e = e.Bare(WithheldErased)
	e.Type, e.Data.Gone, e.Data.Changed = EntityType(KindPerson, Erased), nil, nil
	return e
}

// Events of every version ever written are read as they were meant. What stands in the file of a version is never written again, since
// what a log holds cannot be changed either; lines of a new kind may come behind it. A new version writes its own file with the first
// run of this test; commit it.
func TestEveryVersionIsRead(t *testing.T) {
	for version := 1; version <= SchemaVersion; version++ {
		file := filepath.Join("testdata", fmt.Sprintf("schema-%d.jsonl", version))
		log, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) && version == SchemaVersion && os.Getenv("CI") == "" {
			log = life(t)
			err = os.WriteFile(file, log, 0o600)
		}
		if err != nil {
			t.Fatalf("the log of version %d: %v", version, err)
		}
		seen := map[Kind]int{}
		for n, line := range bytes.Split(bytes.TrimSpace(log), []byte("\n")) {
			var g goldenLine
			if err := Unmarshal(line, &g); err != nil {
				t.Fatalf("version %d, line %d: %v", version, n+1, err)
			}
			s := Stored{Subject: g.Subject, Prev: g.Prev, Hash: g.Hash, Body: g.Body}
			m, err := s.Message()
			if err != nil {
				t.Errorf("version %d, line %d: %v", version, n+1, err)
				continue
			}
			seen[m.Event.Ref().Kind]++
			if got := m.Event.NATSSubject(); got != g.Subject || ChainHash(g.Prev, g.Body) != g.Hash {
				t.Errorf("version %d, line %d lies on %s, or does not fit its hash", version, n+1, got)
			}
			again, err := Encode(&m.Event)
			if version == SchemaVersion && (err != nil || !bytes.Equal(again, g.Body)) {
				t.Errorf("version %d, line %d: a field of the version in force is read otherwise, or not at all: it needs a new version\n%s", version, n+1, cmp.Diff(string(g.Body), string(again)))
			}
		}
		for _, k := range append([]Kind{KindActivity}, EntityKinds...) {
			if seen[k] == 0 {
				t.Errorf("the log of version %d has no %s", version, k)
			}
		}
	}
}
