package replay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// side is one of two rosters to compare.
type side struct {
	t    *testing.T
	docs roster.Documents
}

func (s side) put(key string, v any) side {
	body, err := events.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	s.docs[key] = body
	return s
}

func (s side) agent(connection, holder string, status events.Status, change ...func(*roster.Identity)) side {
	i := roster.Identity{Tenant: "acme", Connection: connection, Vendor: connection, Holder: holder,
		Agent: &events.Agent{Native: "test", Name: "Agent " + holder, Status: status, Class: events.ClassAgent}}
	for _, c := range change {
		c(&i)
	}
	return s.put(roster.AgentKey("acme", "agt_"+holder), roster.Agent{ID: "agt_" + holder, Tenant: "acme", Status: status, Identities: []roster.Identity{i}})
}

func (s side) holder(i roster.Identity) side {
	i.Tenant, i.Connection = "acme", "okta"
	return s.put(roster.HolderKey("acme", "okta", i.Holder), i)
}

func (s side) covers(connection, feed, state string, kinds ...events.Kind) side {
	return s.put("_coverage.acme."+connection+"."+feed, roster.Coverage{Tenant: "acme", Connection: connection,
		Coverage: events.Coverage{Feed: feed, Kinds: kinds, State: state, Reason: "it may not"}})
}

func grants(keys ...string) func(*roster.Identity) {
	return func(i *roster.Identity) {
		for _, k := range keys {
			i.Grants = append(i.Grants, roster.Item[events.Grant]{Key: k, Value: events.Grant{Type: "admin_role", Role: "role of " + k}})
		}
	}
}

func drifts(r DriftReport) []string {
	out := []string{}
	for _, d := range r.Drift {
		s := fmt.Sprintf("%s %s %s %s %s: %s", d.Connection, d.Holder, d.Kind, d.Key, d.How, d.Cause)
		for _, f := range d.Fields {
			s += fmt.Sprintf(" %s %s→%s", f.Name, f.From, f.To)
		}
		if !d.Certain {
			s += " ?"
		}
		out = append(out, s)
	}
	return out
}

