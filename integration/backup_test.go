package integration

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/natsd"
)

// What docs/backup.md says to back up.
const (
	logStream    = "ROLLCALL"
	keysStream   = "KV_rollcall_keys"
	hubStream    = "KV_rollcall_hub"
	rosterStream = "KV_roster"
)

// site is a NATS server and the hub that works there.
type site struct {
	*world
	name, dir, url string
}

// site starts an empty server.
func (w *world) site(t *testing.T, name string) *site {
	t.Helper()
	s := &site{world: w, name: name, dir: t.TempDir()}
	server, err := natsd.Start(t.Context(), natsd.Options{Dir: s.dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Shutdown() })
	s.url = server.ClientURL()
	return s
}

// call lets a hub call the roll.
func (s *site) call(t *testing.T) {
	t.Helper()
	if s.child(t, s.config(t, s.name, fmt.Sprintf("{urls: [%q]}", s.url)), "") {
		t.Fatal("the hub was killed")
	}
}

func (s *site) open(t *testing.T) *hub.Reader {
	t.Helper()
	r, err := hub.OpenReader(t.Context(), hub.Where{URL: s.url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// lagging is an agent whose host is gone, and that the registry still shows.
var lagging = regexp.MustCompile(`google/\S+ deleted .*google/urn:`)

// A log that is restored into an empty server from before the roster's backup is shorter than what the roster has seen: the hub begins a new
// epoch, reads the vendors again and builds the roster anew. In the end it is what the vendors hold, names included.
func TestRestoreOfAnOlderLog(t *testing.T) {
	w := newWorld(t, demo.Options{Agents: 9})
	old, empty := w.site(t, "old"), w.site(t, "empty")
	old.call(t)
	saved := backup(t, old.url, logStream, keysStream)
	w.change(t, 40)
	old.call(t)
	saved = append(saved, backup(t, old.url, rosterStream, hubStream)...)

	restore(t, empty.url, saved...)
	empty.call(t)
	was, is := old.open(t), empty.open(t)
	if e := is.Log.Epoch(); e.ID == was.Log.Epoch().ID || e.Former != was.Log.Epoch().ID || e.Resumed == 0 || e.Ended <= e.Resumed {
		t.Errorf("the restored log is in epoch %+v, the old one in %+v", e, was.Log.Epoch())
	}
	want, got := alive(left(t, hub.Where{URL: old.url})), alive(left(t, hub.Where{URL: empty.url}))
	// Google's registry is behind its hosts, and two of its lists must agree: a hub that ends as soon as it has caught up may not see that.
	got = slices.DeleteFunc(got, func(agent string) bool { return lagging.MatchString(agent) && !slices.Contains(want, agent) })
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("the restored roster differs (-old +restored):\n%s", d)
	}
	(&erasing{r: is, views: []string{"roster"}}).mustFold(t)
	if d := gocmp.Diff(personsOf(t, was), personsOf(t, is)); d != "" || len(personsOf(t, is)) == 0 {
		t.Errorf("the restored log tells of other persons (-old +restored):\n%s", d)
	}
}

// A log that is restored together with all that has seen it goes on in its epoch, and nothing is told twice.
func TestRestoreOfEverything(t *testing.T) {
	w := newWorld(t, demo.Options{Agents: 9})
	old, empty := w.site(t, "old"), w.site(t, "empty")
	old.call(t)
	before := left(t, hub.Where{URL: old.url})
	restore(t, empty.url, backup(t, old.url, logStream, keysStream, hubStream, rosterStream)...)
	empty.call(t)
	if d := gocmp.Diff(before.Events, left(t, hub.Where{URL: empty.url}).Events); d != "" {
		t.Errorf("the restored log differs (-old +restored):\n%s", d)
	}
	if a, b := old.open(t).Log.Epoch().ID, empty.open(t).Log.Epoch().ID; a != b {
		t.Errorf("the epoch was %s and is %s", a, b)
	}
}

// Log and keys are enough: the roster is folded anew, even where what hubs remember names one that a rebuild had made.
func TestRestoreWithoutRoster(t *testing.T) {
	w := newWorld(t, demo.Options{Agents: 9})
	old := w.site(t, "old")
	old.call(t)
	if _, err := old.open(t).Rebuild(t.Context(), func(string, uint64, uint64) {}); err != nil {
		t.Fatal(err)
	}
	old.call(t)
	want := left(t, hub.Where{URL: old.url})
	for name, streams := range map[string][]string{"alone": {logStream, keysStream}, "noted": {logStream, keysStream, hubStream}} {
		empty := w.site(t, name)
		restore(t, empty.url, backup(t, old.url, streams...)...)
		empty.call(t)
		if d := gocmp.Diff(want.Roster, left(t, hub.Where{URL: empty.url}).Roster); d != "" {
			t.Errorf("%s: the restored roster differs (-old +restored):\n%s", name, d)
		}
	}
}

// An erasure lives through a restore as long as the log or the keys are of after it; a backup of both from before brings the person back, as
// docs/backup.md says.
func TestRestoreAndErasure(t *testing.T) {
	w := newWorld(t, demo.Options{Agents: 9})
	old := w.site(t, "old")
	old.call(t)
	r := old.open(t)
	e := &erasing{r: r, dir: old.dir, views: []string{"roster"}}
	e.pick(t)
	before := backup(t, old.url, logStream, keysStream)
	if _, err := r.Erase(t.Context(), hub.Erase{PersonID: e.id, By: "test"}); err != nil {
		t.Fatal(err)
	}
	after := backup(t, old.url, logStream, keysStream)
	for _, c := range []struct {
		name      string
		log, keys snapshot
		back      bool
	}{
		{"older keys", after[0], before[1], false},
		{"an older log", before[0], after[1], false},
		{"both older", before[0], before[1], true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := w.site(t, c.name[:4])
			restore(t, s.url, c.log, c.keys)
			s.call(t)
			here := &erasing{r: s.open(t), id: e.id, names: e.names, dir: s.dir, views: []string{"roster"}}
			if c.back {
				if f := here.find(t); f.log == 0 || f.documents == 0 {
					t.Errorf("the person is not back: %+v: tell so in docs/backup.md", f)
				}
				return
			}
			here.mustBeNowhere(t, "after the restore")
			here.mustFold(t)
			keys, err := eventlog.OpenKeys(t.Context(), dial(t, s.url), eventlog.KeysOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer keys.Close()
			if k, err := keys.Key(e.id, ""); err == nil {
				t.Errorf("there still is %v", k)
			}
		})
	}
}

// pick picks a user with a name.
func (e *erasing) pick(t *testing.T) {
	t.Helper()
	holders, err := e.r.Roster.Holders(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	n := slices.IndexFunc(holders, func(i holder) bool {
		return i.Person != nil && i.Person.Native == "user" && i.Connection == "okta" && i.Person.Name != ""
	})
	if n < 0 {
		t.Fatal("nobody has a name")
	}
	p := holders[n]
	e.id = events.PersonID{Tenant: p.Tenant, Connection: p.Connection, ID: p.Holder}
	e.names = append([]string{p.Person.Name, p.Person.UserName}, p.Person.Emails...)
}

// personsOf are the persons that a log tells of, by their last states.
func personsOf(t *testing.T, r *hub.Reader) map[string]events.Person {
	t.Helper()
	out := map[string]events.Person{}
	for m, err := range r.Log.Read(t.Context(), events.Query{Filter: events.Filter{Kind: events.KindPerson}, LastOnly: true}) {
		if err != nil {
			t.Fatal(err)
		}
		out[m.Event.NATSSubject()] = *m.Event.Data.Entity.Person
	}
	return out
}
