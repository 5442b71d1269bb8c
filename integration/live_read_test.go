package integration

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
)

// agentsAPI is the list of AI agents.
const agentsAPI = "/workload-principals/api/v1/ai-agents"

// lately is how far back the log is read.
const lately = 7 * 24 * time.Hour

// read probes, and reads some pages of each feed. What may not be read is told, and is no failure; a record that nothing
// understands, or that reads differently a second time, is one.
func (l *live) read(t *testing.T) {
	r := l.reader(t, lately)
	l.caps.left.Store(callsPerFeed)
	if err := r.connector.(connectors.Prober).Probe(t.Context()); err != nil {
		if f := connectors.AsFault(err); f == nil || f.Kind != connectors.Forbidden {
			t.Fatalf("the probe fails: %v", err)
		}
		t.Logf("the probe is forbidden: %v", err)
	}
	for _, f := range r.connector.Feeds() {
		t.Run(f.Name, func(t *testing.T) { l.readFeed(t, r, f) })
	}
}

func (l *live) readFeed(t *testing.T, r *reader, f connectors.Feed) {
	l.caps.left.Store(callsPerFeed)
	records := 0
	for n := range l.pages {
		page, err := r.pull(t.Context(), f.Name)
		if err != nil {
			l.unreadable(t, f.Name, n, err)
			return
		}
		for _, b := range page.Blind {
			t.Logf("cannot see %v: %s", b.Kinds, b.Reason)
		}
		for _, record := range page.Records {
			normalizesTwice(t, r.connector, record)
		}
		if records += len(page.Records); !page.More {
			t.Logf("%d records in %d pages: the whole feed", records, n+1)
			return
		}
	}
	t.Logf("%d records in %d pages, and there are more", records, l.pages)
}

// unreadable tells an error of an org apart from one of the connector's.
func (l *live) unreadable(t *testing.T, feed string, page int, err error) {
	t.Helper()
	var why string
	switch f := connectors.AsFault(err); {
	case l.caps.spent():
		why = "it takes more calls than the suite allows itself"
	case f != nil && f.Kind == connectors.Forbidden:
		why = "it is forbidden or not enabled: " + f.Cure
	case f != nil && f.Kind == connectors.RateLimited:
		why = "the rate limit is used up"
	default:
		t.Errorf("feed %s, page %d: %v", feed, page+1, err)
		return
	}
	t.Logf("not read further after %d pages: %s (%v)", page, why, err)
}

// normalizesTwice reads a record twice, and wants the same.
func normalizesTwice(t *testing.T, c connectors.Connector, record connectors.Record) {
	t.Helper()
	reading, err := c.Normalize(record)
	if err != nil {
		t.Errorf("a record of type %s is not understood: %v", record.Type, err)
	}
	again, _ := c.Normalize(record)
	if d := gocmp.Diff(reading, again); d != "" {
		t.Errorf("a record of type %s reads differently a second time", record.Type) // the difference may name somebody
	}
	for i := range reading.Entities {
		if err := reading.Entities[i].Check(); err != nil {
			t.Errorf("a record of type %s: %v", record.Type, err)
		}
	}
}

// ask tries what no document of Okta's settles. Each answer is told, whatever it is.
func (l *live) ask(t *testing.T) {
	l.caps.left.Store(callsPerFeed)
	since := "since=" + time.Now().Add(-lately).UTC().Format("2006-01-02T15:04:05.000Z")
	for _, q := range []struct{ about, target string }{
		{"a list of agents of one item, for the place of its next link", agentsAPI + "?limit=1"},
		{"owners of all agents in one sweep", "/governance/api/v1/resource-owners?limit=1&filter=" + url.PathEscape(`resource.type eq "ai-agents"`)},
		{"delegation links without a filter", "/workload-principals/api/v1/delegation-links?limit=1"},
		{"log entries about agents, for the types of their targets", "/api/v1/logs?limit=20&" + since + "&filter=" + url.PathEscape(`eventType sw "workload_principal."`)},
		{"log entries filtered by the beginning of client.id", "/api/v1/logs?limit=1&" + since + "&filter=" + url.PathEscape(`client.id sw "wlp"`)},
		{"log entries filtered by the beginning of actor.id", "/api/v1/logs?limit=1&" + since + "&filter=" + url.PathEscape(`actor.id sw "wlp"`)},
	} {
		l.tell(t, q.about, q.target)
	}
	got, err := l.caller.get(t.Context(), "/api/v1/logs?limit=1&"+since)
	if err != nil {
		t.Logf("the log: %v", err)
		return
	}
	if after := afterOf(got); after != "" {
		l.tell(t, "since and after together, which the documents exclude", "/api/v1/logs?limit=1&"+since+"&after="+url.QueryEscape(after))
	}
	t.Log("not answered by this suite: which custom admin role suffices for agents, and how old a place in the log may become")
}

func (l *live) tell(t *testing.T, about, target string) {
	t.Helper()
	got, err := l.caller.get(t.Context(), target)
	if err != nil {
		t.Logf("%s: %v", about, err)
		return
	}
	t.Logf("%s: answered %d %s; next link in the header: %v", about, got.status, errorCode(got), linkTo(got, "next") != "")
}

// errorCode is Okta's code of a refusal, or empty.
func errorCode(r reply) string {
	var e struct {
		Code string `json:"errorCode"`
	}
	if r.status == http.StatusOK || json.Unmarshal(r.body, &e) != nil {
		return ""
	}
	return e.Code
}

// afterOf is the place that an answer's next link leads to.
func afterOf(r reply) string {
	u, err := url.Parse(linkTo(r, "next"))
	if err != nil {
		return ""
	}
	return u.Query().Get("after")
}
