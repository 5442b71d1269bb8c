package okta

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// follower is an org with a log, and the log feed at its place.
type follower struct {
	*org
	*tail
	c     *connector
	cur   connectors.Cursor
	known connectors.Knower
}

// follow makes an org with the agents wlp1 and wlp2, and polls its log a first time.
func follow(t *testing.T, options map[string]string) *follower {
	f := &follower{org: newOrg(t), tail: &tail{}, known: knows{}}
	f.on(logsPath, f.tail.serve)
	for _, id := range []string{"wlp1", "wlp2"} {
		f.on(agentsPath+"/"+id, fixed(200, changedAgent(id)))
		f.on(agentsPath+"/"+id+"/credentials/jwks", fixed(200, `{"data":[{"id":"pks1","kty":"RSA","status":"ACTIVE"}]}`))
		f.on(agentsPath+"/"+id+"/connections", fixed(200, `{"data":[]}`))
	}
	f.on(ownersPath, ownersAs("each", map[string][]string{"wlp1": {anOwner("wlp1", "00u1")}}))
	f.on(delegationsPath, fixed(200, `{"data":[]}`))
	f.c = f.connect(t, func(s *connectors.Settings) { s.Options = options })
	if p := f.poll(t); len(p.readings) != 0 {
		t.Fatalf("the first poll tells %v", p.readings)
	}
	return f
}

// changedAgent is an agent that shows every change already.
func changedAgent(id string) string {
	return strings.Replace(anAgent(id, "agent "+id, ""), "2026-08-20", "2099-08-20", 1)
}

// poll pulls until the feed has caught up.
func (f *follower) poll(t *testing.T) pass {
	t.Helper()
	var p pass
	for range 50 {
		page, err := f.c.feed(t, "system-log")(connectors.Knowing(t.Context(), f.known), f.cur)
		if err != nil {
			t.Fatal(err)
		}
		p.add(t, f.c, page)
		if f.cur = page.Next; !page.More {
			return p
		}
	}
	t.Fatal("the log does not end")
	return p
}

func (p *pass) activities() (out []events.Activity) {
	for _, r := range p.readings {
		out = append(out, r.Activities...)
	}
	return out
}

func (p *pass) tombstones() (out []string) {
	for _, r := range p.readings {
		for _, t := range r.Tombstones {
			out = append(out, t.Ref.Holder+" by "+r.Actor.ID+" in "+r.LogID)
		}
	}
	return out
}

func TestLogLeadsToWhatItNames(t *testing.T) {
	for _, c := range []struct{ typ, path string }{
		{"workload_principal.update", agentsPath + "/wlp1"},
		{"workload_principal.ai_agent.update", agentsPath + "/wlp1"},
		{"workload_principal.activate", agentsPath + "/wlp1"},
		{"workload_principal.ai_agent.sign_on_provider.add", agentsPath + "/wlp1"},
		{"workload_principal.ai_agent.credential.create", agentsPath + "/wlp1/credentials/jwks"},
		{"workload_principal.resource_connection.delete", agentsPath + "/wlp1/connections"},
		{"workload_principal.delegation_link.create", delegationsPath},
		{"resource.owner.update", ownersPath},
	} {
		f := follow(t, nil)
		f.add("u1", c.typ, "wlp1")
		f.add("u2", c.typ, "wlp1")
		p := f.poll(t)
		got := append(f.calls("/workload"), f.calls("/governance")...)
		if len(got) != 1 || !strings.Contains(got[0], "GET "+c.path) {
			t.Errorf("%s: calls are %v", c.typ, got)
		}
		for _, r := range p.readings {
			if len(r.Activities) == 0 && (r.LogID != "u2" || r.Actor == nil || r.Actor.ID != "00uadmin" || r.At.IsZero() || !strings.Contains(r.Note, "u1")) {
				t.Errorf("%s: evidence is %q %v %v %q", c.typ, r.LogID, r.Actor, r.At, r.Note)
			}
		}
	}
}

func TestLogNeverBackfills(t *testing.T) {
	f := follow(t, map[string]string{"log_since": "24h"})
	f.addAt(time.Now().Add(-time.Hour), "old", "workload_principal.update", "wlp1")
	if p := f.poll(t); len(p.refs(events.KindAgent)) != 0 || len(p.activities()) != 1 {
		t.Errorf("an entry from before the first poll tells %v", p.readings)
	}
	if first := f.calls(logsPath)[0]; !strings.Contains(first, "since=") || strings.Contains(first, "until") {
		t.Errorf("the first poll is %s", first)
	}
}

