package okta

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// ownersAs serves the list of owners in the dialects given: "sweep" is the filter by type, "each" the one by parent.
func ownersAs(dialects string, owners map[string][]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		filter := r.URL.Query().Get("filter")
		var items []string
		orn, isEach := strings.CutPrefix(filter, `parentResourceOrn eq "`)
		switch {
		case isEach && strings.Contains(dialects, "each"):
			items = owners[strings.TrimSuffix(strings.TrimPrefix(orn, ornAgents), `"`)]
		case filter == `resource.type eq "ai-agents"` && strings.Contains(dialects, "sweep"):
			for _, agent := range slices.Sorted(keys(owners)) {
				items = append(items, owners[agent]...)
			}
		default:
			answerJSON(w, 400, `{"errorCode":"E0000031","errorSummary":"Invalid search criteria."}`)
			return
		}
		bodyPaged(1, items...)(w, r)
	}
}

func keys(m map[string][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// ownedAgents is an org of three agents, of which the second has no owner.
func ownedAgents(t *testing.T, dialects string) *org {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(2, anAgent("wlp1", "one", ""), anAgent("wlp2", "two", ""), anAgent("wlp3", "three", "")))
	o.on(ownersPath, ownersAs(dialects, map[string][]string{"wlp1": {anOwner("wlp1", "00u1")}, "wlp3": {anOwner("wlp3", "00u2")}}))
	return o
}

func TestOwnersInBothDialects(t *testing.T) {
	for _, dialect := range []string{"sweep", "each", "sweep each"} {
		t.Run(dialect, func(t *testing.T) {
			o := ownedAgents(t, dialect)
			p := readAll(t, o.connect(t), "owners")
			if d := cmp.Diff([]string{"wlp1 owner:00u1", "wlp3 owner:00u2"}, p.refs(events.KindStewardship)); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff([]string{"00u1 self", "00u2 self"}, p.refs(events.KindPerson)); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff([]string{"owners/wlp1", "owners/wlp2", "owners/wlp3"}, p.replaces()); d != "" {
				t.Error("an agent without owners must be told too:", d)
			}
			if n := len(o.calls("parentResourceOrn")); strings.Contains(dialect, "sweep") != (n == 0) {
				t.Errorf("%d agents were asked one by one", n)
			}
		})
	}
}

// A sweep that shows nothing at all is more likely a filter that finds nothing than a company without any owner.
func TestOwnersOfAnEmptySweepAreAskedOneByOne(t *testing.T) {
	o := ownedAgents(t, "each")
	each := o.handlers[ownersPath]
	o.on(ownersPath, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Query().Get("filter"), "resource.type") {
			answerJSON(w, 200, `{"data":[],"_links":{}}`)
			return
		}
		each(w, r)
	})
	p := readAll(t, o.connect(t), "owners")
	if d := cmp.Diff([]string{"wlp1 owner:00u1", "wlp3 owner:00u2"}, p.refs(events.KindStewardship)); d != "" {
		t.Error(d)
	}
}

func TestOwnersPassGoesOnInAnotherProcess(t *testing.T) {
	o := ownedAgents(t, "sweep")
	small := func(s *connectors.Settings) { s.Options = map[string]string{"page_size": "2"} }
	first := o.connect(t, small)
	page, err := first.feed(t, "owners")(t.Context(), nil)
	if err != nil || !page.More {
		t.Fatalf("more is %v, error %v", page.More, err)
	}
	page, err = o.connect(t, small).feed(t, "owners")(t.Context(), page.Next)
	if err != nil || len(page.Records) != 1 || len(page.Opens) != 0 || page.More {
		t.Fatalf("another process went on with %d records, opening %v, error %v", len(page.Records), page.Opens, err)
	}
	reading, err := first.Normalize(page.Records[0])
	if err != nil || len(reading.Entities) != 2 || reading.Entities[0].Holder != "wlp3" {
		t.Errorf("it reads %v, error %v", reading, err)
	}
}

// What the sweep has shown is as of when the sweep began, however much later it is told: a change that was read in between must
// not be undone.
func TestOwnersAreAsOfTheSweep(t *testing.T) {
	o := ownedAgents(t, "sweep")
	now := time.Date(2026, 8, 20, 7, 0, 0, 0, time.UTC)
	began := now
	var mu sync.Mutex
	tick := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
	c := o.connect(t, func(s *connectors.Settings) { s.Now = tick })
	for _, page := range readAll(t, c, "owners").pages {
		for _, r := range page.Records {
			if r.Asked.After(began.Add(time.Second)) {
				t.Errorf("a record says that it was asked for %v after the sweep began", r.Asked.Sub(began))
			}
		}
	}
}

func TestOwnersPageReadTwiceCountsOnce(t *testing.T) {
	o := ownedAgents(t, "sweep")
	c := o.connect(t)
	pull := c.feed(t, "owners")
	first, err := pull(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the runner asks again with the same cursor when an append failed
		page, err := pull(t.Context(), first.Next)
		if err != nil {
			t.Fatal(err)
		}
		reading, err := c.Normalize(page.Records[0])
		if err != nil || len(reading.Entities) != 2 {
			t.Errorf("the first agent has %d entities, error %v", len(reading.Entities), err)
		}
	}
}

func TestOwnersForbidden(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no permission":  fixed(403, `{"errorCode":"E0000006","errorSummary":"You do not have permission"}`),
		"no feature":     fixed(401, `{"errorCode":"E0000015","errorSummary":"You do not have permission to access the feature"}`),
		"no endpoint":    fixed(404, `{"errorCode":"E0000008","errorSummary":"The requested path was not found"}`),
		"no such object": fixed(404, `{"errorCode":"E0000007","errorSummary":"Not found"}`),
	} {
		o := ownedAgents(t, "sweep")
		o.on(ownersPath, h)
		_, err := o.connect(t).feed(t, "owners")(t.Context(), nil)
		if f := mustFault(t, err, connectors.Forbidden); !strings.Contains(f.Cure, "okta.users.read") && !strings.Contains(f.Cure, "Okta Identity Governance") {
			t.Errorf("%s: the cure is %q", name, f.Cure)
		}
	}
}

// An agent whose ORN nobody tells cannot be asked for its owners: they are unknown, not none.
func TestOwnersWithoutORN(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(2, `{"id":"wlp1","status":"ACTIVE","profile":{"name":"one"}}`))
	o.on(ownersPath, ownersAs("each", nil))
	p := readAll(t, o.connect(t), "owners")
	if len(p.readings) != 0 || len(p.blind) != 1 {
		t.Errorf("%d readings, cannot see %v, seals %v", len(p.readings), p.blind, p.seals)
	}
}

// One agent's ORN gives those of the others.
func TestOwnersWithANeighboursORN(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(2, `{"id":"wlp1","status":"STAGED","profile":{"name":"one"}}`, anAgent("wlp2", "two", "")))
	o.on(ownersPath, ownersAs("each", map[string][]string{"wlp1": {anOwner("wlp1", "00u1")}}))
	p := readAll(t, o.connect(t), "owners")
	if d := cmp.Diff([]string{"wlp1 owner:00u1"}, p.refs(events.KindStewardship)); d != "" {
		t.Error(d)
	}
}
