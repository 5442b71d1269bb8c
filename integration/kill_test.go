package integration

import (
	"fmt"
	"path/filepath"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/internal/hub"
)

// points are where a hub is killed, and whether what was being done is then done: if it is not, the next hub must be let past it
// once before it is killed again, or it would never get on.
var points = []struct {
	name string
	done bool
	seen int // how often it is passed at least
}{
	{"eventlog.append.before", false, 3},
	{"eventlog.append.partial", false, 3},
	{"eventlog.append.sent", false, 3}, // the process may end before its own server has read what was sent
	{"eventlog.append.acked", true, 3},
	{"projections.tell.before", false, 1},
	{"projections.tell.after", true, 1},
	{"projections.commit.before", false, 3},
	{"projections.commit.sent", true, 3},
	{"projections.commit.after", true, 3},
}

// The hub is killed at an append or a checkpoint, each time by a process that ends without a word, and started again on what it left:
// at the first, the one after it, and so on up to the stride, over and over, until it is done or was killed often enough. In the end the log holds each event
// exactly once and the roster is the same as that of a hub that nobody disturbed, but for as whom the agents are known.
func TestKilledAtEveryPoint(t *testing.T) {
	const stride = 6
	w := newWorld(t, demo.Options{Agents: 6})
	undisturbed := w.config(t, "undisturbed", "")
	if w.child(t, undisturbed, "") {
		t.Fatal("the hub was killed without a failpoint")
	}
	want := left(t, hub.Where{Data: filepath.Join(w.dir, "undisturbed")})
	want.Roster = unnamed(want.Roster)
	most := want.appends / 2
	if raceEnabled {
		most /= 2
	}
	for _, p := range points {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			file := w.config(t, p.name, "")
			kills := 0
			for nth := 1; kills < most && w.child(t, file, fmt.Sprintf("%s:%d", p.name, nth)); kills++ {
				nth = 1 + kills%stride
				if !p.done {
					nth++
				}
			}
			if kills < p.seen {
				t.Errorf("killed %d times only: the failpoint is not where it was", kills)
			}
			t.Logf("killed %d times", kills)
			if w.child(t, file, "") {
				t.Fatal("the hub was killed without a failpoint")
			}
			got := left(t, hub.Where{Data: filepath.Join(w.dir, p.name)})
			got.Roster = unnamed(got.Roster)
			if d := gocmp.Diff(want, got, cmpopts.IgnoreUnexported(outcome{})); d != "" {
				t.Errorf("what is left differs from an undisturbed hub's (-want +got):\n%s", d)
			}
		})
	}
}
