package okta

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Two listings run at the same time. Pages of the one that was asked for first arrive last: whom both have shown stays on the roll.
func TestOlderListingHidesNobody(t *testing.T) {
	first := time.Date(2026, 11, 5, 10, 0, 0, 0, time.UTC)
	second := first.Add(time.Millisecond)
	r := newRoll()
	shown := func(app string) jsontext.Value {
		return jsontext.Value(fmt.Sprintf(`{"id":"wlp1","appId":%q}`, app))
	}
	r.agent(shown("0oa2"), second)
	if a, relinked := r.agent(shown("0oa1"), first); a.app != "0oa2" || relinked != nil {
		t.Errorf("an older answer made of the agent %+v, relinked %v", a, relinked)
	}
	r.app("0oa2", appRef{service: true, keys: true, seen: second})
	r.app("0oa2", appRef{service: true, seen: first})
	r.listedAgents(second)
	r.listedApps(second)
	if got := r.agentIDs(); !slices.Equal(got, []string{"wlp1"}) {
		t.Errorf("agents on the roll: %v", got)
	}
	if got := r.appIDs(func(a appRef) bool { return a.keys }); !slices.Equal(got, []string{"0oa2"}) {
		t.Errorf("apps with keys on the roll: %v", got)
	}
	if about, known := r.links("0oa2"); !known || about[aboutAgents] != "wlp1" {
		t.Errorf("linked to the app: %v, known %v", about, known)
	}
}
