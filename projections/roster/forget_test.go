package roster

import (
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// An agent that is gone everywhere leaves the roster after a while, with a deletion that watchers see, and comes back as who it was.
func TestForgottenAndRestored(t *testing.T) {
	l := &teller{r: newRoster()}
	view := map[string]projections.Document{}
	var deleted []string
	commit := func() []string {
		docs := drain(t, l.r)
		deleted = nil
		for _, d := range docs {
			if _, was := view[d.Key]; was && d.Body == nil {
				deleted = append(deleted, d.Key)
			}
		}
		store(view, docs)
		var keys []string
		for key := range view {
			if key[0] != '_' {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		return keys
	}
	one, two := agent("a", "A", events.StatusActive, principal("p")), agent("x", "X", events.StatusActive, principal("p"))
	l.new(t, "entra-1", one)
	l.new(t, "okta-1", two)
	l.tick(t, date(11, 1), limits)
	l.gone(t, "entra-1", one)
	l.tick(t, date(12, 20), limits)
	there := commit()
	if len(there) != 2 { // one lives on, and the other's id leads to it
		t.Fatalf("%v are shown while one identity lives", there)
	}
	l.gone(t, "okta-1", two)
	l.tick(t, date(11, 20), limits) // a hub's clock that is wrong: time does not go back
	if got := commit(); len(got) != 0 || !gocmp.Equal(deleted, there) {
		t.Errorf("%v are shown, and %v deleted, long after all were gone; want %v deleted", got, deleted, there)
	}
	r := newRoster()
	for _, d := range view {
		if err := r.Load(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	l.r = r
	l.say(t, "okta-1", events.Restored, two, nil)
	if got := commit(); !gocmp.Equal(got, there) {
		t.Errorf("%v are shown after one was restored, want %v", got, there)
	}
	var a Agent
	if err := events.Unmarshal(view[AgentKey("acme", ownID(at{"acme", "entra-1", "a"}))].Body, &a); err != nil || len(a.Identities) != 2 || a.Status != events.StatusActive {
		t.Errorf("restored is %+v (%v), want the same agent with both identities", a, err)
	}
}

// One that somebody should look at is not forgotten.
func TestDanglingIsNotForgotten(t *testing.T) {
	l := &teller{r: newRoster()}
	view := map[string]projections.Document{}
	l.new(t, "google-1", agent("a", "A", events.StatusActive))
	l.new(t, "google-1", iamRole("a", "g", "roles/viewer"))
	l.gone(t, "google-1", agent("a", "A", events.StatusActive))
	l.tick(t, date(12, 20), limits)
	store(view, drain(t, l.r))
	key := AgentKey("acme", ownID(at{"acme", "google-1", "a"}))
	if view[key].Body == nil {
		t.Fatal("it is forgotten while something is granted to it")
	}
	l.gone(t, "google-1", iamRole("a", "g", "roles/viewer"))
	store(view, drain(t, l.r))
	l.tick(t, date(12, 30), limits)
	store(view, drain(t, l.r))
	if view[key].Body != nil {
		t.Error("it is not forgotten when nothing is left to look at")
	}
}
