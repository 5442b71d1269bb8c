package okta

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
)

// settling is how much older than its entry an object's stamp may be and still show what the entry says.
const settling = 5 * time.Second

// mostTries is how often an object is read for one entry, until it shows what the entry says. Then it is left to the lists.
const mostTries = 3

// mostAgain bounds what a start from nothing in the middle of a process reads once more.
const mostAgain = 100

// reread reads what the cursor has on its list: a chunk of it, each once. What does not yet show what its entry says stays on
// the list for the next poll.
func (f *logFeed) reread(ctx context.Context, cur *logCursor) ([]connectors.Record, error) {
	var records []connectors.Record
	var rest []signal
	gone := map[string]bool{}
	read := 0
	for n, s := range cur.Todo {
		switch {
		case gone[s.ID]:
			continue
		case read >= chunk:
			rest = append(rest, s)
			continue
		}
		read++
		got, settled, err := f.readOne(ctx, s)
		fault := connectors.AsFault(err)
		switch {
		case fault != nil && fault.Kind == connectors.Forbidden:
			continue // the feed that lists it says so
		case ctx.Err() != nil, fault != nil && read == 1:
			return nil, err
		case fault != nil:
			cur.Todo = append(rest, cur.Todo[n:]...)
			return records, nil // what was read is worth keeping
		}
		records = append(records, got...)
		gone[s.ID] = s.Gone && settled && err == nil
		if s.Tries++; (err != nil || !settled) && s.Tries < mostTries {
			rest = append(rest, s)
		}
		f.remember(s)
	}
	cur.Todo = slices.DeleteFunc(rest, func(s signal) bool { return gone[s.ID] })
	return records, nil
}

func (f *logFeed) remember(s signal) {
	f.again = slices.DeleteFunc(f.again, func(t signal) bool { return t.What == s.What && t.ID == s.ID })
	if f.again = append(f.again, s); len(f.again) > mostAgain {
		f.again = slices.Delete(f.again, 0, len(f.again)-mostAgain)
	}
}

// readOne reads one object again. settled says that it shows what the entry tells. An object that is not there is gone only if
// an entry says that it was deleted: any other 404 may be an answer that came too early, or a thing of another kind.
func (f *logFeed) readOne(ctx context.Context, s signal) (records []connectors.Record, settled bool, err error) {
	began := f.client.now()
	records, settled, err = f.readWhat(ctx, s)
	if missingObject(err) {
		if !s.Gone {
			return nil, s.Want != wantNew, nil
		}
		r, err := goneRecord(s, began)
		return []connectors.Record{r}, true, err
	}
	if settled && !s.Gone || s.Want == wantNew {
		for i := range records {
			s.prove(&records[i])
		}
	}
	return records, settled && !s.Gone, err
}

func (f *logFeed) readWhat(ctx context.Context, s signal) ([]connectors.Record, bool, error) {
	c := f.client
	switch s.What {
	case readAgent:
		return f.readAgent(ctx, s)
	case readApp:
		return f.readApp(ctx, s)
	case readKeys:
		r, err := c.small(ctx, agentRef{id: s.ID}, typeKeys, agentRef{id: s.ID}.path("/credentials/jwks"))
		return one(r, err)
	case readConnections:
		r, err := c.small(ctx, agentRef{id: s.ID}, typeConnections, c.target(agentRef{id: s.ID}.path("/connections"), maxPage, ""))
		return one(r, err)
	}
	a, err := c.withORN(ctx, s)
	if err != nil || a.orn == "" {
		return nil, true, err
	}
	if s.What == readDelegations {
		rs, _, err := c.delegationLinks(ctx, a)
		return rs, true, err
	}
	r, err := c.small(ctx, a, typeOwners, c.target(ownersPath, maxPage, `parentResourceOrn eq "`+a.orn+`"`))
	return one(r, err)
}

func one(r connectors.Record, err error) ([]connectors.Record, bool, error) {
	if err != nil {
		return nil, false, err
	}
	return []connectors.Record{r}, true, nil
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

func (f *logFeed) readAgent(ctx context.Context, s signal) ([]connectors.Record, bool, error) {
	a, err := f.client.object(ctx, agentsPath, s.ID)
	if err != nil {
		return nil, false, err
	}
	w := optional[wireAgent](a.body)
	f.client.refs([]jsontext.Value{a.body}) // learns what ORNs begin with
	r, err := a.record(typeAgent, a.body, nil)
	return []connectors.Record{r}, s.shows(w.Status, w.Updated), err
}

func (f *logFeed) readApp(ctx context.Context, s signal) ([]connectors.Record, bool, error) {
	a, err := f.client.object(ctx, appsPath, s.ID)
	if err != nil {
		return nil, false, err
	}
	app, service, err := peekApp(a.body)
	if err != nil {
		return nil, false, misshapen(a, "an app", err)
	}
	f.client.apps.note(s.ID, service)
	about, known := f.client.apps.about(s.ID)
	if !service || !known { // without its links it is left to the listing of apps, which learns them first
		return nil, true, nil
	}
	r, err := a.record(typeApp, a.body, about)
	return []connectors.Record{r}, s.shows(app.Status, app.Updated), err
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

// withORN finds an agent's ORN, reading the agent if nothing else tells it.
func (c *client) withORN(ctx context.Context, s signal) (agentRef, error) {
	a := agentRef{id: s.ID, orn: s.ORN}
	if prefix := c.ornPrefix.Load(); a.orn == "" && prefix != nil {
		a.orn = *prefix + a.id
	}
	if a.orn != "" {
		return a, nil
	}
	got, err := c.object(ctx, agentsPath, s.ID)
	if err != nil {
		return a, err
	}
	if refs := c.refs([]jsontext.Value{got.body}); len(refs) == 1 {
		a = refs[0]
	}
	return a, nil
}

// holders are the agents and the service apps that an entry is about. Okta's entries call all apps alike, so an app that no
// listing has shown is looked up once.
func (c *client) holders(ctx context.Context, e *wireEntry) ([]string, error) {
	holders, apps := e.named()
	agents, clients := e.parties()
	if holders = sortedOnce(append(holders, agents...)); e.activity() == activityUnknown {
		return holders, nil
	}
	for _, id := range sortedOnce(append(apps, clients...)) {
		service, known := c.apps.isService(id)
		if !known {
			a, err := c.object(ctx, appsPath, id)
			if f := connectors.AsFault(err); err != nil && !missingObject(err) && (f == nil || f.Kind != connectors.Forbidden) {
				return nil, err
			}
			if err != nil {
				continue
			}
			_, service, _ = peekApp(a.body)
			c.apps.note(id, service)
		}
		if service {
			holders = append(holders, id)
		}
	}
	return sortedOnce(holders), nil
}
