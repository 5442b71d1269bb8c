package projections_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/rollcallhq/rollcall/projections"
)

func server(t testing.TB) jetstream.JetStream {
	t.Helper()
	s, err := natsd.Start(t.Context(), natsd.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nc.Close()
		if err := s.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func bucket(t testing.TB, js jetstream.JetStream) *projections.Bucket {
	t.Helper()
	b, err := projections.OpenBucket(t.Context(), js, projections.BucketOptions{Name: "roster"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func documents(t testing.TB, b *projections.Bucket, pattern string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for d, err := range b.List(t.Context(), pattern) {
		if err != nil {
			t.Fatal(err)
		}
		out[d.Key] = string(d.Body)
	}
	return out
}

func docs(pairs ...string) []projections.Document {
	var out []projections.Document
	for i := 0; i < len(pairs); i += 2 {
		d := projections.Document{Key: pairs[i], Body: []byte(pairs[i+1])}
		if pairs[i+1] == "" {
			d.Body = nil
		}
		out = append(out, d)
	}
	return out
}

func at(sequence uint64) projections.Checkpoint {
	return projections.Checkpoint{Position: events.Position{Epoch: "e", Sequence: sequence}, Version: 1}
}

func TestBucket(t *testing.T) {
	ctx := t.Context()
	b := bucket(t, server(t))
	zero, err := b.Checkpoint(ctx)
	if err != nil || zero != (projections.Checkpoint{}) {
		t.Fatalf("a new view has the checkpoint %+v, %v", zero, err)
	}
	first, err := b.Commit(ctx, zero, at(5), docs("acme.a", `{"n":1}`, "acme.b", `{}`, "_holders.acme.okta.x=2Ey", `{}`))
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.Commit(ctx, first, at(9), docs("acme.a", `{"n":2}`, "acme.b", ""))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Checkpoint(ctx); err != nil || got != second || got.Sequence != 9 {
		t.Errorf("checkpoint %+v, %v, want %+v", got, err, second)
	}
	want := map[string]string{"acme.a": `{"n":2}`, "_holders.acme.okta.x=2Ey": `{}`}
	if d := cmp.Diff(want, documents(t, b, ">")); d != "" {
		t.Errorf("documents (-want +got):\n%s", d)
	}
	if got := documents(t, b, "acme.*"); len(got) != 1 {
		t.Errorf("acme.* lists %v", got)
	}
	if d, err := b.Get(ctx, "acme.a"); err != nil || string(d.Body) != `{"n":2}` {
		t.Errorf("Get = %s, %v", d.Body, err)
	}
	for _, key := range []string{"acme.b", "acme.never", "not a key"} {
		if _, err := b.Get(ctx, key); !errors.Is(err, projections.ErrNotFound) {
			t.Errorf("Get(%q) = %v, want ErrNotFound", key, err)
		}
	}
}

// An instance that was replaced writes nothing, not even the documents.
func TestBucketRefusesTheReplaced(t *testing.T) {
	ctx := t.Context()
	b := bucket(t, server(t))
	mine, err := b.Commit(ctx, projections.Checkpoint{}, at(1), docs("acme.a", `1`))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := b.Commit(ctx, mine, at(2), docs("acme.a", `2`))
	if err != nil {
		t.Fatal(err)
	}
	for name, expect := range map[string]projections.Checkpoint{"replaced": mine, "new": {}} {
		if _, err := b.Commit(ctx, expect, at(3), docs("acme.a", `3`, "acme.b", `3`)); !errors.Is(err, projections.ErrSuperseded) {
			t.Errorf("%s: Commit = %v, want ErrSuperseded", name, err)
		}
	}
	if got, err := b.Checkpoint(ctx); err != nil || got != theirs {
		t.Errorf("checkpoint %+v, %v, want %+v", got, err, theirs)
	}
	if d := cmp.Diff(map[string]string{"acme.a": "2"}, documents(t, b, ">")); d != "" {
		t.Errorf("documents (-want +got):\n%s", d)
	}
}

func TestBucketTakesAFullBatch(t *testing.T) {
	b := bucket(t, server(t))
	var full []projections.Document
	for n := range projections.MaxBatch {
		full = append(full, projections.Document{Key: fmt.Sprintf("acme.agt_%d", n), Body: []byte(`{}`)})
	}
	if _, err := b.Commit(t.Context(), projections.Checkpoint{}, at(1), full); err != nil {
		t.Fatal(err)
	}
	if got := len(documents(t, b, ">")); got != projections.MaxBatch {
		t.Errorf("%d documents, want %d", got, projections.MaxBatch)
	}
}

func TestBucketSaysWhatIsWrong(t *testing.T) {
	ctx := t.Context()
	js := server(t)
	open := func(o projections.BucketOptions) error {
		_, err := projections.OpenBucket(ctx, js, o)
		return err
	}
	if err := open(projections.BucketOptions{Name: "roster", ReadOnly: true}); err == nil || !strings.Contains(err.Error(), "rollcall up") {
		t.Errorf("a view that is not there: %v", err)
	}
	if _, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "plain"}); err != nil {
		t.Fatal(err)
	}
	if err := open(projections.BucketOptions{Name: "plain"}); err == nil || !strings.Contains(err.Error(), "atomic batches") {
		t.Errorf("a bucket without atomic batches: %v", err)
	}
	b := bucket(t, js)
	for _, key := range []string{"", "a b", "a.*", ".a", "a.", "a..b", "a%b"} {
		if _, err := b.Commit(ctx, projections.Checkpoint{}, at(1), docs(key, `{}`)); err == nil {
			t.Errorf("the key %q is taken", key)
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add("acme", "projects/1", "a.b")
	f.Add("", "%", "=")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		key := projections.Key(a, b, c)
		if parts := strings.Split(key, "."); len(parts) != 3 {
			t.Fatalf("Key(%q, %q, %q) = %q has %d parts", a, b, c, key, len(parts))
		}
		if other := projections.Key(a, c, b); other == key && b != c {
			t.Fatalf("%q and %q have one key", b, c)
		}
	})
}

// The roster on a real server is what it is in memory.
func TestRunOnNATS(t *testing.T) {
	l, want := newMemoryLog(story(20)...), newMemoryView()
	follow(t, l, want)
	b := bucket(t, server(t))
	got := &memoryView{docs: map[string][]byte{}}
	runUntil(t, l, b)
	for key, body := range documents(t, b, ">") {
		got.docs[key] = []byte(body)
	}
	if d := cmp.Diff(asText(want), asText(got)); d != "" {
		t.Errorf("(-memory +NATS):\n%s", d)
	}
}