func TestLogDeletion(t *testing.T) {
	f := follow(t, nil)
	gone := fixed(404, `{"errorCode":"E0000007","errorSummary":"Not found"}`)
	f.on(agentsPath+"/wlp1", gone)
	f.add("u1", "workload_principal.update", "wlp1")
	if p := f.poll(t); len(p.tombstones()) != 0 {
		t.Errorf("a 404 without a delete entry buries %v", p.tombstones())
	}
	f.add("u2", "workload_principal.delete", "wlp1")
	f.add("u3", "workload_principal.ai_agent.credential.delete", "wlp1")
	f.add("u4", "workload_principal.delete", "wlp2") // its GET answers for a while
	p := f.poll(t)
	if got := p.tombstones(); len(got) != 1 || got[0] != "wlp1 by 00uadmin in u2" {
		t.Errorf("tombstones are %v", got)
	}
	f.on(agentsPath+"/wlp2", gone)
	p = f.poll(t)
	if got := p.tombstones(); len(got) != 1 || got[0] != "wlp2 by 00uadmin in u4" {
		t.Errorf("tombstones are %v", got)
	}
	before := len(f.calls(agentsPath))
	if p = f.poll(t); len(p.readings) != 0 || len(f.calls(agentsPath)) != before {
		t.Errorf("once more: %v, %v", p.readings, f.calls(agentsPath)[before:])
	}
}

func TestLogWaitsForAsynchronousChanges(t *testing.T) {
	f := follow(t, nil)
	f.add("u1", "workload_principal.deactivate", "wlp1")
	for range mostTries + 2 {
		f.poll(t)
	}
	if got := len(f.calls(agentsPath + "/wlp1")); got != mostTries {
		t.Errorf("%d calls for a change that does not come, want %d", got, mostTries)
	}
	f.add("u2", "workload_principal.deactivate", "wlp1")
	f.poll(t)
	f.on(agentsPath+"/wlp1", fixed(200, strings.Replace(anAgent("wlp1", "one", ""), "ACTIVE", "INACTIVE", 1)))
	p := f.poll(t)
	if len(p.readings) != 1 || p.readings[0].LogID != "u2" || p.readings[0].Entities[0].Agent.Status != events.StatusDisabled {
		t.Errorf("readings are %v", p.readings)
	}
}

// What comes after a deletion does not take it back, and what failed or is about a gateway leads to nothing.
func TestLogSignals(t *testing.T) {
	f := follow(t, map[string]string{"activities": "none"})
	f.on(agentsPath+"/wlp1", fixed(404, `{"errorCode":"E0000007"}`))
	f.add("u1", "workload_principal.delete", "wlp1")
	f.add("u2", "workload_principal.update", "wlp1")
	f.raw(anEntry(time.Now(), "u3", "workload_principal.delete", "FAILURE", "wlp2"))
	f.raw(strings.Replace(anEntry(time.Now(), "u4", "workload_principal.update", "SUCCESS", "wlpgate"), ":ai-agents:", ":virtual-mcp:", 1))
	p := f.poll(t)
	if got := p.tombstones(); len(got) != 1 || got[0] != "wlp1 by 00uadmin in u1" {
		t.Errorf("tombstones are %v", got)
	}
	if got := f.calls("GET " + agentsPath); len(got) != 1 {
		t.Errorf("calls are %v", got)
	}
}

func TestLogGaps(t *testing.T) {
	f := follow(t, nil)
	var cur logCursor
	if err := json.Unmarshal(f.cur, &cur); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*logCursor){
		"too old":        func(c *logCursor) { c.At = c.At.Add(-logRetention - time.Hour) },
		"another filter": func(c *logCursor) { c.Filter = "x" },
	} {
		old := cur.clone()
		change(&old)
		f.cur = connectors.Cursor(mustMarshal(t, old))
		p := f.poll(t)
		got := p.activities()
		if len(got) != 1 || got[0].Type != "sync_gap" || got[0].Holder != events.ConnectionHolder ||
			got[0].Details["from"] != old.At.Format(time.RFC3339) || got[0].Details["to"] == "" {
			t.Errorf("%s: activities are %v", name, got)
		}
		if p = f.poll(t); len(p.activities()) != 0 {
			t.Errorf("%s: told twice", name)
		}
	}
}

func TestLogGoesOnAfterItsLinkExpired(t *testing.T) {
	f := follow(t, nil)
	f.add("u1", "workload_principal.update", "wlp1")
	f.poll(t)
	f.add("u2", "workload_principal.update", "wlp2")
	f.expire()
	p := f.poll(t)
	if got := p.activities(); len(got) != 1 || got[0].ID != "u2" {
		t.Errorf("activities are %v: only u2 is new, and there is no gap", got)
	}
	if got := p.refs(events.KindAgent); len(got) != 1 || got[0] != "wlp2 self" {
		t.Errorf("read again: %v", got)
	}
}

func TestLogActivities(t *testing.T) {
	for option, want := range map[string]int{"none": 1, "admin": 3, "all": 4} {
		f := follow(t, map[string]string{"activities": option})
		f.on(appsPath+"/0oaweb", fixed(200, anApp("0oaweb", "web", "")))
		f.on(appsPath+"/0oasvc", fixed(200, anApp("0oasvc", "service", "")))
		f.add("u1", "workload_principal.never.heard", "wlp1")
		f.add("u2", "application.lifecycle.update", "0oaweb")
		f.add("u3", "application.lifecycle.update", "0oasvc")
		f.add("u4", "app.oauth2.token.grant.id_jag", "wlp1")
		f.raw(anEntry(time.Now(), "u5", "workload_principal.update", "FAILURE", "wlp1"))
		f.raw(anEntry(time.Now(), "u6", "never.heard.of", "SUCCESS"))
		p := f.poll(t)
		if got := p.activities(); len(got) != want {
			t.Errorf("%s: activities are %v", option, got)
		}
		for _, r := range p.pages {
			if s := mustMarshal(t, r.Records); strings.Contains(s, "dana.roe") || strings.Contains(s, "203.0") || strings.Contains(s, "verysecret") {
				t.Errorf("a record holds what is not to be kept: %s", s)
			}
		}
	}
}

