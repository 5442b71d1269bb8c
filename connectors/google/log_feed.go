package google

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	feedAuditLog = "audit-log"

	// mostEntries is the page size of the log. The API states no maximum; 1,000 is the usual one.
	mostEntries = 1000

	// mostContainers is how many containers one request may name.
	mostContainers = 100
)

// auditLog follows the Admin Activity audit log: logging/v2 entries.list. An entry is a signal: what it names is read again and
// told as the record that the lists bring, with the entry as evidence.
//
// Google orders entries by when they happened, and they may arrive late. So each poll begins some time before the place that the last
// one came to, now and then some minutes before, and entries that were read before are passed over.
type auditLog struct {
	client  *client
	holders *holders

	queue queue
	last  *logCursor // of this process: a start from nothing in its middle goes on from here
	wakes []string   // feeds that the entries of a page tell to pull

	refused map[string]error // containers whose log may not be read
	asked   time.Time        // since when they have not been asked again
}

func newAuditLog(c *client) *auditLog {
	return &auditLog{client: c, holders: newHolders(c), refused: map[string]error{}}
}

func (f *auditLog) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	begins := len(from) == 0 && f.last == nil // nobody has followed the log so far: nothing is known of what was before
	cur, gap := f.resume(from)
	f.wakes = nil
	f.holders.forget()
	if err := f.acknowledge(ctx, from); err != nil {
		return connectors.Page{}, err
	}
	more := false
	var records []connectors.Record
	if gap != nil {
		records = append(records, *gap)
	}
	if !cur.hasFresh() { // what earlier pages have named comes first
		var read []connectors.Record
		var err error
		if f.client.subscription != "" {
			read, more, err = f.receive(ctx, &cur)
		} else {
			read, err = f.poll(ctx, &cur)
		}
		if err != nil {
			return connectors.Page{}, err
		}
		records = append(records, read...)
	}
	reread, err := f.reread(ctx, &cur)
	if err != nil {
		return connectors.Page{}, err
	}
	f.wakes = append(f.wakes, cur.overdue(f.client.now())...)
	next, err := events.Marshal(cur)
	if err != nil {
		return connectors.Page{}, err
	}
	f.last, f.queue.next = &cur, string(next)
	slices.Sort(f.wakes)
	return connectors.Page{
		Records: append(records, reread...), Next: next, More: more || cur.Poll != nil || cur.hasFresh(), Lost: gap != nil || begins,
		Wakes: slices.DeleteFunc(slices.Compact(f.wakes), func(s string) bool { return s == "" }), Blind: f.unseen(),
	}, nil
}

// poll reads one page, of a poll that it begins if none is under way.
func (f *auditLog) poll(ctx context.Context, cur *logCursor) ([]connectors.Record, error) {
	whose, err := f.containers(ctx)
	if err != nil {
		return nil, err
	}
	if cur.Poll == nil {
		cur.begin(f.client.now())
		if now := events.Digest(whose...); now != cur.Whose {
			if cur.Whose != "" { // what has happened in a new project is to be read in full
				f.wakes = append(f.wakes, audits...)
			}
			cur.Whose = now
		}
	}
	p := *cur.Poll
	cur.Poll = &p
	if p.Token == "" {
		p.Names = f.batch(whose, p.After)
	}
	if len(p.Names) == 0 { // all that were left may not be read
		return nil, f.ended(cur, whose)
	}
	asked := f.client.now()
	l, err := f.entries(ctx, &p)
	if err != nil {
		return nil, err
	}
	records, err := f.take(ctx, cur, asked, l.items)
	if err != nil {
		return nil, err
	}
	p.Pages++
	p.Token = l.next
	if p.Token == "" && len(p.Names) > 0 {
		p.After, p.Names = p.Names[len(p.Names)-1], nil
	}
	if p.Token == "" && len(f.batch(whose, p.After)) == 0 {
		if err := f.ended(cur, whose); err != nil {
			return nil, err
		}
		if left, over := cur.Minute.Close(f.client.now(), len(l.items) == 0); over {
			r, err := boundedRecord(feedAuditLog, left, f.client.log.perMinute, asked)
			return append(records, r), err
		}
	}
	return records, nil
}

// ended closes a poll. When no log at all may be read, the feed may not.
func (f *auditLog) ended(cur *logCursor, whose []string) error {
	if len(whose) > 0 && len(f.refused) == len(whose) {
		first := slices.Min(slices.Collect(maps.Keys(f.refused)))
		err := f.refused[first]
		clear(f.refused)
		return err
	}
	cur.finish()
	return nil
}

// containers are the resources whose logs are read, sorted: the connection's projects and what is above them, each of which has a
// log of its own, or what the configuration names instead.
func (f *auditLog) containers(ctx context.Context) ([]string, error) {
	if len(f.client.logViews) > 0 {
		return f.client.logViews, nil
	}
	projects, err := f.client.dir.projects(ctx)
	if err != nil {
		return nil, err
	}
	above, err := f.client.dir.above(ctx)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(above)
	for _, p := range projects {
		out = append(out, "projects/"+p)
	}
	slices.Sort(out)
	return out, nil
}

// batch are the next containers to read after one, without those whose log may not be read.
func (f *auditLog) batch(whose []string, after string) []string {
	if now := f.client.now(); now.Sub(f.asked) > directoryLife {
		f.asked = now
		clear(f.refused)
	}
	var out []string
	for _, c := range whose {
		if c > after && f.refused[c] == nil && len(out) < mostContainers {
			out = append(out, c)
		}
	}
	return out
}

