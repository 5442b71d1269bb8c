package google

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const feedWorkspaceReports = "workspace-reports"

var errNotReported = errors.New("it is no activity that Workspace reports")

// mostActivities is the page size of reports: the API's maximum.
const mostActivities = 1000

// report is one list of activities: of an application, and of one kind of event where only that matters.
type report struct{ application, event string }

func (r report) String() string { return strings.TrimSuffix(r.application+"/"+r.event, "/") }

// The events that tell what an OAuth client may do.
//
// Sources: the Reports API's pages of admin and token activity events. A name that Workspace does not know makes it refuse, so that each
// is asked for by itself.
const (
	eventAuthorize   = "authorize"
	eventRevoke      = "revoke"
	eventDelegated   = "AUTHORIZE_API_CLIENT_ACCESS"
	eventUndelegated = "REMOVE_API_CLIENT_ACCESS"
)

// reportsOf are the reports of applications. Of consents to OAuth clients and of what administrators do only the events are read that
// tell what agents may do: the others are what everybody does all day.
func reportsOf(applications []string) (out []report) {
	for _, a := range applications {
		switch a {
		case "token":
			out = append(out, report{a, eventAuthorize}, report{a, eventRevoke})
		case "admin":
			out = append(out, report{a, eventDelegated}, report{a, eventUndelegated})
		default:
			out = append(out, report{application: a})
		}
	}
	return out
}

// lasts reports whether what a report tells stands for long, so that what it told before the feed's start matters.
func (r report) lasts() bool { return r.event != "" }

// workspaceReports follows the reports of Workspace: admin/reports/v1 activities.list, in the name of an administrator. Nothing can be
// read again of what they tell, so that what they tell is all there is: a consent that was given before they begin is not known.
type workspaceReports struct {
	client  *client
	reports []report
	of      string // digest of what is read

	learned int              // what was known of the agents' OAuth clients at the last poll
	refused map[string]error // reports that may not be read, in this poll
	gemini  map[string][]string
}

func newWorkspaceReports(c *client) *workspaceReports {
	f := &workspaceReports{client: c, reports: reportsOf(c.workspace.applications), refused: map[string]error{}}
	parts := []string{c.workspace.admin}
	for _, r := range f.reports {
		parts = append(parts, r.String())
	}
	f.of = events.Digest(parts...)
	return f
}

func (f *workspaceReports) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur := f.resume(from)
	var records []connectors.Record
	if now := f.client.now(); cur.Poll != nil || !now.Before(cur.Start) {
		if cur.Poll == nil {
			if oldest := now.Add(-reportsKept); !cur.At.IsZero() && cur.At.Before(oldest) {
				records = append(records, *gapOf(feedWorkspaceReports, cur.At, oldest, "Workspace's reports were not read for longer than they are kept", now))
			}
			learned := f.client.clients.learned()
			cur.begin(now, learned, learned != f.learned, cur.back(ctx))
			f.learned = learned
			clear(f.refused)
		}
		read, err := f.next(ctx, &cur)
		if err != nil {
			return connectors.Page{}, err
		}
		records = append(records, read...)
	}
	next, err := events.Marshal(cur)
	if err != nil {
		return connectors.Page{}, err
	}
	return connectors.Page{Records: records, Next: next, More: cur.Poll != nil, Blind: f.unseen()}, nil
}

// next reads one page of the poll under way. A report that may not be read is passed over; when none may, the feed may not.
func (f *workspaceReports) next(ctx context.Context, cur *reportsCursor) ([]connectors.Record, error) {
	p := *cur.Poll
	cur.Poll = &p
	if p.Report >= len(f.reports) { // of a version with more of them
		cur.finish()
		return nil, nil
	}
	r, asked := f.reports[p.Report], f.client.now()
	since := cur.since(r)
	cur.Again = cur.Again || r.lasts() && asked.Sub(since) > reportsLate+reportsBack && f.client.clients.learned() == 0
	l, err := f.read(ctx, r, since, p.Token)
	_, answered := errors.AsType[*refusedError](err)
	refused := answered && isRefusal(err)
	if refused {
		f.refused[r.String()] = err
		cur.leave(r)
		l, err = listing{}, nil
		if len(f.refused) == len(f.reports) {
			return nil, f.refused[f.reports[0].String()]
		}
	}
	if err != nil {
		return nil, err
	}
	records, err := f.take(ctx, cur, r, asked, l.items)
	if err != nil {
		return nil, err
	}
	for i := range records {
		cur.tell(&records[i])
	}
	p.Pages++
	if p.Token = l.next; p.Token == "" {
		p.Report++
		if !refused {
			delete(cur.Behind, r.String())
		}
	}
	if p.Report == len(f.reports) {
		cur.finish()
		if left, over := cur.Minute.Close(f.client.now(), len(l.items) == 0); over {
			b, err := boundedRecord(feedWorkspaceReports, left, f.client.log.perMinute, asked)
			return append(records, b), err
		}
	}
	return records, nil
}

// read reads one page of a report. A page token that has expired begins the report anew.
func (f *workspaceReports) read(ctx context.Context, r report, since time.Time, token string) (listing, error) {
	q := url.Values{"startTime": {since.UTC().Format("2006-01-02T15:04:05.000Z")}, "maxResults": {strconv.FormatInt(f.client.pageOf(mostActivities), 10)}}
	if r.event != "" {
		q.Set("eventName", r.event)
	}
	if token != "" {
		q.Set("pageToken", token)
	}
	a, err := f.client.fetchAs(ctx, &f.client.admin, f.client.get("admin", "admin/reports/v1/activity/users/all/applications/"+r.application, q))
	if token != "" && isStatus(err, http.StatusBadRequest) {
		return f.read(ctx, r, since, "")
	}
	if err != nil {
		return listing{}, f.client.workspaceFault(err)
	}
	l, err := a.listing("items")
	if err == nil && token != "" && l.next == token {
		err = a.broken("its next page is the page itself")
	}
	return l, err
}

// unseen says which reports may not be read.
func (f *workspaceReports) unseen() []connectors.Blindness {
	var out []connectors.Blindness
	for _, name := range slices.Sorted(maps.Keys(f.refused)) {
		reason := f.refused[name].Error()
		if fault := connectors.AsFault(f.refused[name]); fault != nil && fault.Cure != "" {
			reason = fault.Cure
		}
		out = append(out, connectors.Blindness{Kinds: reportKinds, Reason: "Workspace's report " + name + ": " + reason})
	}
	return out
}

// reportKinds are what reports tell of.
var reportKinds = []events.Kind{events.KindDelegation, events.KindActivity}

// take makes records of what a page tells of agents.
func (f *workspaceReports) take(ctx context.Context, cur *reportsCursor, r report, asked time.Time, items []jsontext.Value) ([]connectors.Record, error) {
	var records []connectors.Record
	met := map[string]bool{}
	f.gemini = nil
	for _, item := range items {
		a, err := parseReported(item)
		if err != nil {
			if id := events.Digest("reported", string(item)); cur.isNew(id, asked) { // it may hold anything: nothing of it is kept
				records = append(records, connectors.Record{Type: typeWorkspaceAction, Body: jsontext.Value(`{"digest":"` + id + `"}`), Asked: asked})
			}
			continue
		}
		more, err := f.one(ctx, cur, r, a, asked, met)
		if err != nil {
			return nil, err
		}
		records = append(records, more...)
	}
	return records, nil
}
