package archivetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// Store runs the suite for stores; fresh makes an empty one.
func Store(t *testing.T, fresh func(t *testing.T) archive.Store) {
	t.Run("an object is put once", func(t *testing.T) { putOnce(t, fresh(t)) })
	t.Run("one of many who put a name succeeds", func(t *testing.T) { race(t, fresh(t)) })
	t.Run("names are listed by prefix and sorted", func(t *testing.T) { list(t, fresh(t)) })
	t.Run("what is cancelled ends", func(t *testing.T) { cancelled(t, fresh(t)) })
	t.Run("an archive is written, verified and read", func(t *testing.T) { whole(t, fresh(t)) })
}

func putOnce(t *testing.T, s archive.Store) {
	const name = "segments/0000000001-0123456789abcdef.jsonl.zst"
	if _, err := s.Get(t.Context(), name); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("Get of nothing: %v, want ErrNotFound", err)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	if err := s.Put(t.Context(), name, content); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), name, []byte("other")); !errors.Is(err, archive.ErrExists) {
		t.Errorf("Put of a name that is taken: %v, want ErrExists", err)
	}
	if got, err := s.Get(t.Context(), name); err != nil || !bytes.Equal(got, content) {
		t.Errorf("Get returned %d bytes (%v), want the %d that were put", len(got), err, len(content))
	}
}

func race(t *testing.T, s archive.Store) {
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = s.Put(t.Context(), "index/0000000001.json", fmt.Append(nil, i)) })
	}
	wg.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("%d and %d have both put the same name", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, archive.ErrExists):
			t.Errorf("Put: %v, want ErrExists", err)
		}
	}
	if got, err := s.Get(t.Context(), "index/0000000001.json"); err != nil || string(got) != fmt.Sprint(winner) {
		t.Errorf("the object holds %q (%v), want what %d has put", got, err, winner)
	}
}

func list(t *testing.T, s archive.Store) {
	all := []string{"index/0000000001.json", "index/0000000002.json", "segments/0000000001-00.jsonl.zst"}
	for _, i := range []int{2, 1, 0} {
		if err := s.Put(t.Context(), all[i], []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for prefix, want := range map[string][]string{"": all, "index/": all[:2], "other/": nil} {
		if got, err := s.List(t.Context(), prefix); err != nil || !slices.Equal(got, want) {
			t.Errorf("List(%q) is %v (%v), want %v", prefix, got, err, want)
		}
	}
}

func cancelled(t *testing.T, s archive.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ctx, "index/0000000001.json", []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v, want that it was cancelled", err)
	}
	if _, err := s.List(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("List: %v, want that it was cancelled", err)
	}
}

func whole(t *testing.T, s archive.Store) {
	log := eventlog.NewMemory()
	defer log.Close()
	Fill(t, log, 50)
	a, err := archive.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if w, err := a.Write(t.Context(), log, archive.Options{Events: 20}); err != nil || w.Events != 50 || w.Segments != 3 {
		t.Fatalf("written %+v (%v), want 50 events in 3 segments", w, err)
	}
	if r, err := archive.Verify(t.Context(), s, nil); err != nil || r.Err() != nil || r.Events != 50 || len(r.Unnamed) > 0 {
		t.Errorf("verified %+v (%v), want 50 events and no fault", r, err)
	}
	if a, err = archive.Open(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	Same(t, log, a, events.Query{})
}
