package okta

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// settling is how much older than its entry an object's stamp may be and still show what the entry says.
const settling = 5 * time.Second

// mostTries is how often an object is read for one entry, until it shows what the entry says. Then it is left to the lists.
const mostTries = 3

// mostErrors is how often an object is read that cannot be, each time after twice as many polls: three quarters of an hour in all. Then it is
// left to the feed that audits it, which is woken.
const mostErrors = 10

// mostAgain bounds what a start from nothing in the middle of a process reads once more.
const mostAgain = 100

// reread reads what the cursor has on its list: a chunk of it, each once. What does not yet show what its entry says stays on
// the list for the next poll.
func (f *logFeed) reread(ctx context.Context, cur *logCursor) ([]connectors.Record, error) {
	var records []connectors.Record
	var rest []signal
	gone := map[string]bool{}
	read := 0
	f.more = nil
	for n, s := range cur.Todo {
		switch {
		case gone[s.ID]:
			continue
		case s.Skip > 0:
			s.Skip--
			rest = append(rest, s)
			continue
		case read >= chunk:
			rest = append(rest, s)
			continue
		}
		read++
		got, settled, err := f.readOne(ctx, cur, s)
		fault := connectors.AsFault(err)
		switch {
		case fault != nil && fault.Kind == connectors.Forbidden:
			if p := partNamed(s.What); p != nil && f.client.isBarred(p) {
				continue // its walk says so, and reads all of it once it may
			}
		case ctx.Err() != nil, fault != nil && read == 1:
			return nil, err
		case fault != nil:
			cur.Todo = slices.Concat(rest, cur.Todo[n:], f.more)
			return records, nil // what was read is worth keeping
		}
		records = append(records, got...)
		gone[s.ID] = s.Gone && settled && err == nil
		switch s.Tries++; {
		case err != nil && s.Tries < mostErrors:
			s.Skip = 1 << min(s.Tries-1, 6)
			rest = append(rest, s)
		case err != nil:
			f.wakes = append(f.wakes, auditOf[s.What])
		case !settled && s.Tries < mostTries:
			rest = append(rest, s)
		}
		f.remember(s)
	}
	cur.Todo = slices.DeleteFunc(append(rest, f.more...), func(s signal) bool { return gone[s.ID] })
	return records, nil
}

// auditOf is the feed that shows what a signal says to read.
var auditOf = map[string]string{
	readAgent: "ai-agents", readApp: "service-apps", readToken: "api-tokens", readOwners: "owners", readKeys: "agent-keys",
	readConnections: "connections", readDelegations: "connections", readAppKeys: "app-credentials", readGrants: "app-grants",
	readRoles: "app-roles", readPerson: "people",
}

func (f *logFeed) remember(s signal) {
	f.again = slices.DeleteFunc(f.again, func(t signal) bool { return t.What == s.What && t.ID == s.ID })
	if f.again = append(f.again, s); len(f.again) > mostAgain {
		f.again = slices.Delete(f.again, 0, len(f.again)-mostAgain)
	}
}

// readOne reads one object again. settled says that it shows what the entry tells. An object that is not there is gone only if
// an entry says that it was deleted: any other 404 may be an answer that came too early, or a thing of another kind.
func (f *logFeed) readOne(ctx context.Context, cur *logCursor, s signal) (records []connectors.Record, settled bool, err error) {
	began := f.client.now()
	records, settled, err = f.readWhat(ctx, cur, s)
	if missingObject(err) {
		if !s.Gone {
			return nil, s.Want != wantNew, nil
		}
		f.client.roll.gone(s.ID)
		r, err := goneRecord(s, began)
		return []connectors.Record{r}, true, err
	}
	gone := slices.ContainsFunc(records, func(r connectors.Record) bool { return r.Type == typeGone })
	if settled && s.Gone == gone || s.Want == wantNew {
		for i := range records {
			s.prove(&records[i])
		}
	}
	return records, settled && s.Gone == gone, err
}

func (f *logFeed) readWhat(ctx context.Context, cur *logCursor, s signal) (records []connectors.Record, settled bool, err error) {
	switch s.What {
	case readAgent:
		return f.readAgent(ctx, cur, s)
	case readApp:
		return f.readApp(ctx, cur, s)
	case readAppKeys, readGrants, readRoles:
		if service, err := f.isService(ctx, s.ID); err != nil || !service {
			return nil, err == nil, err
		}
		if s.What == readAppKeys && f.client.isBarred(partAppKeys) { // the app itself shows some of them
			return f.readApp(ctx, cur, s)
		}
	}
	p := partNamed(s.What)
	if p == nil {
		return nil, true, nil // a later version's cursor
	}
	records, _, err = p.read(ctx, f.client, s.ID)
	return records, err == nil, err
}

