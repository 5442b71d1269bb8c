package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

// A person of Okta is erased while a hub reads, with the roster before the last rebuild still kept. Name and addresses are in no event,
// no roster and no file of the log, and neither the hub's next passes, nor the vendor's changes of the person, nor a new hub bring them back.
func TestErasedPersonIsNowhere(t *testing.T) {
	w := newWorld(t, demo.Options{Agents: 9})
	dir := t.TempDir()
	server, err := natsd.Start(t.Context(), natsd.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown() //nolint:errcheck // the test is over
	nats := fmt.Sprintf("{urls: [%q]}", server.ClientURL())
	running := w.start(t, w.config(t, "first", nats))
	hubs := &watched{t: t, where: hub.Where{URL: server.ClientURL()}}
	eventually(t, "the hub reads everything", func() bool { return hubs.reading() != "" })
	rebuilt, err := hubs.open().Rebuild(t.Context(), func(string, uint64, uint64) {})
	if err != nil {
		t.Fatal(err)
	}
	w.vary(t, "okta")
	e := newErasing(t, hubs, dir)
	before := e.find(t)
	if before.log == 0 || before.documents == 0 || before.files != 0 {
		t.Fatalf("before the erasure there is %+v: the test looks for the wrong thing", before)
	}

	done, err := e.r.Erase(t.Context(), hub.Erase{PersonID: e.id, By: "test", Reason: "request 4711"})
	if err != nil {
		t.Fatal(err)
	}
	if views := viewsIn(done); !slices.Equal(views, []string{rebuilt.Live, rebuilt.Former}) || done.Sealed == 0 || done.Plain != 0 {
		t.Errorf("erased was %+v", done)
	}
	e.mustBeNowhere(t, "after the erasure")
	eventually(t, "the hub goes on reading", func() bool { return hubs.reading() != "" })
	for _, c := range []sandbox.Change{{Op: sandbox.RenamePerson, Person: e.id.ID, Name: "Renamed Afterwards"}, {Op: sandbox.DisablePerson, Person: e.id.ID}} {
		if _, err := w.vendor(t, "okta").Mutate(c); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the hub tells that the person was disabled", func() bool { return e.status(t) != string(events.StatusActive) })
	e.names = append(e.names, "Renamed", "Afterwards")
	e.mustBeNowhere(t, "after the vendor's changes")
	e.mustFold(t)

	if err := running.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = running.Wait() // it was killed
	if w.child(t, w.config(t, "second", nats), "") {
		t.Fatal("the second hub was killed")
	}
	e.mustBeNowhere(t, "after a new hub")
	e.mustFold(t)
}

// What was written in plain before a hub sealed stays, and is counted; what comes after it is sealed, compares equal, and is erased.
func TestErasureOfWhatLiesInPlain(t *testing.T) {
	w := newWorld(t, demo.Options{Agents: 9})
	s := w.site(t, "plain")
	plain := w.config(t, "plain", fmt.Sprintf("{urls: [%q]}", s.url))
	f, err := os.OpenFile(plain, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("privacy: {seal_persons: false}\n")
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if w.child(t, plain, "") {
		t.Fatal("the hub was killed")
	}
	r := s.open(t)
	before := personsOf(t, r)
	s.call(t) // a hub that seals: what it reads is what it knows
	if d := gocmp.Diff(before, personsOf(t, r)); d != "" {
		t.Errorf("sealing has changed what the log tells:\n%s", d)
	}
	if n := counted(t, r, func(e events.Stored) bool { return bytes.Contains(e.Body, []byte(`"sealed":{`)) }); n != 0 {
		t.Errorf("%d persons were told again, sealed", n)
	}
	e := &erasing{r: r, dir: s.dir, views: []string{"roster"}}
	e.pick(t)
	if _, err := w.vendor(t, "okta").Mutate(sandbox.Change{Op: sandbox.RenamePerson, Person: e.id.ID, Name: "Newname Zyx"}); err != nil {
		t.Fatal(err)
	}
	s.call(t)
	done, err := r.Erase(t.Context(), hub.Erase{PersonID: e.id, By: "test"})
	if err != nil || done.Plain != 1 || done.Sealed == 0 || done.Events != done.Plain+done.Sealed {
		t.Fatalf("erased was %+v, %v", done, err)
	}
	s.call(t)
	e.mustFold(t)
	var told []string
	for m, err := range r.Log.Read(t.Context(), events.Query{Filter: events.Filter{Connection: e.id.Connection, Holder: e.id.ID, Kind: events.KindPerson}}) {
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, string(m.Event.Data.Entity.Person.Withheld))
	}
	if told[0] != "" || slices.Contains(told[1:], "") {
		t.Errorf("after the erasure the log tells %q", told)
	}
	if i, err := r.Roster.Person(t.Context(), e.id.Tenant, e.id.Connection, e.id.ID); err != nil || i.Person.Withheld != events.WithheldErased {
		t.Errorf("the roster has %+v, %v", i, err)
	}
}

// counted counts the events of persons for which is holds.
func counted(t *testing.T, r *hub.Reader, is func(events.Stored) bool) (n int) {
	t.Helper()
	for s, err := range r.Log.Stored(t.Context(), events.Query{Filter: events.Filter{Kind: events.KindPerson}}) {
		if err != nil {
			t.Fatal(err)
		}
		if is(s) {
			n++
		}
	}
	return n
}

// vendor is a vendor's sandbox.
func (w *world) vendor(t *testing.T, name string) sandbox.Vendor {
	t.Helper()
	for _, v := range w.company.Vendors {
		if v.Name == name {
			return v.State
		}
	}
	t.Fatalf("there is no vendor %s", name)
	return nil
}

// vary renames persons, so that their history tells former names too.
func (w *world) vary(t *testing.T, vendor string) {
	t.Helper()
	v := w.vendor(t, vendor)
	for n, p := range v.Truth().People {
		_, err := v.Mutate(sandbox.Change{Op: sandbox.RenamePerson, Person: p.ID, Name: fmt.Sprintf("Newname Zyx%d", n)})
		if err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
			t.Fatal(err)
		}
	}
}

// erasing looks for what should be erased.
type erasing struct {
	r     *hub.Reader
	id    events.PersonID
	names []string // former and present
	dir   string   // of the server
	views []string
}

type holder = roster.Identity

// newErasing picks a user who was renamed.
func newErasing(t *testing.T, hubs *watched, dir string) *erasing {
	t.Helper()
	e := &erasing{r: hubs.open(), dir: dir, views: []string{"roster", "roster_2"}}
	eventually(t, "the hub tells of new names", func() bool {
		for m, err := range e.r.Log.Read(t.Context(), events.Query{Filter: events.Filter{Connection: "okta", Kind: events.KindPerson}}) {
			if err != nil {
				t.Fatal(err)
			}
			p := m.Event.Data.Entity.Person
			if p.Native == "user" && p.Status == events.StatusActive && m.Event.Data.Changed["name"] != nil {
				e.id, _ = m.Event.PersonID()
				former := strings.Trim(string(m.Event.Data.Changed["name"]), `"`)
				e.names = append([]string{former, p.Name, p.UserName}, p.Emails...)
				return true
			}
		}
		return false
	})
	return e
}

// found counts where a name was found.
type found struct{ log, documents, files int }

func (e *erasing) find(t *testing.T) (f found) {
	t.Helper()
	has := func(b []byte) bool {
		return slices.ContainsFunc(e.names, func(s string) bool { return s != "" && bytes.Contains(b, []byte(s)) })
	}
	// The same human may be known to other vendors, as a person of their own.
	for s, err := range e.r.Log.Stored(t.Context(), events.Query{Filter: events.Filter{Connection: e.id.Connection}}) {
		if err != nil {
			t.Fatal(err)
		}
		shown, err := s.Opened()
		if err != nil {
			t.Fatal(err)
		}
		if has(s.Body) {
			t.Errorf("a name lies in the log in plain: %s", s.Body)
		}
		if has(shown.Body) {
			f.log++
		}
	}
	for _, view := range e.views {
		b, err := projections.OpenBucket(t.Context(), e.r.JetStream(), projections.BucketOptions{Name: view, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		for d, err := range b.List(t.Context(), ">") {
			if err != nil {
				t.Fatal(err)
			}
			if has(d.Body) && !strings.HasPrefix(d.Key, "_holders.demo.entra") && !strings.HasPrefix(d.Key, "_holders.demo.google") {
				f.documents++
			}
		}
	}
	for _, stream := range []string{"ROLLCALL", "KV_rollcall_keys"} {
		err := filepath.WalkDir(filepath.Join(e.dir, "nats", "jetstream", "$G", "streams", stream), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if b, err := os.ReadFile(path); err == nil && has(b) {
				f.files++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (e *erasing) mustBeNowhere(t *testing.T, when string) {
	t.Helper()
	if f := e.find(t); f != (found{}) {
		t.Errorf("%s there still is %+v", when, f)
	}
	for s, err := range e.r.Log.Stored(t.Context(), events.Query{Filter: events.Filter{Connection: e.id.Connection, Holder: e.id.ID, Kind: events.KindPerson}}) {
		if err != nil {
			t.Fatal(err)
		}
		if m, err := s.Message(); err != nil || m.Event.Data.Entity.Person.Withheld != events.WithheldErased {
			t.Errorf("%s event %d is %+v, %v", when, s.Position.Sequence, m.Event.Data.Entity, err)
		}
	}
}

// mustFold checks that the log is sound and folds into the rosters, a former one as far as it went.
func (e *erasing) mustFold(t *testing.T) {
	t.Helper()
	for _, name := range e.views {
		b, err := projections.OpenBucket(t.Context(), e.r.JetStream(), projections.BucketOptions{Name: name, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		view, err := b.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if v, err := replay.Verify(t.Context(), e.r.Log, view, roster.Version, roster.New, nil); err != nil || len(v.Differences) > 0 || len(v.Damaged) > 0 {
			t.Errorf("%s is not what the log says: %+v, %v", name, v, err)
		}
	}
	if c, err := replay.VerifyChains(t.Context(), e.r.Log, replay.Head{}, nil); err != nil || c.Err() != nil {
		t.Errorf("the chains are not sound: %+v, %v", c.Faults, err)
	}
}

func (e *erasing) status(t *testing.T) string {
	t.Helper()
	m, _, err := e.r.Log.Last(t.Context(), e.id.Tenant, e.id.Connection, events.Identity(events.KindPerson, e.id.ID))
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Event.Data.Entity.Person.Status)
}

func viewsIn(e hub.Erasure) (out []string) {
	for _, d := range e.Documents {
		out = append(out, d.View)
	}
	return out
}
