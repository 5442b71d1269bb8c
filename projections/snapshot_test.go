package projections_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/projections"
)

// A snapshot that is taken while the view is written to is the view of one checkpoint: of each commit all or nothing.
func TestSnapshotIsOfOneCheckpoint(t *testing.T) {
	b := bucket(t, server(t))
	const keys, commits = 300, 20
	commit := func(c projections.Checkpoint, n int) projections.Checkpoint {
		var docs []projections.Document
		for k := range keys {
			d := projections.Document{Key: fmt.Sprintf("a.%d", k), Body: fmt.Appendf(nil, "%d", n)}
			if k >= keys-10 && n%2 == 1 {
				d.Body = nil // some go and come back
			}
			docs = append(docs, d)
		}
		next := at(uint64(n))
		c, err := b.Commit(t.Context(), c, next, docs)
		if err != nil {
			t.Error(err)
		}
		return c
	}
	c := commit(projections.Checkpoint{}, 2)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 3; n <= commits; n++ {
			c = commit(c, n)
		}
	}()
	seen := map[uint64]bool{}
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		s, err := b.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n := s.Checkpoint.Sequence
		seen[n] = true
		want := keys
		if n%2 == 1 {
			want = keys - 10
		}
		if len(s.Documents) != want {
			t.Fatalf("at %d it has %d documents, not %d", n, len(s.Documents), want)
		}
		for key, body := range s.Documents {
			if string(body) != fmt.Sprint(n) {
				t.Fatalf("at %d, %s is of %s", n, key, body)
			}
		}
	}
	if !seen[commits] || len(seen) < 3 {
		t.Errorf("snapshots were of %v only", seen)
	}
}

func TestSnapshotOfWhatNobodyCommitted(t *testing.T) {
	b := bucket(t, server(t))
	s, err := b.Snapshot(t.Context())
	if err != nil || len(s.Documents) > 0 || s.Checkpoint != (projections.Checkpoint{}) {
		t.Errorf("an empty view: %+v, %v", s, err)
	}
	defer projections.WaitLess(20 * time.Millisecond)()
	torn := at(1)
	torn.Rebuilding = true
	if _, err := b.Commit(t.Context(), projections.Checkpoint{}, torn, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Snapshot(t.Context()); err == nil || !strings.Contains(err.Error(), "is not whole") {
		t.Errorf("a view half rebuilt: %v", err)
	}
}
