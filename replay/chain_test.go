package replay_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/replay"
)

// disk is what lies on a disk under the log: messages and places, which whoever has the disk may alter.
type disk struct {
	messages []events.Stored
	places   []events.Place
}

func (d *disk) Stored(_ context.Context, q events.Query) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		for _, s := range d.messages {
			var err error
			if events.ChainHash(s.Prev, s.Body) != s.Hash { // the log does the same
				err = s.Damage(fmt.Errorf("it was altered"))
			}
			if s.Position.Sequence <= q.To && !yield(s, err) {
				return
			}
		}
	}
}

func (d *disk) Places(context.Context) ([]events.Place, error) { return d.places, nil }

func (d *disk) End(context.Context) (events.Position, error) {
	return events.Position{Sequence: 1e6}, nil
}

// written is the disk of a log with two feeds, each of which has appended n events, in turn.
func written(t *testing.T, n int) *disk {
	t.Helper()
	l := eventlog.NewMemory()
	t.Cleanup(l.Close)
	claim, err := l.Claim(t.Context(), "acme", "okta", "hub")
	if err != nil {
		t.Fatal(err)
	}
	saved := map[string]events.Saved{}
	for i := range n {
		for _, feed := range []string{"agents", "grants"} {
			e := event("acme", "okta", fmt.Sprint(feed, i), events.KindAgent)
			r, err := l.Append(t.Context(), events.Append{Claim: claim, Feed: feed, Expect: saved[feed], Events: []events.Event{e}, Cursor: []byte{byte(i)}})
			if err != nil {
				t.Fatal(err)
			}
			saved[feed], claim = r.Saved, r.Claim
		}
	}
	d := &disk{}
	for s, err := range l.Stored(t.Context(), events.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		d.messages = append(d.messages, s)
	}
	if d.places, err = l.Places(t.Context()); err != nil || len(d.places) != 2 {
		t.Fatal(d.places, err)
	}
	return d
}

func chains(t *testing.T, d *disk, pinned replay.Head) replay.ChainReport {
	t.Helper()
	r, err := replay.VerifyChains(t.Context(), d, pinned, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSoundChains(t *testing.T) {
	whole := written(t, 4)
	early := &disk{messages: whole.messages[:5]}
	pinned := chains(t, early, replay.Head{}).Head
	if pinned.Sequence != whole.messages[4].Position.Sequence {
		t.Errorf("the head is at %d", pinned.Sequence)
	}
	for _, p := range []replay.Head{{}, pinned, chains(t, whole, replay.Head{}).Head} {
		r := chains(t, whole, p)
		if len(r.Faults) > 0 || r.Events != 8 || len(r.Feeds) != 2 || r.Feeds[0].Events != 4 || r.Err() != nil {
			t.Errorf("pinned at %d: %+v", p.Sequence, r)
		}
	}
	if again, err := replay.ParseHead(pinned.String() + "\n"); err != nil || again != pinned {
		t.Errorf("%v, %v", again, err)
	}
	for _, s := range []string{"", "12", "12:", ":" + pinned.Digest, "x:" + pinned.Digest, "12:" + pinned.Digest[1:], "12:" + strings.Repeat("z", 64)} {
		if h, err := replay.ParseHead(s); err == nil {
			t.Errorf("%q is %v", s, h)
		}
	}
	if r := chains(t, &disk{}, replay.Head{}); r.Events != 0 || r.Err() != nil {
		t.Errorf("an empty log: %+v", r)
	}
}

// reseal writes the chain of a feed anew from a message on, as somebody would who knows how it is made.
func reseal(d *disk, feed, from string) {
	prev := from
	for i := range d.messages {
		if s := &d.messages[i]; s.Feed == feed {
			s.Prev = prev
			s.Hash = events.ChainHash(prev, s.Body)
			prev = s.Hash
		}
	}
	for i := range d.places {
		if d.places[i].Feed == feed {
			d.places[i].Head = prev
		}
	}
}

func flip(s *events.Stored) {
	s.Body = slices.Clone(s.Body)
	s.Body[len(s.Body)/2] ^= 1
}

// Each way to alter a log is found; one that writes all chains anew, by the pinned head alone.
func TestAlteredChainsAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		alter  func(*disk)
		pinned bool // needed
		want   string
	}{
		"a bit flipped":              {func(d *disk) { flip(&d.messages[3]) }, false, "it was altered"},
		"altered with its own hash":  {func(d *disk) { flip(&d.messages[3]); s := &d.messages[3]; s.Hash = events.ChainHash(s.Prev, s.Body) }, false, "lost, altered"},
		"one taken out":              {func(d *disk) { d.messages = slices.Delete(d.messages, 2, 3) }, false, "lost, altered"},
		"the first taken out":        {func(d *disk) { d.messages = d.messages[1:] }, false, "comes none"},
		"the last taken out":         {func(d *disk) { d.messages = d.messages[:len(d.messages)-1] }, false, "its last events were lost"},
		"all of a feed taken out":    {func(d *disk) { d.messages = slices.DeleteFunc(d.messages, isGrants) }, false, "its last events were lost"},
		"two of a feed swapped":      {func(d *disk) { m := d.messages; m[0].Body, m[2].Body = m[2].Body, m[0].Body }, false, "it was altered"},
		"moved to another feed":      {func(d *disk) { d.messages[2].Feed = "grants" }, false, "lost, altered"},
		"without its feed":           {func(d *disk) { d.messages[2].Feed = "" }, false, "names no feed"},
		"the place counts more":      {func(d *disk) { d.places[0].Events++ }, false, "counts 5 events, and the log has 4"},
		"a chain written anew":       {func(d *disk) { flip(&d.messages[0]); reseal(d, "agents", "") }, true, "not what was pinned"},
		"a feed removed, place, too": {func(d *disk) { d.messages = slices.DeleteFunc(d.messages, isGrants); d.places = d.places[:1] }, true, "before the pinned head"},
		"cut, and its places, too":   {func(d *disk) { d.messages = d.messages[:4]; d.places[0].Head, d.places[1].Head = "", "" }, true, "before the pinned head"},
	} {
		t.Run(name, func(t *testing.T) {
			d := written(t, 4)
			pinned := chains(t, d, replay.Head{}).Head
			c.alter(d)
			if without := chains(t, d, replay.Head{}); (without.Err() == nil) != c.pinned {
				t.Errorf("without the pinned head: %+v", without.Faults)
			}
			r := chains(t, d, pinned)
			if r.Err() == nil || !slices.ContainsFunc(r.Faults, func(f replay.Fault) bool { return strings.Contains(f.Text, c.want) }) {
				t.Errorf("%+v, want %q", r.Faults, c.want)
			}
		})
	}
}

func isGrants(s events.Stored) bool { return s.Feed == "grants" }
