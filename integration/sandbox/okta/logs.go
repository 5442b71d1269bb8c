package okta

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// The System Log's limits.
const (
	retention  = 90 * 24 * time.Hour  // older entries are silently left out
	oldestAsk  = 180 * 24 * time.Hour // an older since is refused
	defaultAge = 7 * 24 * time.Hour
)

// logFields are what a filter may test; published is not among them.
var logFields = fields{
	"eventType": "eq ne sw co ew pr", "severity": "eq ne", "uuid": "eq", "displayMessage": "eq sw co", "outcome.result": "eq ne sw pr",
	"outcome.reason": "eq ne sw co pr", "actor.id": "eq ne sw pr", "actor.type": "eq ne sw pr", "actor.alternateId": "eq ne sw co ew pr",
	"actor.displayName": "eq ne sw co ew pr", "target.id": "eq ne sw pr", "target.type": "eq ne sw pr", "target.alternateId": "eq ne sw co ew pr",
	"target.displayName": "eq ne sw co ew pr", "client.ipAddress": "eq ne sw pr", "client.id": "eq ne pr", "transaction.id": "eq ne sw pr",
	"transaction.type": "eq ne pr", "version": "eq", "legacyEventType": "eq sw pr",
}

func (e *logEntry) values(attr string) []string {
	v := e.Event
	switch attr {
	case "eventType":
		return []string{v.EventType}
	case "severity":
		return []string{v.Severity}
	case "uuid":
		return []string{v.UUID}
	case "displayMessage":
		return []string{v.DisplayMessage}
	case "outcome.result":
		return []string{v.Outcome.Result}
	case "actor.id":
		return []string{v.Actor.ID}
	case "actor.type":
		return []string{v.Actor.Type}
	case "actor.alternateId":
		return []string{v.Actor.AlternateID}
	case "actor.displayName":
		return []string{v.Actor.DisplayName}
	case "target.id":
		return each(v.Target, func(t logTarget) string { return t.ID })
	case "target.type":
		return each(v.Target, func(t logTarget) string { return t.Type })
	case "target.alternateId":
		return each(v.Target, func(t logTarget) string { return t.AlternateID })
	case "target.displayName":
		return each(v.Target, func(t logTarget) string { return t.DisplayName })
	case "client.ipAddress":
		return present(v.Client.IPAddress)
	case "client.id":
		return present(v.Client.ID)
	case "outcome.reason":
		return present(v.Outcome.Reason)
	case "transaction.id":
		return []string{v.Transaction.ID}
	case "transaction.type":
		return []string{v.Transaction.Type}
	case "version":
		return []string{v.Version}
	}
	return nil
}

// present is a value that may be missing.
func present(v *string) []string {
	if v == nil {
		return nil
	}
	return []string{*v}
}

// logQuery is a checked request for entries.
type logQuery struct {
	since, until time.Time
	fits         func(*logEntry) bool
	limit        int
	descending   bool
	polling      bool // no until, ascending: by arrival, without an end
}

func listLogs(c *call) answer {
	q, refused := c.logQuery()
	if refused != nil {
		return *refused
	}
	if q.polling {
		return c.poll(q)
	}
	return c.bounded(q)
}

func (c *call) logQuery() (q logQuery, refused *answer) {
	no := func(a answer) (logQuery, *answer) { return q, &a }
	order := c.q.Get("sortOrder")
	if order != "" && order != "ASCENDING" && order != "DESCENDING" {
		return no(invalid("sortOrder", "must be ASCENDING or DESCENDING."))
	}
	polling := !c.q.Has("until") && order != "DESCENDING"
	if polling && c.q.Has("since") && c.q.Has("after") {
		return no(invalid("after", "since and after can't be used together."))
	}
	limit, fine := c.number("limit", 100, 0, 1000)
	if !fine {
		return no(invalid("limit", "must be a number from 0 to 1000."))
	}
	words, fine := c.keywords()
	if !fine {
		return no(invalid("q", "at most 10 keywords of at most 40 characters."))
	}
	until, fine := c.moment("until", c.now)
	if !fine {
		return no(invalid("until", "must be an ISO 8601 timestamp."))
	}
	since, fine := c.moment("since", until.Add(-defaultAge))
	if !fine {
		return no(invalid("since", "must be an ISO 8601 timestamp."))
	}
	if since.Before(c.now.Add(-oldestAsk)) {
		return no(fault(http.StatusBadRequest, "E0000053", "Invalid parameter: since is more than 180 days ago."))
	}
	f, refused := c.filter("filter", "E0000053", logFields)
	if refused != nil {
		return q, refused
	}
	q = logQuery{since: since, until: until, limit: limit, descending: order == "DESCENDING", polling: polling}
	if c.opt.PageSize > 0 {
		q.limit = min(q.limit, c.opt.PageSize)
	}
	if c.hide {
		q.limit = 0
	}
	q.fits = func(e *logEntry) bool {
		return !e.Published.Before(c.now.Add(-retention)) && e.contains(words) && f(e.values)
	}
	return q, nil
}

