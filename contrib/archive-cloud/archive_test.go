package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/archive/archivetest"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, place string, write bool) archive.Store {
	t.Helper()
	s, done, err := openStore(t.Context(), place, write)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	return s
}

// The drivers that need no vendor pass the suite for stores; those of the vendors are gocloud.dev's, with the same conditional write.
func TestBuckets(t *testing.T) {
	t.Run("memblob", func(t *testing.T) {
		archivetest.Store(t, func(t *testing.T) archive.Store { return open(t, "mem://", true) })
	})
	t.Run("memblob under a prefix", func(t *testing.T) {
		archivetest.Store(t, func(t *testing.T) archive.Store { return open(t, "mem://?prefix=rollcall/", true) })
	})
	t.Run("fileblob", func(t *testing.T) {
		archivetest.Store(t, func(t *testing.T) archive.Store { return open(t, "file://"+filepath.ToSlash(t.TempDir()), true) })
	})
}

func TestStoreIsNamedWithoutSecrets(t *testing.T) {
	for place, want := range map[string]string{
		"mem://?prefix=a/b/": "mem:///a/b/",
	} {
		if got := open(t, place, true).String(); got != want {
			t.Errorf("%s is named %s, want %s", place, got, want)
		}
	}
	for _, place := range []string{"s4://bucket?password=hunter22", "s3://%zz?password=hunter22"} {
		if _, _, err := openStore(t.Context(), place, true); err == nil || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: %v", place, err)
		}
	}
}

