package google

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const workspacePath = "/admin/admin/reports/v1/activity/users/all/applications/"

// suite is the example company with Workspace, the feed at its place in the reports, and a clock that the test moves.
type suite struct {
	*fake
	c     *connector
	now   time.Time
	cur   connectors.Cursor
	items []happening
	size  int // activities a page; 0: as asked
	page  connectors.Page
	known knownAgents
}

// happening is what Workspace reports of an application, from a time on.
type happening struct {
	application, event, body string
	at, shown                time.Time
}

// knownAgents are what the log knows.
type knownAgents map[string]bool

func (k knownAgents) Known(events.Kind) (out []string) {
	for id := range k {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
func (k knownAgents) IsKnown(ref events.Ref) bool {
	return ref.Kind == events.KindAgent && k[ref.Holder]
}
func (k knownAgents) Holds(id string, _ events.Kind) bool { return !k["bare "+id] }

const accountID = "104857600000000000001"

// reports makes the example company's Workspace, of which the log knows a service account and two agents of Gemini Enterprise.
func reports(t *testing.T, options map[string]string) *suite {
	t.Helper()
	f := &suite{fake: company(t), now: time.Date(2026, 11, 5, 10, 0, 0, 0, time.UTC),
		known: knownAgents{accountID: true, jsonText(jsonGemini, "name"): true, jsonText(jsonSuspended, "name"): true}}
	for _, a := range workspaceApplications {
		f.override[workspacePath+a] = f.serve
	}
	f.restart(t, options)
	return f
}

func (f *suite) restart(t *testing.T, options map[string]string) {
	t.Helper()
	all := map[string]string{"workspace_admin": "root@acme.example"}
	for k, v := range options {
		all[k] = v
	}
	s := f.settings(all)
	s.Now = func() time.Time { return f.now }
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	f.c = c.(*connector)
}

// serve answers with what is shown of an application and an event, the newest first. Page tokens are numbers.
func (f *suite) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	from, err := time.Parse("2006-01-02T15:04:05.000Z", q.Get("startTime"))
	first, noToken := strconv.Atoi(q.Get("pageToken"))
	if err != nil || from.After(f.now) || q.Get("pageToken") != "" && noToken != nil {
		refuse(w, 400, `{"error":{"code":400,"message":"Bad Request","errors":[{"message":"Bad Request","domain":"global","reason":"invalid"}]}}`)
		return
	}
	var fit []happening
	for _, h := range f.items {
		if h.application == lastPart(r.URL.Path) && (q.Get("eventName") == "" || q.Get("eventName") == h.event) && !h.at.Before(from) && !h.shown.After(f.now) {
			fit = append(fit, h)
		}
	}
	slices.SortStableFunc(fit, func(a, b happening) int { return b.at.Compare(a.at) })
	next, size := "", f.size
	if size == 0 {
		size, _ = strconv.Atoi(q.Get("maxResults"))
	}
	fit = fit[min(first, len(fit)):]
	if len(fit) > size {
		fit, next = fit[:size], fmt.Sprintf(`,"nextPageToken":"%d"`, first+size)
	}
	var bodies []string
	for _, h := range fit {
		bodies = append(bodies, h.body)
	}
	fmt.Fprintf(w, `{"kind":"reports#activities","items":[%s]%s}`, strings.Join(bodies, ","), next)
}

// tell adds something that has just happened, in the name of somebody, with parameters and more members of the activity.
func (f *suite) tell(application, event, email string, parameters map[string]any, more map[string]any) *happening {
	var list []map[string]any
	for name, v := range parameters {
		p := map[string]any{"name": name}
		if many, ok := v.([]string); ok {
			p["multiValue"] = many
		} else {
			p["value"] = v
		}
		list = append(list, p)
	}
	actor := map[string]any{"email": email, "profileId": "1"}
	a := map[string]any{"id": map[string]any{"time": f.now.Format("2006-01-02T15:04:05.000Z"), "uniqueQualifier": strconv.Itoa(len(f.items)),
		"applicationName": application, "customerId": "C01abc"}, "actor": actor, "events": []any{map[string]any{"type": "x", "name": event, "parameters": list}}}
	for k, v := range more {
		if in, ok := strings.CutPrefix(k, "actor."); ok {
			actor[in] = v
		} else {
			a[k] = v
		}
	}
	b, _ := json.Marshal(a)
	f.items = append(f.items, happening{application, event, string(b), f.now, f.now})
	return &f.items[len(f.items)-1]
}

// poll pulls until the feed is caught up, and returns what it tells.
func (f *suite) poll(t *testing.T) (out []connectors.Reading) {
	t.Helper()
	for range 100 {
		page, err := f.pull(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			read, err := f.c.Normalize(r)
			if err != nil {
				t.Fatalf("%s %s: %v", r.Type, r.Body, err)
			}
			out = append(out, read)
		}
		if !page.More {
			return out
		}
	}
	t.Fatal("the reports do not end")
	return nil
}

func (f *suite) pull(t *testing.T) (connectors.Page, error) {
	t.Helper()
	page, err := f.c.feed(t, feedWorkspaceReports).Pull(connectors.Knowing(t.Context(), f.known), f.cur)
	if err == nil {
		f.page, f.cur = page, page.Next
	}
	return page, err
}

// settle lets the feed's first wait go by.
func (f *suite) settle(t *testing.T) []connectors.Reading {
	t.Helper()
	if got := f.poll(t); len(got) != 0 {
		t.Fatalf("at once it tells %+v", got)
	}
	f.now = f.now.Add(reportsSettle)
	return f.poll(t)
}

func (f *suite) place(t *testing.T) (c reportsCursor) {
	t.Helper()
	if err := json.Unmarshal(f.cur, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// worded is what readings say: each entity and activity on a line, sorted.
func worded(readings []connectors.Reading) (out []string) {
	for _, r := range readings {
		for _, e := range r.Entities {
			switch {
			case e.Delegation != nil:
				d := e.Delegation
				out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s for %s on %s: %s %s", lastPart(e.Holder), d.Source, d.Person, d.Resource, strings.Join(d.Scopes, "+"), d.NativeStatus)))
			case e.Agent != nil:
				out = append(out, fmt.Sprintf("%s is %q", e.Holder, e.Agent.Name))
			case e.Stewardship != nil:
				out = append(out, fmt.Sprintf("%s has the %s %s", lastPart(e.Holder), e.Stewardship.Role, e.Stewardship.Person))
			}
		}
		for _, a := range r.Activities {
			out = append(out, fmt.Sprintf("%s did %s %s", lastPart(a.Holder), a.Type, a.Native))
		}
	}
	slices.Sort(out)
	return out
}
