package archive

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcallhq/rollcall/events"
)

// FuzzLine: what a line was made of is what is read from it, whatever the log holds.
func FuzzLine(f *testing.F) {
	f.Add(uint64(1), int64(0), "rollcall.events.a.b.c.agent.self", "agents", "", "00ff", []byte(`{"id":"1"}`))
	f.Add(uint64(1), int64(-5), `a","event":{}`, `","bytes":`, `,"event":`, `}`, []byte(`{"event":{},"bytes":1}`))
	f.Add(uint64(0), int64(1e18), "", "", "", "", []byte(nil))
	f.Add(uint64(7), int64(1), "s", "f", "p", "h", []byte("no JSON\n"))
	f.Fuzz(func(t *testing.T, seq uint64, nanos int64, subject, feed, prev, hash string, body []byte) {
		want := events.Stored{Position: events.Position{Sequence: seq}, Time: time.Unix(0, nanos).UTC(), Subject: subject, Feed: feed, Prev: prev, Hash: hash, Body: body}
		line := appendLine(nil, &want)
		if n := bytes.IndexByte(line, '\n'); n != len(line)-1 {
			t.Fatalf("it is no line: %q", line)
		}
		if !jsontext.Value(line).IsValid() {
			t.Fatalf("it is no JSON: %q", line)
		}
		got, err := parseLine(line[:len(line)-1])
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for _, s := range []*string{&want.Subject, &want.Feed, &want.Prev, &want.Hash} {
			*s = string(bytes.ToValidUTF8([]byte(*s), []byte("�")))
		}
		// Each byte that is no UTF-8 may be mended alone.
		opt := cmp.Comparer(func(a, b string) bool {
			strip := func(s string) string { return string(bytes.ReplaceAll([]byte(s), []byte("�"), nil)) }
			return strip(a) == strip(b)
		})
		if diff := cmp.Diff(want, got, opt, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	})
}

// FuzzParse: a line that somebody has made is refused or read, and nothing else.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"sequence":1,"time":"2026-11-01T00:00:00Z","subject":"s","feed":"f","prev":"p","hash":"h","event":{"id":"1"}}`))
	f.Add([]byte(`{"sequence":1,"bytes":"AA=="}`))
	f.Add([]byte(`,"event":}`))
	f.Add([]byte(`{"bytes":}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if s, err := parseLine(line); err == nil && len(s.Body) > len(line) {
			t.Errorf("%d bytes of %d", len(s.Body), len(line))
		}
	})
}

// FuzzSegment: bytes that are no segment are refused, within bounds.
func FuzzSegment(f *testing.F) {
	pack, err := newPacker()
	if err != nil {
		f.Fatal(err)
	}
	s := segment{Header: Header{Version: Version, Number: 1, Epoch: "e", From: 1}}
	s.add(&events.Stored{Position: events.Position{Sequence: 3}, Body: []byte(`{}`)})
	_, b, err := s.seal(4, pack)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{})
	f.Add(b[:len(b)/2])
	f.Fuzz(func(_ *testing.T, b []byte) {
		u, err := unpack(b)
		if err != nil {
			return
		}
		defer u.close()
		for n := 0; err == nil && n < 1e5; n++ {
			_, err = u.next()
		}
	})
}

// FuzzEntry: an entry is refused, or names its own segment's object and no other.
func FuzzEntry(f *testing.F) {
	f.Add([]byte(`{"rollcall_archive":1,"number":1,"from":1,"to":9,"first":3,"last":8,"events":2,"segment":"../../etc/passwd","digest":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := decodeEntry(b); err == nil && e.Name != segmentName(e.Number, e.Digest) {
			t.Errorf("it names %s", e.Name)
		}
	})
}

// What does not follow from the segment before is refused.
func TestFollows(t *testing.T) {
	before := Entry{Header: Header{Number: 1, Epoch: "e", From: 1, To: 9}, Digest: "aa"}
	for _, c := range []struct {
		Header
		ok bool
	}{
		{Header{Number: 2, Epoch: "e", From: 10, Former: "aa"}, true},
		{Header{Number: 2, Epoch: "e", From: 11, Former: "aa"}, false}, // a gap
		{Header{Number: 2, Epoch: "e", From: 9, Former: "aa"}, false},  // twice
		{Header{Number: 2, Epoch: "f", From: 5, Former: "aa"}, true},   // restored
		{Header{Number: 2, Epoch: "f", From: 10, Former: "aa"}, true},
		{Header{Number: 2, Epoch: "f", From: 11, Former: "aa"}, false},
		{Header{Number: 2, Epoch: "e", From: 10, Former: "bb"}, false},
		{Header{Number: 2, Epoch: "e", From: 10}, false},
	} {
		if f := (&Entry{Header: c.Header}).follows(&before); (f == nil) != c.ok {
			t.Errorf("%+v: %v", c.Header, f)
		}
	}
	if f := (&Entry{Header: Header{Number: 1, Epoch: "e", From: 2}}).follows(&Entry{}); f == nil {
		t.Error("a first segment may begin anywhere")
	}
}

// A line longer than any buffer is read whole, and one that has no end is no line.
func TestLongLines(t *testing.T) {
	pack, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	s := segment{Header: Header{Version: Version, Number: 1, Epoch: "e", From: 1}}
	body := append(append([]byte(`"`), bytes.Repeat([]byte("x"), 3<<20)...), '"')
	for seq := range uint64(3) {
		s.add(&events.Stored{Position: events.Position{Sequence: seq + 1}, Body: body})
	}
	e, b, err := s.seal(3, pack)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for m, err := range e.events(context.Background(), one(b), 1, 9) {
		if err != nil || !bytes.Equal(m.Body, body) {
			t.Fatalf("event %d has %d bytes (%v), want %d", n, len(m.Body), err, len(body))
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d events, want 3", n)
	}
	var cut bytes.Buffer
	pack.Reset(&cut)
	if _, err := io.WriteString(pack, `{"rollcall_archive":1}`); err != nil {
		t.Fatal(err)
	}
	if err := pack.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(cut.Bytes()); err == nil {
		t.Error("a header without an end is taken")
	}
}

// one is a store of one object.
type one []byte

func (o one) Put(context.Context, string, []byte) error      { return ErrExists }
func (o one) Get(context.Context, string) ([]byte, error)    { return o, nil }
func (o one) List(context.Context, string) ([]string, error) { return nil, nil }
func (o one) String() string                                 { return "one" }