// filled is a log with an archive of most of it, in a folder.
func filled(t *testing.T, n int) (*eventlog.Log, string) {
	t.Helper()
	log, dir := eventlog.NewMemory(), t.TempDir()
	t.Cleanup(log.Close)
	archivetest.Fill(t, log, n)
	a, err := archive.Open(t.Context(), open(t, dir, true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write(t.Context(), log, archive.Options{Events: 20}); err != nil {
		t.Fatal(err)
	}
	return log, dir
}

// A copy goes on where it stopped, keeps what is there, and refuses to mix two archives.
func TestCopy(t *testing.T) {
	log, dir := filled(t, 50)
	from, to := open(t, dir, false), open(t, "file://"+filepath.ToSlash(t.TempDir()), true)
	for puts := range 6 { // stopped after so many objects
		if _, err := copyArchive(t.Context(), from, &stopping{to, puts}); err == nil && puts < 3 {
			t.Errorf("stopped after %d, it ended well", puts)
		}
		if r, err := archive.Verify(t.Context(), to, nil); err != nil || r.Err() != nil {
			t.Errorf("stopped after %d, the copy is not sound: %v %v", puts, err, r.Faults)
		}
	}
	if n, err := copyArchive(t.Context(), from, to); err != nil || n != 0 {
		t.Errorf("copied %d more (%v), want none", n, err)
	}
	a, err := archive.Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	archivetest.Same(t, log, a, events.Query{})
	_, other := filled(t, 50)
	if _, err := copyArchive(t.Context(), open(t, other, false), to); err == nil || !strings.Contains(err.Error(), "they are two archives") {
		t.Errorf("copying another archive there: %v", err)
	}
}

// stopping is a store that fails after some puts.
type stopping struct {
	archive.Store
	left int
}

func (s *stopping) Put(ctx context.Context, name string, b []byte) error {
	if s.left--; s.left < 0 {
		return errors.New("stopped")
	}
	return s.Store.Put(ctx, name, b)
}

// Every event is a row, its columns say what the event does, and its JSON is what was stored.
func TestExport(t *testing.T) {
	log, dir := filled(t, 50)
	file := filepath.Join(t.TempDir(), "events.parquet")
	if code := run([]string{"export", dir, "--parquet", file}); code != 0 {
		t.Fatalf("exit status %d", code)
	}
	rows, err := parquet.ReadFile[row](file)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for s, err := range log.Stored(t.Context(), events.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if i == len(rows) {
			t.Fatalf("%d rows, and more events", len(rows))
		}
		want, err := newRow(&s)
		if err != nil {
			t.Fatal(err)
		}
		want.Stored = want.Stored.Truncate(1000) // microseconds
		if diff := cmp.Diff(want, rows[i]); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
		if rows[i].Event != string(s.Body) {
			t.Errorf("row %d holds other JSON than was stored", i)
		}
		i++
	}
	if i != len(rows) {
		t.Errorf("%d rows, want %d", len(rows), i)
	}
	if code := run([]string{"export", dir, "--parquet", file}); code != 1 {
		t.Errorf("written over a file that is there: exit status %d", code)
	}
	for _, args := range [][]string{{"--tenant", "nobody"}, {"--kind", "activity"}, {"--from", "30", "--to", "40"}} {
		part := filepath.Join(t.TempDir(), "part.parquet")
		if code := run(slices.Concat([]string{"export", dir, "--parquet", part}, args)); code != 0 {
			t.Fatalf("%v: exit status %d", args, code)
		}
		some, err := parquet.ReadFile[row](part)
		if err != nil || len(some) >= len(rows) || (len(some) == 0) != (args[1] == "nobody") {
			t.Errorf("%v: %d rows of %d (%v)", args, len(some), len(rows), err)
		}
	}
}

// The columns are what README.md says.
func TestColumns(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range parquet.SchemaOf(row{}).Columns() {
		if !bytes.Contains(readme, []byte("`"+c[0]+"`")) {
			t.Errorf("README.md does not tell of the column %s", c[0])
		}
	}
}

// What each kind of event is as a row.
func TestRow(t *testing.T) {
	person := events.Entity{Kind: events.KindPerson, Holder: "u1", Key: events.Self, Person: &events.Person{Name: "Ada Lovelace", Status: events.StatusDisabled}}
	agent := events.Entity{Kind: events.KindAgent, Holder: "a1", Key: events.Self, Agent: &events.Agent{Name: "Invoice matcher", Status: events.StatusActive}}
	for want, d := range map[row]events.Data{
		{Kind: "person", Verb: "disabled", Holder: "u1", Key: "self", Status: "disabled", Changed: "name,status", How: "seen", Actor: "boss", ActorIs: "User"}: {
			Entity: &person, Changed: map[string]jsontext.Value{"status": jsontext.Value(`"active"`), "name": jsontext.Value(`null`)},
			Evidence: events.Evidence{How: "seen", Actor: &events.Actor{ID: "boss", Type: "User"}}},
		{Kind: "agent", Verb: "deleted", Holder: "a1", Key: "self", Name: "Invoice matcher", Status: "active", Gone: true, Guessed: true, How: "inferred"}: {
			Entity: &agent, Gone: &events.Gone{Inferred: true}, Evidence: events.Evidence{How: "inferred"}},
		{Kind: "activity", Holder: "a1", Key: "sign_in", Activity: "sign_in", Outcome: "success", Actor: "a1"}: {
			Activity: &events.Activity{Holder: "a1", Type: "sign_in", ID: "1", Outcome: "success", Actor: &events.Actor{ID: "a1"}}},
	} {
		typ := events.ActivityType("sign_in")
		if d.Entity != nil {
			typ = events.EntityType(d.Entity.Kind, events.Verb(want.Verb))
		}
		e := events.New("acme", "okta", "okta", typ, noon, noon, d)
		sealed, err := events.Seal("", &e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := newRow(&events.Stored{Body: sealed.Body})
		if err != nil {
			t.Fatal(err)
		}
		got.ID, got.Type, got.Tenant, got.Connection, got.Vendor, got.Event = "", "", "", "", "", "" // the same for all
		got.Recorded, got.Time = want.Recorded, want.Time
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", typ, diff)
		}
	}
}

// A damaged event is told of and left out; an altered archive ends the export, and leaves no file.
func TestExportOfDamage(t *testing.T) {
	_, dir := filled(t, 50)
	found, err := filepath.Glob(filepath.Join(dir, "segments", "0000000002-*"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(found[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if code := run([]string{"export", dir, "--parquet", filepath.Join(out, "e.parquet")}); code != 1 {
		t.Errorf("exit status %d, want 1", code)
	}
	if code := run([]string{"verify", dir}); code != 1 {
		t.Errorf("verify: exit status %d, want 1", code)
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 0 {
		t.Errorf("it has left %v (%v)", left, err)
	}
	damage := func(yield func(events.Stored, error) bool) {
		s := events.Stored{Body: []byte("no event")}
		yield(s, s.Damage(fmt.Errorf("altered")))
	}
	if n, damaged, err := export(filepath.Join(out, "f.parquet"), damage); n != 0 || len(damaged) != 1 || err != nil {
		t.Errorf("%d rows, damaged %v, %v", n, damaged, err)
	}
}

// Every command helps, and says what is missing.
func TestHelp(t *testing.T) {
	for _, c := range root().Commands() {
		if !c.IsAvailableCommand() || c.Name() == "completion" || c.Name() == "help" {
			continue
		}
		if c.Example == "" || c.Long == "" {
			t.Errorf("%s has no example or tells nothing", c.Name())
		}
	}
	for _, args := range [][]string{{"export", "--parquet", "x"}, {"verify", "nowhere"}, {"copy", "nowhere", "b"}, {"export", "a", "--parquet", "x", "--kind", "things"}} {
		if code := run(args); code != 1 {
			t.Errorf("%v: exit status %d, want 1", args, code)
		}
	}
}
