package okta

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// play makes the same changes at every org.
func (o *org) play(n int) {
	r, ops := sandbox.NewRand(5), slices.Concat(sandbox.Ops(), sandbox.ExtraOps())
	for range n {
		_, err := o.Mutate(sandbox.Change{Op: ops[r.Pick(len(ops))]})
		if err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
			o.t.Fatal(err)
		}
		o.clock.advance(time.Second)
	}
}

func (o *org) snapshot() []byte {
	o.t.Helper()
	b, err := o.Snapshot()
	if err != nil {
		o.t.Fatal(err)
	}
	return b
}

func TestSameSeedSameOrg(t *testing.T) {
	a, b := start(t, Options{}), start(t, Options{})
	a.play(60)
	b.readEverything() // must not change what comes next
	b.play(60)
	if diff := cmp.Diff(a.Truth(), b.Truth()); diff != "" {
		t.Errorf("same seed and changes, different truth:\n%s", diff)
	}
	if other := New(sandbox.NewCompany(1, 60), 2); other.Org() == a.Org() || other.Token() == a.Token() {
		t.Error("seeds 1 and 2 share their org id or token")
	}
}

func TestSnapshotRoundTrip(t *testing.T) {
	opt := Options{PageSize: 3, OpDelay: 30 * time.Second, LogLate: time.Minute}
	a := start(t, opt)
	a.play(20)
	token := a.minted(a.mint(a.seeded().jwt(a.claims()), "okta.aiAgents.read"))
	snap := a.snapshot()
	nexts := map[string]string{}
	for path := range lists(a) {
		nexts[path] = a.get(path).next()
	}
	nexts["polling"] = a.get(logsPath + "?since=2026-11-01T00:00:00Z").next()

	b := start(t, opt)
	b.clock.now = a.clock.Now()
	if err := b.Restore(snap); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(snap, b.snapshot()) {
		t.Error("a restored org has another snapshot")
	}
	for path, next := range nexts {
		want, got := a.get(next), b.get(b.url+next[len(a.url):])
		if got.status != 200 || !cmp.Equal(want.ids(t), got.ids(t)) {
			t.Errorf("%s: the next page of a restored org is %d %v, want %v", path, got.status, got.ids(t), want.ids(t))
		}
	}
	if r := b.as("Bearer "+token, "GET", agents, "", ""); r.status != 200 {
		t.Errorf("an access token after a restore: %d", r.status)
	}
	a.play(40)
	b.play(40)
	a.clock.advance(time.Hour)
	b.clock.advance(time.Hour)
	if diff := cmp.Diff(a.Truth(), b.Truth()); diff != "" {
		t.Errorf("the original and the restored org part ways:\n%s", diff)
	}
}

// TestRestartMeetsTheSameOrg goes through the file, as a restarted process does.
func TestRestartMeetsTheSameOrg(t *testing.T) {
	file := filepath.Join(t.TempDir(), "okta.json")
	a := start(t, Options{PageSize: 3})
	first, err := sandbox.Open(a.Sandbox, file)
	if err != nil {
		t.Fatal(err)
	}
	a.serve(sandbox.Serve(first))
	a.finished(a.do("POST", agents, plainJSON, `{"profile":{"name":"Survivor"}}`))
	next := a.get(agents).next()
	b := start(t, Options{PageSize: 3})
	second, err := sandbox.Open(b.Sandbox, file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.Truth(), second.Truth()); diff != "" || first.Token() != second.Token() {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}
	if r := b.get(b.url + next[len(a.url):]); r.status != 200 {
		t.Errorf("a next link after a restart: %d %s", r.status, r.body)
	}
}

func TestRestoreRefusesForeignState(t *testing.T) {
	o := start(t, Options{})
	before := o.snapshot()
	for _, b := range []string{"", "{", "[]", "{}", `{"Org":7}`} {
		if err := o.Restore([]byte(b)); err == nil {
			t.Errorf("Restore(%q) gives no error", b)
		}
	}
	if !bytes.Equal(before, o.snapshot()) {
		t.Error("a failed Restore changed the org")
	}
}

func TestNewObjectsSettle(t *testing.T) {
	o := start(t, Options{Settle: 5 * time.Second})
	for native, at := range map[string]string{"ai_agent": agents, "service_app": "/api/v1/apps"} {
		out := o.must(sandbox.Change{Op: sandbox.CreateAgent, Native: native})
		ids, _ := o.walk(at)
		if r := o.get(at + "/" + out.Agent); r.status != 404 || ids[len(ids)-1] == out.Agent {
			t.Errorf("%s is shown at once: %d", native, r.status)
		}
		o.clock.advance(out.At.Sub(o.clock.Now()))
		ids, _ = o.walk(at)
		if r := o.get(at + "/" + out.Agent); r.status != 200 || ids[len(ids)-1] != out.Agent {
			t.Errorf("%s is not shown at %s: %d", native, out.At, r.status)
		}
	}
}

func TestReadsAndChangesTogether(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	var wg sync.WaitGroup
	for path := range lists(o) {
		wg.Go(func() {
			for range 5 {
				o.walk(path)
			}
		})
	}
	wg.Go(func() {
		for range 100 {
			_, _ = o.Mutate(sandbox.Change{Op: sandbox.CreateAgent})
			_, _ = o.Mutate(sandbox.Change{Op: sandbox.DeleteAgent})
		}
	})
	wg.Go(func() {
		for range 20 {
			o.Truth()
			if _, err := o.Snapshot(); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	o.compare("after reads and changes together")
}
