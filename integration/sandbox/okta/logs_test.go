package okta

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

const logsPath = "/api/v1/logs"

// poll reads pages until one is empty, and returns the ids with the place to go on from.
func (o *org) poll(path string) (ids []string, next string) {
	o.t.Helper()
	for {
		r := o.get(path)
		if r.status != 200 {
			o.t.Fatalf("GET %s: %d %s", path, r.status, r.body)
		}
		if path = r.next(); path == "" {
			o.t.Fatalf("a polling page without a next link: %s", r.body)
		}
		page := r.ids(o.t)
		if len(page) == 0 {
			return ids, path
		}
		ids = append(ids, page...)
	}
}

func TestPollingSeesEachEntryOnce(t *testing.T) {
	for _, late := range []time.Duration{0, time.Minute} {
		o := start(t, Options{PageSize: 3, LogLate: late})
		all, next := o.poll(logsPath + "?since=" + url.QueryEscape("2026-08-25T00:00:00Z") + "&limit=1000")
		for range 30 {
			o.must(sandbox.Change{Op: sandbox.AddCredential})
			o.clock.advance(7 * time.Second)
			more, at := o.poll(next)
			all, next = append(all, more...), at
		}
		o.clock.advance(time.Hour)
		more, _ := o.poll(next)
		all = append(all, more...)
		want := each(o.st.Log, func(e *logEntry) string { return e.Event.UUID })
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("late by %s: polled (-log +polled):\n%s", late, diff)
		}
		inOrder := slices.IsSortedFunc(o.st.Log, func(a, b *logEntry) int { return a.Published.Compare(b.Published) })
		if inOrder != (late == 0) {
			t.Errorf("late by %s: published in order is %t", late, inOrder)
		}
	}
}

func TestPollingLinks(t *testing.T) {
	o := start(t, Options{})
	filter := `eventType sw "workload_principal." or eventType eq "resource.owner.update"`
	r := o.get(logsPath + "?since=2026-11-20T10:30:00.000Z&limit=10&filter=" + url.QueryEscape(filter))
	next, err := url.Parse(r.next())
	if err != nil {
		t.Fatal(err)
	}
	q := next.Query()
	if q.Has("since") || q.Get("filter") != filter || q.Get("limit") != "10" || q.Get("after") == "" {
		t.Errorf("next link %s: want filter, limit and after, and no since", next)
	}
	o.must(sandbox.Change{Op: sandbox.AddOwner})
	o.must(sandbox.Change{Op: sandbox.DisableAgent, Native: "service_app"})
	if n := len(o.get(next.String()).ids(t)); n != 1 {
		t.Errorf("%d entries pass the filter, want the owner's one", n)
	}
}

func TestPollingStartsAtSince(t *testing.T) {
	o := start(t, Options{})
	o.must(sandbox.Change{Op: sandbox.AddCredential, Native: "ai_agent"})
	o.clock.advance(time.Second)
	out := o.must(sandbox.Change{Op: sandbox.AddCredential, Native: "ai_agent"})
	var events []logEvent
	o.read(logsPath+"?since="+stamp(o.clock.Now()), &events)
	if len(events) != 1 || events[0].Target[1].ID != out.Key {
		t.Errorf("since the second change: %+v, want the one about key %s", events, out.Key)
	}
}

func TestBoundedQueries(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	span := logsPath + "?since=2026-11-01T00:00:00Z&until=2026-11-20T00:00:00Z"
	up, _ := o.walk(span)
	down, _ := o.walk(span + "&sortOrder=DESCENDING")
	slices.Reverse(down)
	if diff := cmp.Diff(up, down); diff != "" || len(up) < 4 {
		t.Errorf("%d entries, ascending and descending differ:\n%s", len(up), diff)
	}
	if r := o.get(logsPath + "?until=2026-11-20T00:00:00Z&since=2026-11-19T23:59:59Z"); r.next() != "" {
		t.Errorf("an empty stretch has a next link %s", r.next())
	}
}

func TestRefusedLogQueries(t *testing.T) {
	o := start(t, Options{})
	for query, code := range map[string]string{
		"since=yesterday":                      "E0000001",
		"until=never":                          "E0000001",
		"limit=1001":                           "E0000001",
		"limit=-1":                             "E0000001",
		"sortOrder=SIDEWAYS":                   "E0000001",
		"q=" + fmt.Sprintf("%041d", 1):         "E0000001",
		"since=2026-11-19T00:00:00Z&after=1_0": "E0000001",
		"since=2026-01-01T00:00:00Z":           "E0000053",
		"filter=eventType":                     "E0000053",
		"filter=" + url.QueryEscape(`target[type eq "User"]`):            "E0000053",
		"filter=" + url.QueryEscape(`published gt "2026-01-01"`):         "E0000031",
		"filter=" + url.QueryEscape(`eventType like "x"`):                "E0000053",
		"filter=" + url.QueryEscape(`debugContext.debugData.url co "x"`): "E0000031",
	} {
		if r := o.get(logsPath + "?" + query); r.status != 400 || r.code() != code {
			t.Errorf("%s: %d %s, want 400 %s", query, r.status, r.body, code)
		}
	}
}

func TestOldEntriesAreSilentlyGone(t *testing.T) {
	o := start(t, Options{})
	before, _ := o.poll(logsPath + "?since=2026-08-25T00:00:00Z&limit=1000")
	o.clock.advance(89 * day)
	after, _ := o.poll(logsPath + "?since=2026-11-01T00:00:00Z&limit=1000")
	if len(before) == 0 || len(after) >= len(before) {
		t.Errorf("%d entries first, %d when they are more than ninety days old", len(before), len(after))
	}
	if r := o.get(logsPath + "?limit=0"); r.status != 200 || string(r.body) != "[]" {
		t.Errorf("limit 0: %d %s", r.status, r.body)
	}
}

func TestKeywords(t *testing.T) {
	o := start(t, Options{})
	out := o.must(sandbox.Change{Op: sandbox.CreateAgent, Native: "ai_agent", Name: "Zanzibar finder"})
	var events []logEvent
	o.read(logsPath+"?q=zanzibar+register", &events)
	if len(events) != 1 || events[0].Target[0].ID != out.Agent {
		t.Errorf("%d entries for the keywords, want the registration", len(events))
	}
}

func TestBetaEventTypes(t *testing.T) {
	o := start(t, Options{BetaEventTypes: true})
	out := o.must(sandbox.Change{Op: sandbox.CreateAgent, Native: "ai_agent"})
	o.logged(out.Agent, "workload_principal.ai_agent.register")
}

func TestReadingSecretsIsLogged(t *testing.T) {
	o := start(t, Options{})
	a := find(o.st.Apps, func(a *app) bool { return a.isAgent() && len(a.Secrets) > 0 })
	var secrets []clientSecret
	o.read("/api/v1/apps/"+a.ID+"/credentials/secrets", &secrets)
	current := find(a.Secrets, func(s *secret) bool { return s.Status == "ACTIVE" })
	if len(secrets) != len(a.Secrets) || secrets[0].Secret == "" {
		t.Errorf("secrets %+v", secrets)
	}
	o.logged(a.ID, "app.oauth2.client.read_client_secret")
	var v application
	o.read("/api/v1/apps/"+a.ID, &v)
	if v.Credentials.OAuthClient.ClientSecret != current.Value {
		t.Error("the app does not show its secret, so that no reader can prove that it drops it")
	}
}
