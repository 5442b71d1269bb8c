package google

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
)

const logPath = "/logging/v2/entries:list"

// follower is the example company with a log, the feed at its place in it, and a clock that the test moves.
type follower struct {
	*fake
	c       *connector
	now     time.Time
	cur     connectors.Cursor
	entries []string
	asks    []map[string]any // bodies of the requests to the log
	size    int              // entries a page; 0: all
	page    connectors.Page  // the last
}

// follow polls the log of the example company a first time.
func follow(t *testing.T, options map[string]string) *follower {
	t.Helper()
	f := &follower{fake: company(t), now: time.Date(2026, 11, 5, 10, 0, 0, 0, time.UTC)}
	f.override[logPath] = f.serveLog
	for _, a := range []string{jsonAccount, jsonDisabledAccount} {
		f.bodies[accountsPath+"/"+parse(a).UniqueID] = a
		f.bodies[accountsPath+"/"+parse(a).Email] = a
	}
	f.bodies["/aiplatform/v1/"+enginePath] = jsonEngine
	f.restart(t, options)
	if got := f.poll(t); len(got) != 0 {
		t.Fatalf("the first poll tells %+v", got)
	}
	return f
}

// restart makes a new connector, as a new process does.
func (f *follower) restart(t *testing.T, options map[string]string) {
	t.Helper()
	s := f.settings(options)
	s.Now = func() time.Time { return f.now }
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	f.c = c.(*connector)
}

// serveLog answers with the entries whose time fits the filter, in order. Page tokens are numbers.
func (f *follower) serveLog(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	var ask map[string]any
	json.Unmarshal(b, &ask)
	f.asks = append(f.asks, ask)
	_, from, _ := strings.Cut(ask["filter"].(string), `timestamp>="`)
	var fit []string
	for _, e := range f.entries {
		if at := jsonText(e, "timestamp"); at+`"` >= from {
			fit = append(fit, e)
		}
	}
	slices.SortFunc(fit, func(a, b string) int { return strings.Compare(jsonText(a, "timestamp"), jsonText(b, "timestamp")) })
	first, next := 0, ""
	if token, _ := ask["pageToken"].(string); token != "" {
		fmt.Sscan(token, &first)
	}
	if f.size > 0 && first+f.size < len(fit) {
		next = fmt.Sprintf(`,"nextPageToken":"%d"`, first+f.size)
		fit = fit[first : first+f.size]
	} else {
		fit = fit[min(first, len(fit)):]
	}
	fmt.Fprintf(w, `{"entries":[%s]%s}`, strings.Join(fit, ","), next)
}

func jsonText(object, member string) string {
	var m map[string]any
	json.Unmarshal([]byte(object), &m)
	s, _ := m[member].(string)
	return s
}

// poll pulls until the feed is caught up, and returns what it tells, without times that differ.
func (f *follower) poll(t *testing.T) []connectors.Reading {
	t.Helper()
	var out []connectors.Reading
	for _, r := range f.pollRecords(t) {
		read, err := f.c.Normalize(r)
		if err != nil {
			t.Fatalf("%s %s: %v", r.Type, r.Body, err)
		}
		out = append(out, read)
	}
	return out
}

func (f *follower) pollRecords(t *testing.T) (out []connectors.Record) {
	t.Helper()
	for range 50 {
		page, err := f.c.feed(t, feedAuditLog).Pull(t.Context(), f.cur)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Records...)
		if f.page, f.cur = page, page.Next; !page.More {
			return out
		}
	}
	t.Fatal("the log does not end")
	return nil
}

// later moves the clock by a poll's pace.
func (f *follower) later(n int) { f.now = f.now.Add(time.Duration(n) * logEvery) }

// entry is an entry of the log about something that has just happened.
func (f *follower) entry(id, service, method, resource string, more map[string]any) string {
	audit := map[string]any{
		"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": service + ".googleapis.com", "methodName": method,
		"resourceName": resource, "authenticationInfo": map[string]any{"principalEmail": "Admin@example.com", "principalSubject": "user:Admin@example.com"},
	}
	entry := map[string]any{
		"insertId": id, "logName": "projects/rc-sandbox/logs/cloudaudit.googleapis.com%2Factivity", "timestamp": f.now.Format(time.RFC3339Nano),
		"resource": map[string]any{"type": "x", "labels": map[string]any{"project_id": "rc-sandbox"}}, "protoPayload": audit,
	}
	for k, v := range more {
		if top, ok := strings.CutPrefix(k, "/"); ok {
			entry[top] = v
		} else {
			audit[k] = v
		}
	}
	b, _ := json.Marshal(entry)
	return string(b)
}

// tell adds an entry to the log.
func (f *follower) tell(id, service, method, resource string, more map[string]any) {
	f.entries = append(f.entries, f.entry(id, service, method, resource, more))
}