// object reads one thing by its id. An answer about anything else is not believed.
func (c *client) object(ctx context.Context, path, id string) (*answer, error) {
	a, err := c.get(ctx, path+"/"+url.PathEscape(id))
	if err != nil {
		return nil, err
	}
	var is struct {
		ID text `json:"id"`
	}
	if err := json.Unmarshal(a.body, &is); err != nil {
		return nil, misshapen(a, "an object", err)
	}
	if string(is.ID) != id {
		return nil, misshapen(a, "the object that was asked for", errors.New("its id is another or missing"))
	}
	return a, nil
}

// readAgent reads an agent. When it is linked to another app now, the apps are read again, whose class depends on it.
func (f *logFeed) readAgent(ctx context.Context, cur *logCursor, s signal) ([]connectors.Record, bool, error) {
	a, err := f.client.object(ctx, agentsPath, s.ID)
	if err != nil {
		return nil, false, err
	}
	_, relinked := f.client.roll.agent(a.body, a.asked)
	for _, app := range relinked {
		f.more = append(f.more, signal{What: readApp, ID: app, LogID: s.LogID, At: s.At, Actor: s.Actor})
	}
	w := optional[wireAgent](a.body)
	r, err := a.record(typeAgent, a.body, nil)
	if err != nil {
		return nil, false, err
	}
	records := append([]connectors.Record{r}, f.wholeOf(ctx, cur, s, agentParts)...)
	return records, s.shows(w.Status, w.Updated), nil
}

func (f *logFeed) readApp(ctx context.Context, cur *logCursor, s signal) ([]connectors.Record, bool, error) {
	a, err := f.app(ctx, s.ID)
	if err != nil {
		return nil, false, err
	}
	app, ref, err := peekApp(a.body, a.asked)
	if err != nil {
		return nil, false, misshapen(a, "an app", err)
	}
	r, service, err := f.client.appRecord(ctx, a, a.body)
	if err != nil || !service {
		return nil, err == nil, err
	}
	want := appParts
	if s.New { // what it is given later has entries of its own
		want = nil
	}
	if ref.keys && s.New {
		want = []*part{partAppKeys}
	}
	records := append([]connectors.Record{r}, f.wholeOf(ctx, cur, s, want)...)
	return records, s.shows(app.Status, app.Updated), nil
}

// wholeOf reads what hangs on something that the log does not know yet, but for what is on the list anyway.
func (f *logFeed) wholeOf(ctx context.Context, cur *logCursor, s signal, want []*part) []connectors.Record {
	if s.Tries > 0 || connectors.IsKnown(ctx, events.Identity(events.KindAgent, s.ID)) {
		return nil
	}
	listed := func(p *part) bool {
		return slices.ContainsFunc(cur.Todo, func(t signal) bool { return t.What == p.name && t.ID == s.ID })
	}
	want = slices.DeleteFunc(slices.Clone(want), listed)
	if s.New && s.What == readAgent { // an agent that has just been made has nothing else
		want = nil
	}
	records, wakes := f.client.whole(ctx, []string{s.ID}, want, append(slices.Clone(agentWalks), appWalks...))
	f.wakes = append(f.wakes, wakes...)
	return records
}

// shows reports whether an object's state is what the entry says, or later.
func (s *signal) shows(status, updated text) bool {
	switch s.Want {
	case "":
		return true
	case wantNew:
		at := updated.time()
		return at.IsZero() || !at.Before(s.At.Add(-settling))
	}
	return string(status) == s.Want
}

// holders are the agents and the service apps that an entry is about. Okta's entries call all apps alike, so an app that no
// listing has shown is looked up.
func (f *logFeed) holders(ctx context.Context, e *wireEntry) ([]string, error) {
	holders, apps := e.named()
	agents, clients := e.parties()
	if holders = sortedOnce(append(holders, agents...)); e.activity() == activityUnknown {
		return holders, nil
	}
	for _, id := range sortedOnce(append(apps, clients...)) {
		service, err := f.isService(ctx, id)
		if fault := connectors.AsFault(err); err != nil && !missingObject(err) && (fault == nil || fault.Kind != connectors.Forbidden) {
			return nil, err
		}
		if service {
			holders = append(holders, id)
		}
	}
	return sortedOnce(holders), nil
}

// isService reports whether an app is a service app. One that no listing has shown is looked up once.
func (f *logFeed) isService(ctx context.Context, id string) (bool, error) {
	if service, known := f.client.roll.isService(id); known {
		return service, nil
	}
	a, err := f.app(ctx, id)
	if err != nil {
		return false, err
	}
	_, ref, err := peekApp(a.body, a.asked)
	f.client.roll.app(id, ref)
	return ref.service && err == nil, nil
}

// app reads an app, once in each pull.
func (f *logFeed) app(ctx context.Context, id string) (*answer, error) {
	if a := f.looked[id]; a != nil {
		return a, nil
	}
	a, err := f.client.object(ctx, appsPath, id)
	if err == nil {
		f.looked[id] = a
	}
	return a, err
}
