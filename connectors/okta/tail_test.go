package okta

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tail is a System Log in the order of arrival: polls never end, and their next link holds the filter.
type tail struct {
	mu      sync.Mutex
	entries []string
	arrived []time.Time
	epoch   int
}

// add logs an entry of now.
func (l *tail) add(uuid, eventType string, targets ...string) {
	l.addAt(time.Now(), uuid, eventType, targets...)
}

func (l *tail) addAt(at time.Time, uuid, eventType string, targets ...string) {
	l.raw(anEntry(at, uuid, eventType, "SUCCESS", targets...))
}

// raw logs a body as it is.
func (l *tail) raw(body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries, l.arrived = append(l.entries, body), append(l.arrived, time.Now())
}

// expire makes the log forget every next link.
func (l *tail) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++
}

func (l *tail) serve(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := r.URL.Query()
	from, limit := 0, 1000
	if n, err := strconv.Atoi(q.Get("limit")); err == nil {
		limit = n
	}
	if after := q.Get("after"); after != "" {
		var epoch int
		if n, _ := fmt.Sscanf(after, "e%d_%d", &epoch, &from); n != 2 || epoch != l.epoch || q.Has("since") {
			answerJSON(w, 400, `{"errorCode":"E0000054","errorSummary":"Invalid paging request."}`)
			return
		}
	} else if since, err := time.Parse(time.RFC3339, q.Get("since")); err == nil {
		for from < len(l.entries) && l.arrived[from].Before(since) {
			from++
		}
	}
	to := min(from+limit, len(l.entries))
	next := url.Values{"limit": {q.Get("limit")}, "filter": {q.Get("filter")}, "after": {fmt.Sprintf("e%d_%d", l.epoch, to)}}
	w.Header().Add("Link", `<http://`+r.Host+r.URL.RequestURI()+`>; rel="self"`)
	w.Header().Add("Link", `<http://`+r.Host+logsPath+`?`+next.Encode()+`>; rel="next"`)
	answerJSON(w, 200, "["+strings.Join(l.entries[from:to], ",")+"]")
}

// anEntry is an entry of the log by an administrator, with nulls and personal data as Okta has them.
func anEntry(at time.Time, uuid, eventType, result string, targets ...string) string {
	var ts []string
	for _, id := range targets {
		detail := "null"
		if strings.HasPrefix(id, "wlp") {
			detail = `{"orn":"` + ornAgents + id + `"}`
		}
		ts = append(ts, fmt.Sprintf(`{"id":%q,"type":"Guess","alternateId":"unknown","displayName":"A name","detailEntry":%s}`, id, detail))
	}
	target := "null"
	if ts != nil {
		target = "[" + strings.Join(ts, ",") + "]"
	}
	return fmt.Sprintf(`{"uuid":%q,"published":%q,"eventType":%q,"version":"0","severity":"INFO","legacyEventType":null,`+
		`"displayMessage":"What happened","actor":{"id":"00uadmin","type":"User","alternateId":"dana.roe@acme.test",`+
		`"displayName":"Dana Roe","detailEntry":null},"client":{"id":null,"ipAddress":"203.0.113.7","userAgent":null},"device":null,`+
		`"outcome":{"result":%q,"reason":null},"target":%s,"transaction":{"type":"WEB","id":"tx1","detail":{}},`+
		`"debugContext":{"debugData":{"url":"/x?token=verysecret"}}}`,
		uuid, at.UTC().Format("2006-01-02T15:04:05.000Z"), eventType, result, target)
}