var drifting = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// A drift is found in what an identity is and in what hangs on it, at the connections that were read, and nowhere else.
func TestFindDrift(t *testing.T) {
	empty := func() side {
		return side{t, roster.Documents{}}.covers("okta", "agents", events.CoverageComplete, events.KindAgent, events.KindBlueprint, events.KindPerson).
			covers("okta", "grants", events.CoverageComplete, events.KindGrant)
	}
	const active, disabled, deleted = events.StatusActive, events.StatusDisabled, events.StatusDeleted
	person := func(name string, s events.Status) roster.Identity {
		return roster.Identity{Holder: "p1", Person: &events.Person{Native: "user", Name: name, Status: s}}
	}
	hanging := roster.Identity{Holder: "set", Grants: []roster.Item[events.Grant]{{Key: "g"}}}
	for name, c := range map[string]struct {
		ours, theirs side
		want         []string
		n            int
	}{
		"the same":  {empty().agent("okta", "a", active, grants("g1")), empty().agent("okta", "a", active, grants("g1")), []string{}, 1},
		"new":       {empty(), empty().agent("okta", "a", active, grants("g1")), []string{"okta a agent self missing: unexplained"}, 1},
		"gone":      {empty().agent("okta", "a", active, grants("g1")), empty(), []string{"okta a agent self extra: unexplained"}, 1},
		"both gone": {empty().agent("okta", "a", deleted), empty(), []string{}, 0},
		"came back": {empty().agent("okta", "a", deleted), empty().agent("okta", "a", active), []string{"okta a agent self missing: unexplained"}, 1},
		"disabled": {empty().agent("okta", "a", active), empty().agent("okta", "a", disabled),
			[]string{`okta a agent self differs: unexplained status "active"→"disabled"`}, 1},
		"grants": {empty().agent("okta", "a", active, grants("g1", "g2")), empty().agent("okta", "a", active, grants("g2", "g3")),
			[]string{"okta a grant g1 extra: unexplained", "okta a grant g3 missing: unexplained"}, 1},
		"elsewhere": {empty().agent("entra", "a", active), empty(), []string{}, 0}, // which was not read
		"a person": {empty().holder(person("Ada", active)), empty().holder(person("Ada L.", disabled)),
			[]string{`okta p1 person self differs: unexplained status "active"→"disabled"`}, 1},
		"a person that nothing names":    {empty().holder(person("Ada", active)), empty(), []string{}, 1},
		"what hangs on a name":           {empty().holder(hanging), empty(), []string{"okta set grant g extra: unexplained"}, 1},
		"what hangs on what was deleted": {empty().agent("okta", "set", deleted), empty().holder(hanging), []string{}, 0},
		"what hangs on what is":          {empty().agent("okta", "set", active), empty().holder(hanging), []string{"okta set agent self extra: unexplained"}, 1},
	} {
		r, err := FindDrift(t.Context(), Drifting{
			Before: roster.Reader{Store: c.ours.docs}, After: roster.Reader{Store: c.ours.docs}, Vendors: roster.Reader{Store: c.theirs.docs}, Ended: drifting,
			Read: [][2]string{{"acme", "okta"}}, Watched: []Watched{{Tenant: "acme", Connection: "okta"}},
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := gocmp.Diff(c.want, drifts(r)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if r.Identities != c.n || r.Certain() != len(c.want) {
			t.Errorf("%s: %d identities compared, %d drifts certain", name, r.Identities, r.Certain())
		}
		if body, err := events.Marshal(r); err != nil || strings.Contains(string(body), "Ada") {
			t.Errorf("%s: %v: a person's name is in %s", name, err, body)
		}
	}
}

// Each drift has the likeliest cause, and what is not proven is said to be so.
func TestDriftCauses(t *testing.T) {
	late := WatchedFeed{Name: "grants", CaughtUpAt: drifting.Add(-time.Hour), Every: 30 * time.Minute}
	read := WatchedFeed{Name: "grants", CaughtUpAt: drifting.Add(time.Minute), Every: 30 * time.Minute}
	with := func(f WatchedFeed, change func(*WatchedFeed)) WatchedFeed { change(&f); return f }
	for name, c := range map[string]struct {
		extra        bool   // the roster has a grant that the vendor does not have; else the other way round
		ours, theirs string // what the feed of grants sees, of the hub's and of this reading
		before       bool   // the roster was before the reading what it is after it
		watched      []Watched
		cause, why   string
	}{
		"not read yet":        {before: true, watched: []Watched{{Feeds: []WatchedFeed{late}}}, cause: CauseNotReadYet, why: "newer than what feed grants has read: its picture is of 2026-11-01T11:00:00Z, and it is read every 30m0s"},
		"never read":          {before: true, watched: []Watched{{Feeds: []WatchedFeed{{Name: "grants"}}}}, cause: CauseNotReadYet, why: "feed grants is not caught up yet"},
		"read since":          {before: true, watched: []Watched{{Feeds: []WatchedFeed{read}}}, cause: CauseUnexplained, why: "nothing explains it"},
		"the log fails":       {before: true, watched: []Watched{{Feeds: []WatchedFeed{late, {Name: "log", Trouble: "failing: 500"}}}}, cause: CauseNotReadYet, why: "; feed log is failing: 500"},
		"the feed fails":      {before: true, watched: []Watched{{Feeds: []WatchedFeed{with(late, func(f *WatchedFeed) { f.Trouble = "failing: 500" })}}}, cause: CauseFailing, why: "feed grants is failing: 500"},
		"blind":               {before: true, ours: events.CoverageBlind, watched: []Watched{{Feeds: []WatchedFeed{late}}}, cause: CauseBlind, why: "feed grants is blind: it may not"},
		"held":                {extra: true, before: true, watched: []Watched{{HeldBy: "grants", HeldWhy: "approve it", Feeds: []WatchedFeed{late}}}, cause: CauseHeld, why: "approve it"},
		"held, of others":     {extra: true, before: true, watched: []Watched{{HeldBy: "agents", Feeds: []WatchedFeed{late}}}, cause: CauseNotReadYet},
		"held, but new":       {before: true, watched: []Watched{{HeldBy: "grants", Feeds: []WatchedFeed{late}}}, cause: CauseNotReadYet},
		"doubted":             {extra: true, before: true, watched: []Watched{{Feeds: []WatchedFeed{with(read, func(f *WatchedFeed) { f.Doubt = "an empty list" })}}}, cause: CauseDoubted, why: "an empty list"},
		"doubted, but new":    {before: true, watched: []Watched{{Feeds: []WatchedFeed{with(read, func(f *WatchedFeed) { f.Doubt = "an empty list" })}}}, cause: CauseUnexplained},
		"stopped":             {before: true, watched: []Watched{{Gone: "no hub runs"}}, cause: CauseStopped, why: "no hub runs"},
		"nobody":              {before: true, cause: CauseStopped, why: "no hub reads the connection now"},
		"changing":            {watched: []Watched{{Feeds: []WatchedFeed{read}}}, cause: CauseChanging, why: "compare again"},
		"unreadable":          {extra: true, before: true, theirs: events.CoveragePartial, watched: []Watched{{Feeds: []WatchedFeed{read}}}, cause: CauseUnreadable, why: "feed grants is partial: it may not"},
		"partial, but proven": {before: true, theirs: events.CoveragePartial, watched: []Watched{{Feeds: []WatchedFeed{read}}}, cause: CauseUnexplained},
	} {
		sideOf := func(state string, keys ...string) side {
			if state == "" {
				state = events.CoverageComplete
			}
			s := side{t, roster.Documents{}}.covers("okta", "agents", events.CoverageComplete, events.KindAgent).covers("okta", "grants", state, events.KindGrant)
			return s.agent("okta", "a", events.StatusActive, grants(keys...))
		}
		some, none := []string{"g1", "g2"}, []string{"g2"}
		ours, theirs := none, some
		if c.extra {
			ours, theirs = some, none
		}
		after, before := sideOf(c.ours, ours...), sideOf(c.ours, ours...)
		if !c.before {
			before = sideOf(c.ours, theirs...)
		}
		for n := range c.watched {
			c.watched[n].Tenant, c.watched[n].Connection = "acme", "okta"
		}
		r, err := FindDrift(t.Context(), Drifting{
			Before: roster.Reader{Store: before.docs}, After: roster.Reader{Store: after.docs}, Vendors: roster.Reader{Store: sideOf(c.theirs, theirs...).docs}, Ended: drifting,
			Read: [][2]string{{"acme", "okta"}}, Watched: c.watched,
		})
		if err != nil || len(r.Drift) != 1 {
			t.Errorf("%s: %v, %q", name, err, drifts(r))
			continue
		}
		d := r.Drift[0]
		if d.Cause != c.cause || !strings.Contains(d.Why, c.why) {
			t.Errorf("%s: the cause is %s (%s), want %s (%s)", name, d.Cause, d.Why, c.cause, c.why)
		}
		if unproven := slices.Contains([]string{CauseChanging, CauseUnreadable}, c.cause); d.Certain == unproven {
			t.Errorf("%s is certain: %v", name, d.Certain)
		}
	}
}

// What the hub has caught up with while the vendors were read is no drift.
func TestDriftThatIsOverIsNone(t *testing.T) {
	having := func(keys ...string) roster.Reader {
		return roster.Reader{Store: side{t, roster.Documents{}}.agent("okta", "a", events.StatusActive, grants(keys...)).docs}
	}
	r, err := FindDrift(t.Context(), Drifting{Before: having("g1"), After: having("g1", "g2"), Vendors: having("g1", "g2"), Ended: drifting, Read: [][2]string{{"acme", "okta"}}})
	if err != nil || len(r.Drift) != 0 {
		t.Errorf("%v, %q", err, drifts(r))
	}
}