func (c *call) keywords() (words []string, ok bool) {
	words = strings.Fields(strings.ToLower(c.q.Get("q")))
	return words, len(words) <= 10 && !slices.ContainsFunc(words, func(w string) bool { return len(w) > 40 })
}

// moment reads a timestamp; absent gives the default.
func (c *call) moment(name string, def time.Time) (time.Time, bool) {
	if !c.q.Has(name) {
		return def, true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, c.q.Get(name)); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func (e *logEntry) contains(words []string) bool {
	if len(words) == 0 {
		return true
	}
	v := e.Event
	text := []string{v.EventType, v.DisplayMessage, v.Actor.ID, v.Actor.AlternateID, v.Actor.DisplayName}
	for _, t := range v.Target {
		text = append(text, t.ID, t.AlternateID, t.DisplayName)
	}
	all := strings.ToLower(strings.Join(text, "\n"))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all, w) })
}

// arrived returns the entries that are in the log by now.
func (c *call) arrived() []*logEntry {
	n := sort.Search(len(c.st.Log), func(i int) bool { return c.st.Log[i].Arrived.After(c.now) })
	return c.st.Log[:n]
}

// poll answers with what arrived since a place in the log. There is always a next link, be the page full or empty.
func (c *call) poll(q logQuery) answer {
	log := c.arrived()
	from := sort.Search(len(log), func(i int) bool { return !log[i].Arrived.Before(q.since) })
	if c.q.Has("after") {
		var fine bool
		if from, fine = c.parseLogCursor(c.q.Get("after")); !fine || from > len(log) {
			return badCursor()
		}
	}
	items := []logEvent{}
	for from < len(log) && len(items) < q.limit {
		if q.fits(log[from]) {
			items = append(items, log[from].Event)
		}
		from++
	}
	c.q.Del("since") // the cursor replaces it
	return c.linked(ok(items), c.logCursor(from))
}

// logCursor names a place in the log: milliseconds, underscore, number, like Okta's own. The number holds the place and the
// epoch in which it was handed out.
func (c *call) logCursor(at int) string {
	return fmt.Sprintf("%d_%d", c.now.UnixMilli(), at*epochs+c.st.Epoch%epochs)
}

// epochs is how many times cursors can expire before an old one would be taken for a new one.
const epochs = 1000

func (c *call) parseLogCursor(s string) (at int, ok bool) {
	millis, number, found := strings.Cut(s, "_")
	if _, err := strconv.ParseInt(millis, 10, 64); err != nil || !found {
		return 0, false
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n%epochs != c.st.Epoch%epochs {
		return 0, false
	}
	return n / epochs, true
}

// bounded answers for a stretch of time, ordered by when entries were published. Its last page has no next link.
func (c *call) bounded(q logQuery) answer {
	fitting := where(c.arrived(), func(e *logEntry) bool {
		return !e.Published.Before(q.since) && e.Published.Before(q.until) && q.fits(e)
	})
	sign := int64(1)
	if q.descending {
		sign = -1
	}
	at := func(e *logEntry) place { return place{sign * e.Published.UnixMilli(), sign * e.Seq} }
	slices.SortFunc(fitting, func(a, b *logEntry) int {
		p, q := at(a), at(b)
		return cmp.Or(cmp.Compare(p.key, q.key), cmp.Compare(p.seq, q.seq))
	})
	if q.limit == 0 {
		return c.linked(ok([]logEvent{}), "")
	}
	items, next, refused := page(c, "logs", fitting, nil, sizes{def: 100, low: 1, high: 1000}, at)
	if refused != nil {
		return *refused
	}
	return c.linked(ok(each(items, func(e *logEntry) logEvent { return e.Event })), next)
}
