package eventlog_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

func TestKey(t *testing.T) {
	seen := map[string]bool{}
	for _, parts := range [][]string{{"acme", "okta"}, {"acme.okta"}, {"acme", "okta main"}, {"", "x"}, {"=", "%"}, {"ä/b*>"}, {"a=20b"}} {
		key := eventlog.Key(parts...)
		if seen[key] {
			t.Errorf("%q has the key of another", parts)
		}
		seen[key] = true
		back, err := eventlog.ParseKey(key)
		if err != nil || !cmp.Equal(parts, back) {
			t.Errorf("%q became %q and then %q, %v", parts, key, back, err)
		}
	}
	for _, bad := range []string{"", "a..b", "a%20b", "a=2", "a b"} {
		if parts, err := eventlog.ParseKey(bad); err == nil {
			t.Errorf("the key %q was read as %q", bad, parts)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("acme.okta=20main")
	f.Add("=")
	f.Fuzz(func(t *testing.T, key string) {
		if parts, err := eventlog.ParseKey(key); err == nil && eventlog.Key(parts...) != key {
			t.Errorf("%q was read as %q, whose key is %q", key, parts, eventlog.Key(parts...))
		}
	})
}

func TestBoards(t *testing.T) {
	r := newReal(t)
	for name, open := range map[string]func() (*eventlog.Board, error){
		"approvals": func() (*eventlog.Board, error) { return eventlog.Approvals(patient(t), r.connect(t)) },
		"statuses":  func() (*eventlog.Board, error) { return eventlog.Statuses(patient(t), r.connect(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			b, err := open()
			if err != nil {
				t.Fatal(err)
			}
			checkBoard(t, b)
		})
	}
}

func checkBoard(t *testing.T, b *eventlog.Board) {
	key := eventlog.Key("acme", "okta main")
	if _, ok, err := b.Get(patient(t), key); ok || err != nil {
		t.Errorf("an empty board has %v, %v", ok, err)
	}
	checkList(t, b, map[string][]byte{})
	put(t, b, key, "1")
	put(t, b, key, "2")
	put(t, b, "acme.google", "3")
	if v, ok, err := b.Get(patient(t), key); string(v) != "2" || !ok || err != nil {
		t.Errorf("the note is %q, %v, %v", v, ok, err)
	}
	checkList(t, b, map[string][]byte{key: []byte("2"), "acme.google": []byte("3")})
	for range 2 {
		if err := b.Delete(patient(t), key); err != nil {
			t.Error(err)
		}
	}
	checkList(t, b, map[string][]byte{"acme.google": []byte("3")})
}

func put(t *testing.T, b *eventlog.Board, key, value string) {
	t.Helper()
	if err := b.Put(patient(t), key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func checkList(t *testing.T, b *eventlog.Board, want map[string][]byte) {
	t.Helper()
	got, err := b.List(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the board (-want +got):\n%s", diff)
	}
}

func TestBoardIsWatched(t *testing.T) {
	r := newReal(t)
	b, err := eventlog.Statuses(patient(t), r.connect(t))
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, "a.x", "1")
	ctx, cancel := context.WithCancel(patient(t))
	next, stop := iter.Pull2(b.Watch(ctx))
	defer stop()
	mustSee(t, next, "a.x", "1")
	put(t, b, "a.y", "2")
	mustSee(t, next, "a.y", "2")
	if err := b.Delete(patient(t), "a.x"); err != nil {
		t.Fatal(err)
	}
	mustSee(t, next, "a.x", "")
	r.Restart(t) // a board in memory is empty then, and works again
	mustSee(t, next, "a.y", "")
	put(t, b, "a.z", "3")
	mustSee(t, next, "a.z", "3")
	cancel()
	if _, err, _ := next(); !errors.Is(err, context.Canceled) {
		t.Errorf("at the end: %v", err)
	}
}

func mustSee(t *testing.T, next func() (eventlog.Note, error, bool), key, value string) {
	t.Helper()
	n, err, ok := next()
	if err != nil || !ok || n.Key != key || string(n.Value) != value || (n.Value == nil) != (value == "") {
		t.Fatalf("watched %s=%q, %v, %v; want %s=%q", n.Key, n.Value, ok, err, key, value)
	}
}
