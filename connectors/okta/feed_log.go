package okta

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// logsPath is the System Log.
const logsPath = "/api/v1/logs"

// logPage is how many entries one request asks for, well below the vendor's 1,000: what a page names is read again one by one.
const logPage = 200

// logFeed polls the System Log by the vendor's own next link, which never ends and orders by arrival, so that late entries are
// not missed. An entry is a signal: what it names is read again and told as the record that the list feeds bring, with the
// entry as evidence. The lists stay the truth; what cannot be read again here, they will show.
type logFeed struct {
	client *client
	opts   logOptions

	last  *logCursor // of this process: a start from nothing in its middle goes on from here
	wakes []string   // feeds that the entries of a page tell to pull
	more  []signal   // what the things that were read again lead to

	looked map[string]*answer // apps that this pull has read
	again  []signal           // read since: a start from nothing reads them once more
	most   int                // the most entries that a page has had
	before int                // the entries of the page before
}

// fewEntries are too few for a page to be thought full at once.
const fewEntries = 20

func (f *logFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	begins := len(from) == 0 && f.last == nil // nobody has followed the log so far: nothing is known of what was before
	cur, gap := f.resume(from)
	f.wakes, f.looked = nil, map[string]*answer{}
	var records []connectors.Record
	if gap != nil {
		records = append(records, *gap)
	}
	full := false
	if !cur.hasFresh() { // what earlier pages have named comes first
		read, whole, err := f.poll(ctx, &cur)
		if err != nil {
			return connectors.Page{}, err
		}
		records, full = append(records, read...), whole
	}
	reread, err := f.reread(ctx, &cur)
	if err != nil {
		return connectors.Page{}, err
	}
	next, err := events.Marshal(cur)
	if err != nil {
		return connectors.Page{}, err
	}
	f.last = &cur
	return connectors.Page{Records: append(records, reread...), Next: next, More: full || cur.hasFresh(), Lost: gap != nil || begins, Wakes: f.wakes}, nil
}

// poll reads the entries that follow the cursor, and moves it behind them. full says that there may be more at once.
func (f *logFeed) poll(ctx context.Context, cur *logCursor) (records []connectors.Record, full bool, err error) {
	l, a, err := f.entries(ctx, cur)
	if err != nil {
		return nil, false, err
	}
	for _, item := range l.items {
		more, err := f.take(ctx, cur, a, item)
		if err != nil {
			return nil, false, err
		}
		records = append(records, more...)
	}
	if l.next != "" {
		cur.Next = l.next
	}
	cur.At = f.client.vendorNow()
	if left, ok := cur.Minute.Close(cur.At, len(l.items) == 0); ok {
		r, err := boundedRecord(a, left, f.opts.perMinute)
		if err != nil {
			return nil, false, err
		}
		records = append(records, r)
	}
	return records, f.isFull(len(l.items)), nil
}

// isFull reports whether a page may have left something out. The vendor may give less than is asked for, so the largest page so
// far is what full means. A few entries after an empty page are just what has happened: asking again would cost a call for each.
func (f *logFeed) isFull(n int) bool {
	full := n > 0 && n >= f.most && (n > fewEntries || f.before > 0)
	f.most, f.before = max(f.most, n), n
	return full
}

// entries reads one page. A next link that the vendor no longer takes is replaced by the time of the last answer, a little
// overlapping: nothing is lost within the log's retention.
func (f *logFeed) entries(ctx context.Context, cur *logCursor) (list, *answer, error) {
	a, err := f.client.get(ctx, cur.Next)
	if fault := connectors.AsFault(err); fault != nil && fault.Kind == connectors.CursorExpired {
		cur.Next = f.since(cur.At.Add(-overlap))
		a, err = f.client.get(ctx, cur.Next)
	}
	if err != nil {
		return list{}, nil, err
	}
	l, err := readLog(f.client, a)
	return l, a, err
}

// readLog reads a page of the log, whose next link may lead to the same place: there is nothing new then.
func readLog(c *client, a *answer) (list, error) {
	link, err := headerLink(a.header, "next")
	if err != nil {
		return list{}, fmt.Errorf("okta: %s: %w", a.place(), err)
	}
	header := a.header
	a.header = a.header.Clone()
	a.header.Del("Link")
	l, err := readArray(c, a)
	a.header = header
	if err != nil {
		return list{}, err
	}
	if link == "" && len(l.items) > 0 {
		return list{}, fmt.Errorf("okta: %s answered entries without a next link: where the log goes on is not known", a.place())
	}
	if link != "" {
		if l.next, err = c.follow(link); err == nil && pathOf(l.next) != logsPath {
			err = errors.New("the next link leads away from the log")
		}
	}
	if err != nil {
		return list{}, fmt.Errorf("okta: %s: %w", a.place(), err)
	}
	return l, nil
}

// since is the target that begins to poll at a time.
func (f *logFeed) since(at time.Time) string {
	q := url.Values{"limit": {strconv.Itoa(min(logPage, f.client.page))}, "since": {at.UTC().Format("2006-01-02T15:04:05.000Z")},
		"filter": {f.opts.filter()}}
	return logsPath + "?" + encode(q)
}

// take reads one entry: what it names goes on the cursor's list, and what it tells becomes a record.
func (f *logFeed) take(ctx context.Context, cur *logCursor, a *answer, item jsontext.Value) ([]connectors.Record, error) {
	e, err := parseEntry(item)
	if err != nil {
		r, err := a.record(typeEntry, item, nil)
		return []connectors.Record{r}, err
	}
	if !cur.isNew(&e) {
		return nil, nil
	}
	if !e.Published.time().Before(cur.Begin) {
		f.wakes = append(f.wakes, e.wakes()...)
		for _, s := range e.signals() {
			if s.What == readPerson && !connectors.IsKnown(ctx, events.Identity(events.KindPerson, s.ID)) {
				continue // nobody of whom anything is told
			}
			f.client.roll.learnORN(s.ORN)
			cur.add(s)
		}
	}
	return f.activity(ctx, cur, a, &e)
}

// activity makes the record of what an agent did or what was done to it, unless the configuration leaves it out.
func (f *logFeed) activity(ctx context.Context, cur *logCursor, a *answer, e *wireEntry) ([]connectors.Record, error) {
	if !f.opts.wants(e.activity()) {
		return nil, nil
	}
	holders, err := f.holders(ctx, e)
	if err != nil || len(holders) == 0 {
		return nil, err
	}
	var records []connectors.Record
	left, ok := cur.Minute.Move(e.Published.time())
	if ok {
		r, err := boundedRecord(a, left, f.opts.perMinute)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	if !cur.Minute.Count(f.opts.perMinute) {
		return records, nil
	}
	r, err := entryRecord(a, e, holders)
	return append(records, r), err
}
