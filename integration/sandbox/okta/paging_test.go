package okta

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

const (
	ownersPath = "/governance/api/v1/resource-owners?filter="
	sweep      = `resource.type eq "ai-agents"`
)

// lists are the addresses of all lists with pages, and what each must hold.
func lists(o *org) map[string][]string {
	st := o.st
	bound := where(st.Agents, func(a *agent) bool { return a.Bound })
	agentIDs := func(list []*agent) []string { return each(list, func(a *agent) string { return a.ID }) }
	present := where(st.Users, func(u *user) bool { return u.Status != "DEPROVISIONED" })
	return map[string][]string{
		agents:                                agentIDs(st.Agents),
		ownersPath + url.QueryEscape(sweep):   agentIDs(bound),
		"/api/v1/apps?includeNonDeleted=true": each(st.Apps, func(a *app) string { return a.ID }),
		"/api/v1/users":                       each(present, func(u *user) string { return u.ID }),
		"/api/v1/groups":                      each(st.Groups, func(g *group) string { return g.ID }),
		"/api/v1/logs?until=2026-11-21&since=2026-08-25": each(sortedLog(st), func(e *logEntry) string { return e.Event.UUID }),
	}
}

func sortedLog(st *state) []*logEntry {
	log := slices.Clone(st.Log)
	slices.SortStableFunc(log, func(a, b *logEntry) int { return a.Published.Compare(b.Published) })
	return log
}

func TestPagesCoverEverythingExactlyOnce(t *testing.T) {
	for _, paging := range []Paging{Both, InBody, InLink} {
		o := start(t, Options{PageSize: 3, AgentPaging: paging})
		for path, want := range lists(o) {
			got, pages := o.walk(path)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, next in %s (-want +got):\n%s", path, paging, diff)
			}
			if fewest := len(want) / 3; pages < fewest {
				t.Errorf("%s: %d ids in %d pages of three", path, len(want), pages)
			}
		}
	}
}

func TestDefaultPageSizes(t *testing.T) {
	o := start(t, Options{})
	for range 25 {
		o.must(sandbox.Change{Op: sandbox.CreateAgent, Native: "ai_agent"})
	}
	if n := len(o.get(agents).ids(t)); n != 20 {
		t.Errorf("the first page has %d agents, want 20", n)
	}
	if n := len(o.get(agents + "?limit=200").ids(t)); n != len(o.st.Agents) {
		t.Errorf("a page of 200 has %d agents, want all %d", n, len(o.st.Agents))
	}
}

func TestRepeatedItemsAndEmptyPages(t *testing.T) {
	for _, opt := range []Options{{RepeatItems: true}, {EmptyPages: true}, {RepeatItems: true, EmptyPages: true}} {
		opt.PageSize = 3
		o := start(t, opt)
		plain := start(t, Options{PageSize: 3})
		for path, want := range lists(o) {
			got, pages := o.walk(path)
			_, fewest := plain.walk(path)
			if opt.RepeatItems && len(got) <= len(want) || !opt.RepeatItems && len(got) != len(want) {
				t.Errorf("%+v %s: %d ids of %d", opt, path, len(got), len(want))
			}
			if opt.EmptyPages && pages <= fewest {
				t.Errorf("%s: %d pages, none of them empty", path, pages)
			}
			if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
				t.Errorf("%s without repetitions (-want +got):\n%s", path, diff)
			}
		}
	}
}

func TestPagesStayRightWhileTheListChanges(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	first := o.get(agents)
	ids := first.ids(t)
	o.must(sandbox.Change{Op: sandbox.DeleteAgent, Agent: ids[2]}) // the one that the cursor stands behind
	added := o.must(sandbox.Change{Op: sandbox.CreateAgent, Native: "ai_agent"}).Agent
	rest, _ := o.walk(first.next())
	want := append(each(o.st.Agents[2:], func(a *agent) string { return a.ID }), []string{}...)
	if diff := cmp.Diff(want, rest); diff != "" {
		t.Errorf("pages after the first (-want +got):\n%s", diff)
	}
	if rest[len(rest)-1] != added {
		t.Error("an agent that was created meanwhile is not on the last page")
	}
}

func TestExpiredCursors(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	paths := append(slices.Collect(maps.Keys(lists(o))), logsPath)
	for _, path := range paths {
		next := o.get(path).next()
		if r := o.get(next); r.status != 200 {
			t.Fatalf("%s: %d %s", next, r.status, r.body)
		}
		o.ExpireCursors()
		if r := o.get(next); r.status != 400 || r.code() != "E0000054" {
			t.Errorf("%s after expiry: %d %s, want 400 E0000054", next, r.status, r.body)
		}
		if r := o.get(path); r.status != 200 || r.next() == "" {
			t.Errorf("%s from the start after expiry: %d", path, r.status)
		}
	}
}

func TestLinkHeaders(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	if links := o.get("/api/v1/users?limit=50").header.Values("Link"); len(links) != 2 ||
		!strings.HasPrefix(links[0], "<"+o.url+`/api/v1/users?limit=50>; rel="self"`) || !strings.Contains(links[1], "limit=50") {
		t.Errorf("Link headers %q, want self and next on two lines, both with the limit", links)
	}
	folded := start(t, Options{PageSize: 3, FoldLinks: true})
	if links := folded.get("/api/v1/users").header.Values("Link"); len(links) != 1 || !strings.Contains(links[0], `, <`) {
		t.Errorf("Link headers %q, want one line with both", links)
	}
}

func TestRefusedPages(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	foreign := nextLink.FindStringSubmatch(o.get("/api/v1/users").header.Values("Link")[1])[1]
	_, after, _ := strings.Cut(foreign, "after=")
	for path, code := range map[string]string{
		agents + "?limit=0":                                  "E0000001",
		agents + "?limit=201":                                "E0000001",
		agents + "?limit=many":                               "E0000001",
		agents + "?after=wlp1":                               "E0000054",
		agents + "?after=" + after:                           "E0000054",
		agents + `?search=color+eq+"red"`:                    "E0000031",
		agents + `?search=status+co+"A"`:                     "E0000031",
		"/api/v1/apps?limit=201":                             "E0000001",
		"/api/v1/apps?filter=status":                         "E0000001",
		"/api/v1/apps?filter=label+eq+%22x%22":               "E0000031",
		"/api/v1/users?limit=201":                            "E0000001",
		"/api/v1/groups?limit=10001":                         "E0000001",
		"/api/v1/logs?limit=1001":                            "E0000001",
		"/api/v1/logs?after=1_1001":                          "E0000054",
		"/api/v1/logs?after=soon":                            "E0000054",
		"/governance/api/v1/resource-owners":                 "E0000028",
		ownersPath + url.QueryEscape(`principal.orn eq "x"`): "E0000031",
		delegationLinks:                                      "E0000028",
		delegationLinks + "?filter=" + url.QueryEscape(`from.resourceOrn eq "x"`): "E0000031",
		agents + "?limit=%zz": "E0000001",
	} {
		if r := o.get(strings.ReplaceAll(path, `"`, "%22")); r.status != 400 || r.code() != code {
			t.Errorf("GET %s: %d %s, want 400 %s", path, r.status, r.body, code)
		}
	}
}
