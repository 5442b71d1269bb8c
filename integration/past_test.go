package integration

import (
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

// checkPast compares the roster of earlier moments, which is made from the last states up to then, with the fold of everything up to
// then: of all agents, and of one alone.
func checkPast(t *testing.T, w hub.Where) {
	t.Helper()
	ctx := t.Context()
	r, err := hub.OpenReader(ctx, w)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	end, err := r.Log.End(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(5) {
		at := replay.Bound{Sequence: max(1, end.Sequence*(n+1)/6)}
		fold, folded := roster.New(), roster.Documents{}
		for m, err := range r.Log.Read(ctx, events.Query{To: at.Sequence}) {
			if err != nil {
				t.Fatal(err)
			}
			if err := fold.Apply(m); err != nil {
				t.Fatal(err)
			}
		}
		docs, err := fold.Drain()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			if d.Body != nil {
				folded[d.Key] = d.Body
			}
		}
		want := settled(t, roster.Reader{Store: folded})
		then, err := replay.RosterAt(ctx, r.Log, r.Roster, "", at)
		if err != nil {
			t.Fatal(err)
		}
		if d := gocmp.Diff(want, settled(t, then)); d != "" {
			t.Fatalf("the roster as of %d is not what was (-folded +past):\n%s", at.Sequence, d)
		}
		if len(want) == 0 {
			continue
		}
		one := want[len(want)/2]
		a, _, err := replay.AgentAt(ctx, r.Log, r.Roster, "", one.ID, at)
		if err != nil {
			t.Fatal(err)
		}
		if d := gocmp.Diff(one, untimed(a)); d != "" {
			t.Fatalf("one agent as of %d is not what it was (-folded +past):\n%s", at.Sequence, d)
		}
	}
}

// settled lists a roster's agents without what a past roster cannot know.
func settled(t *testing.T, r roster.Reader) []roster.Agent {
	t.Helper()
	agents, err := r.Agents(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for n := range agents {
		agents[n] = untimed(agents[n])
	}
	return agents
}

func untimed(a roster.Agent) roster.Agent {
	a.LastChange = time.Time{}
	a.Findings = slices.DeleteFunc(slices.Clone(a.Findings), func(f events.Finding) bool { return f.Code == events.FindingUnused })
	for n := range a.Findings {
		a.Findings[n].Raised, a.Findings[n].Sequence = time.Time{}, 0
	}
	for n := range a.Identities {
		a.Identities[n].LastChange, a.Identities[n].LastActivity = time.Time{}, nil
	}
	return a
}
