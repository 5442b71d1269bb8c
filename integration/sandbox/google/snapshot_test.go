package google

import (
	"errors"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

func snapshot(t *testing.T, s *Sandbox) string {
	t.Helper()
	b, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDeterministic(t *testing.T) {
	company := sandbox.NewCompany(5, 60)
	a, b, other := NewWith(company, 5, Layout{At: seedTime}), NewWith(company, 5, Layout{At: seedTime}), NewWith(company, 6, Layout{At: seedTime})
	at := (&clock{now: seedTime.AddDate(0, 1, 0)}).Now
	a.Now, b.Now = at, at
	for _, c := range everything() {
		x, errX := a.Mutate(c)
		y, errY := b.Mutate(c)
		if diff := cmp.Diff(x, y); diff != "" || (errX == nil) != (errY == nil) {
			t.Fatalf("%s: %v, %v\n%s", c.Op, errX, errY, diff)
		}
	}
	if snapshot(t, a) != snapshot(t, b) {
		t.Error("the same company, seed and changes gave two organizations")
	}
	if a.Token() == other.Token() || a.Organization() == other.Organization() {
		t.Error("another seed gave the same organization")
	}
}

func TestSnapshotCarriesEverything(t *testing.T) {
	w := newWorld(t, 60, Options{PageSize: 2})
	w.do(sandbox.Change{Op: sandbox.DeleteAgent, Native: nativeAccount})
	const path = "/iam/v1/projects/tessellate-agents/serviceAccounts?pageToken="
	token := url.QueryEscape(w.get(path)["nextPageToken"].(string))
	page := w.get(path + token)
	key, err := w.Credentials(w.base)
	if err != nil {
		t.Fatal(err)
	}
	access := w.login(key)
	saved := snapshot(t, w.Sandbox)

	other := newWorld(t, 9, Options{PageSize: 2})
	if err := other.Restore([]byte(saved)); err != nil {
		t.Fatal(err)
	}
	if got := snapshot(t, other.Sandbox); got != saved {
		t.Error("a snapshot of what was restored differs")
	}
	if diff := cmp.Diff(page, other.get(path+token)); diff != "" {
		t.Errorf("a page token from before:\n%s", diff)
	}
	if code := other.with("Bearer " + access); code != 200 {
		t.Errorf("an access token from before answers %d", code)
	}
	for _, c := range everything() { // ids and picks go on as they would have
		x, errX := w.Mutate(c)
		y, errY := other.Mutate(c)
		if diff := cmp.Diff(x, y); diff != "" || (errX == nil) != (errY == nil) {
			t.Errorf("%+v: %v, %v\n%s", c, errX, errY, diff)
		}
	}
	if diff := cmp.Diff(w.Truth(), other.Truth()); diff != "" {
		t.Errorf("truths after the same changes:\n%s", diff)
	}
	other.login(key)
	other.ExpireCursors()
	other.refused("GET", path+token, "", 400, "INVALID_ARGUMENT")
}

func TestRestoreRefusesRubbish(t *testing.T) {
	w := newWorld(t, 9, Options{})
	before := snapshot(t, w.Sandbox)
	for _, b := range []string{"", "{}", "[]", `{"Token":"x"}`, `{"vendor":"okta"}`, before[:len(before)/2]} {
		if err := w.Restore([]byte(b)); err == nil {
			t.Errorf("restored %.20q", b)
		}
	}
	if snapshot(t, w.Sandbox) != before {
		t.Error("a failed restore changed the state")
	}
}

// TestConcurrentUse is for the race detector: readers, writers and savers at once.
func TestConcurrentUse(t *testing.T) {
	w := newWorld(t, 60, Options{PageSize: 3, ReadsPerMinute: 1e6, LateEvery: 2, LateBy: time.Second})
	q, all := w.queue(), everything()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 60 {
				_, _ = w.Mutate(all[(i*29+n)%len(all)])
			}
		})
		wg.Go(func() {
			for range 5 {
				q.pull("3")
			}
			w.seen()
			w.entries("tessellate-agents", `protoPayload.methodName:"ServiceAccount"`, 50)
			w.Truth()
		})
		wg.Go(func() {
			for range 5 {
				if _, err := w.Snapshot(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.Options.PageSize, w.Options.ReadsPerMinute = 0, 0
	w.whole()
}

func TestStateOutlivesTheProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "google.json")
	first := NewWith(sandbox.NewCompany(5, 30), 5, Layout{At: seedTime})
	store, err := sandbox.Open(first, file)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range sandbox.Ops() {
		if _, err := store.Mutate(sandbox.Change{Op: op}); err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
			t.Fatal(err)
		}
	}
	second := NewWith(sandbox.NewCompany(5, 30), 5, Layout{At: seedTime})
	if _, err := sandbox.Open(second, file); err != nil {
		t.Fatal(err)
	}
	if snapshot(t, first) != snapshot(t, second) {
		t.Error("another process finds another organization")
	}
}

func TestSmallCompanies(t *testing.T) {
	for _, c := range []sandbox.Company{{}, sandbox.NewCompany(1, 0), sandbox.NewCompany(1, 3)} {
		s := NewWith(c, 1, Layout{At: seedTime})
		for _, c := range everything() {
			if _, err := s.Mutate(c); err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
				t.Errorf("%+v: %v", c, err)
			}
		}
	}
}