// entries reads one page of a batch. One container that may not be read makes Google refuse all of them, so that the batch is cut
// in halves until it is known which. A page token that has expired begins the batch anew: what was read of it is passed over.
func (f *auditLog) entries(ctx context.Context, p *poll) (listing, error) {
	l, err := f.ask(ctx, p.Names, p.From, p.Token)
	if p.Token != "" && isStatus(err, http.StatusBadRequest) {
		p.Token = ""
		l, err = f.ask(ctx, p.Names, p.From, "")
	}
	if !isRefusal(err) {
		return l, err
	}
	if len(p.Names) == 1 {
		f.refused[p.Names[0]] = err
		return listing{whole: true}, nil
	}
	p.Names, p.Token = p.Names[:len(p.Names)/2], ""
	return f.entries(ctx, p)
}

// entriesAsked is the body of entries.list. Source: ListLogEntriesRequest of logging/v2.
type entriesAsked struct {
	ResourceNames []string `json:"resourceNames"`
	Filter        string   `json:"filter"`
	OrderBy       string   `json:"orderBy"`
	PageSize      int64    `json:"pageSize,omitzero"`
	PageToken     string   `json:"pageToken,omitzero"`
}

func (f *auditLog) ask(ctx context.Context, whose []string, from time.Time, token string) (listing, error) {
	return f.client.list(ctx, "entries", token, f.client.post("logging", "v2/entries:list", nil, entriesAsked{
		ResourceNames: whose, OrderBy: "timestamp asc", PageSize: f.client.pageOf(mostEntries), PageToken: token,
		Filter: f.filter() + ` AND timestamp>="` + from.UTC().Format(time.RFC3339Nano) + `"`,
	}))
}

// unseen says whose log may not be read.
func (f *auditLog) unseen() []connectors.Blindness {
	var out []connectors.Blindness
	for _, c := range slices.Sorted(maps.Keys(f.refused)) {
		reason := f.refused[c].Error()
		if fault := connectors.AsFault(f.refused[c]); fault.Cure != "" {
			reason = fault.Cure
		}
		out = append(out, connectors.Blindness{Kinds: []events.Kind{events.KindActivity}, Reason: "the audit log of " + c + ": " + reason})
	}
	return out
}

// take reads the entries of a page: what they name goes on the cursor's list, and what they tell becomes records.
func (f *auditLog) take(ctx context.Context, cur *logCursor, asked time.Time, items []jsontext.Value) ([]connectors.Record, error) {
	var records []connectors.Record
	met := map[string]bool{}
	for _, item := range items {
		e, err := parseEntry(item)
		if err != nil {
			if id := events.Digest("entry", string(item)); cur.isNew(id, asked) { // it may hold anything: nothing of it is kept
				records = append(records, connectors.Record{Type: typeLogEntry, Body: jsontext.Value(`{"digest":"` + id + `"}`), Asked: asked})
			}
			continue
		}
		if !e.isActivity() {
			continue // of a sink that hands out more than was asked for
		}
		if !cur.isNew(events.Digest(e.LogName, e.Timestamp, e.InsertID), e.at) {
			continue
		}
		more, err := f.one(ctx, cur, e, asked, met)
		if err != nil {
			return nil, err
		}
		records = append(records, more...)
	}
	return records, nil
}

// one reads one entry that was not read before.
func (f *auditLog) one(ctx context.Context, cur *logCursor, e *logEntry, asked time.Time, met map[string]bool) ([]connectors.Record, error) {
	actor, err := f.actor(ctx, e)
	if err != nil {
		return nil, err
	}
	said := false
	if !e.at.Before(cur.Begin) {
		signals, err := f.signals(ctx, e, actor)
		if err != nil {
			return nil, err
		}
		for _, s := range signals {
			cur.add(s)
			said = said || s.What != readRun // most of which are no agents
		}
		f.wake(cur, e)
	}
	records, told, err := f.activity(ctx, cur, e, actor, asked)
	if err != nil {
		return nil, err
	}
	if said || told {
		records = append(records, f.people(ctx, e, asked, met)...)
	}
	return records, nil
}

func (f *auditLog) wake(cur *logCursor, e *logEntry) {
	says := e.effect()
	if e.failed() || e.begun() {
		return
	}
	f.wakes = append(f.wakes, says.wakes...)
	for _, feed := range says.lagged {
		cur.wakeAsItFollows(feed, e.at)
	}
}

// people are the records of the persons that an entry names and that the log does not know: their addresses stand nowhere else.
func (f *auditLog) people(ctx context.Context, e *logEntry, asked time.Time, met map[string]bool) []connectors.Record {
	var out []connectors.Record
	for _, p := range e.parties() {
		if !p.isPerson() || met[p.id] || connectors.IsKnown(ctx, events.Identity(events.KindPerson, personID(p.kind, p.id))) {
			continue
		}
		met[p.id] = true
		out = append(out, personRecord(p.kind, p.id, asked))
	}
	return out
}

// actor is who did it: the chain of the entry's parties, each by the id that the connection knows it by.
func (f *auditLog) actor(ctx context.Context, e *logEntry) (*events.Actor, error) {
	var first *events.Actor
	at := &first
	for _, p := range e.parties() {
		id, err := f.idOf(ctx, p)
		if err != nil {
			return nil, err
		}
		*at = &events.Actor{ID: id, Type: p.kind}
		at = &(*at).OnBehalf
	}
	return first, nil
}

// idOf is the id by which the connection knows a party.
func (f *auditLog) idOf(ctx context.Context, p party) (string, error) {
	switch {
	case p.isPerson():
		return personID(p.kind, p.id), nil
	case p.kind == "service_account":
		id, err := f.client.book.id(ctx, p.id)
		return word(id, accountMember+p.id), err
	case strings.HasPrefix(p.id, "principal://"):
		if engine, ok := engineOf(p.id); ok {
			return engine, nil
		}
	}
	return p.id, nil
}

var errNoEntry = errors.New("it is no entry of the audit log")