func TestLogBoundIsTold(t *testing.T) {
	f := follow(t, map[string]string{"activities_per_minute": "2"})
	at := time.Now().Add(-2 * time.Minute).Truncate(time.Minute)
	for n := range 5 {
		f.addAt(at, fmt.Sprint("u", n), "workload_principal.update", "wlp1")
	}
	first := f.poll(t)
	kept := first.activities()
	p := f.poll(t) // the minute is over once nothing more of it comes
	got := append(kept, p.activities()...)
	if len(got) != 3 || got[2].Type != "activities_bounded" || got[2].Details["left_out"] != "3" {
		t.Errorf("activities are %v", got)
	}
	if p = f.poll(t); len(p.activities()) != 0 {
		t.Errorf("told twice: %v", p.activities())
	}
}

func TestLogBurstIsReadInChunks(t *testing.T) {
	f := follow(t, map[string]string{"activities": "none"})
	const n = 3*chunk + 1
	for i := range n {
		id := fmt.Sprint("wlpx", i)
		f.on(agentsPath+"/"+id, fixed(200, changedAgent(id)))
		f.add(fmt.Sprint("u", i), "workload_principal.update", id)
	}
	p := f.poll(t)
	if got := p.refs(events.KindAgent); len(got) != n || len(p.pages) != 4 || len(f.calls(logsPath)) != 2 {
		t.Errorf("%d agents in %d pages with %d polls", len(got), len(p.pages), len(f.calls(logsPath)))
	}
}

func TestLogSurvivesWhatCannotBeReadAgain(t *testing.T) {
	f := follow(t, map[string]string{"activities": "none"})
	f.on(agentsPath+"/wlp1", fixed(500, `{}`))
	f.on(agentsPath+"/wlp2", fixed(403, `{"errorCode":"E0000006"}`))
	f.add("u1", "workload_principal.update", "wlp1")
	f.add("u2", "workload_principal.update", "wlp2")
	for range 1 + 2 + 4 {
		f.poll(t)
	}
	if got := len(f.calls(agentsPath)); got != 3+3 { // after one poll, two and four
		t.Errorf("%d calls", got)
	}
	var wakes []string
	polls := 0
	for ; wakes == nil && polls < 1000; polls++ {
		p := f.poll(t)
		for _, page := range p.pages {
			wakes = append(wakes, page.Wakes...)
		}
	}
	if got := len(f.calls(agentsPath)); got != 2*mostErrors || !slices.Equal(wakes, []string{"ai-agents", "ai-agents"}) || polls < 250 {
		t.Errorf("after %d calls and %d polls it wakes %v", got, polls, wakes)
	}
	if f.poll(t); len(f.calls(agentsPath)) != 2*mostErrors {
		t.Error("it is read again although it was left to the list")
	}
	f.on(agentsPath+"/wlp1", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		answerJSON(w, 429, `{"errorCode":"E0000047"}`)
	})
	f.add("u3", "workload_principal.update", "wlp1")
	_, err := f.c.feed(t, "system-log")(t.Context(), f.cur)
	if got := mustFault(t, err, connectors.RateLimited); got.After != 7*time.Second {
		t.Errorf("waits %v", got.After)
	}
}

func TestLogBegunAnewReadsAgain(t *testing.T) {
	f := follow(t, map[string]string{"activities": "none"})
	f.add("u1", "workload_principal.ai_agent.credential.delete", "wlp1")
	f.poll(t)
	f.cur = nil // as when a sweep was held back
	p := f.poll(t)
	if got := p.replaces(); len(got) != 1 || got[0] != scopeKeys("wlp1") {
		t.Errorf("replaces %v", got)
	}
}

func TestLogWithoutNextLink(t *testing.T) {
	f := follow(t, nil)
	f.on(logsPath, fixed(200, `[]`))
	before := string(f.cur)
	f.poll(t)
	if a, b := parseLog(t, before), parseLog(t, string(f.cur)); a.Next != b.Next {
		t.Errorf("the place moved from %s to %s", a.Next, b.Next)
	}
	f.on(logsPath, fixed(200, "["+anEntry(time.Now(), "u1", "workload_principal.update", "SUCCESS", "wlp1")+"]"))
	if _, err := f.c.feed(t, "system-log")(t.Context(), f.cur); err == nil || !strings.Contains(err.Error(), "next link") {
		t.Errorf("error is %v", err)
	}
}

func parseLog(t *testing.T, s string) (c logCursor) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &c); err != nil {
		t.Fatal(err)
	}
	return c
}
