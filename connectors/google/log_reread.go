package google

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
)

const (
	// chunk is how many things one pull reads again: a pull that fails repeats them all.
	chunk = 20

	// settling is how much older than its entry a thing's time of change may be and still show what the entry says.
	settling = 5 * time.Second

	// mostTries is how often a thing is read for one entry until it shows what the entry says, each time after twice as many
	// polls: half an hour in all. Google's answers about something new may be 404 or 403 for minutes. What stays unsettled is left
	// to the feed that audits it, which is woken.
	mostTries = 7

	// laterPolls is how many polls later something is read once more that does not tell whether it is up to date.
	laterPolls = 4
)

// reread reads what the cursor has on its list: a chunk of it, each once. What does not show yet what its entry says stays on the
// list.
func (f *auditLog) reread(ctx context.Context, cur *logCursor) ([]connectors.Record, error) {
	var records []connectors.Record
	var rest []signal
	read := 0
	for n, s := range cur.Todo {
		if s.Skip > 0 || read >= chunk {
			s.Skip = max(0, s.Skip-1)
			rest = append(rest, s)
			continue
		}
		read++
		got, settled, err := f.readOne(ctx, cur, s)
		fault := connectors.AsFault(err)
		switch {
		case fault != nil && (fault.Kind == connectors.Forbidden || fault.Kind == connectors.Gone):
			err = nil // its feed says so; what is new may refuse for a while
			settled = s.Want != wantThere
		case ctx.Err() != nil, fault != nil && read == 1:
			return nil, err
		case fault != nil:
			cur.Todo = append(rest, cur.Todo[n:]...)
			return records, nil // what was read is worth keeping
		}
		records = append(records, got...)
		s.Tries++
		switch {
		case err == nil && settled:
		case err == nil && s.Want == wantAgain && s.Tries > 1:
		case err == nil && s.Want == wantAgain:
			s.Skip = laterPolls
			rest = append(rest, s)
		case s.Tries < mostTries:
			s.Skip = 1 << (s.Tries - 1)
			rest = append(rest, s)
		default:
			f.wakes = append(f.wakes, auditOf[s.What])
		}
	}
	cur.Todo = rest
	return records, nil
}

// readOne reads one thing again. settled says that it shows what the entry tells.
func (f *auditLog) readOne(ctx context.Context, cur *logCursor, s signal) ([]connectors.Record, bool, error) {
	switch s.What {
	case readAccount:
		return f.readAccount(ctx, s)
	case readKeys:
		return f.readKeys(ctx, s)
	case readEngine:
		return f.readEngine(ctx, s)
	case readPolicy, readAccountPolicy, readEnginePolicy, readRunPolicy, readAppPolicy, readProviderPolicy, readPoolPolicy:
		return f.readPolicy(ctx, s)
	case readRun:
		return f.readRun(ctx, cur, s)
	case readGemini:
		return f.readGemini(ctx, s)
	case readBinding:
		return f.readBinding(ctx, s)
	case readProvider:
		return f.readProvider(ctx, s)
	case readRegistered:
		return f.readRegistryService(ctx, s)
	}
	return nil, true, nil // a later version's cursor
}

// absentNow is what it means that a thing is not found: it is gone if the entry says so, and with it the policy of its own, if it has
// one; if the entry says that it was made, the answer came too early; else another entry will tell.
func absentNow(s signal, id, resource string, restorable bool, asked time.Time) ([]connectors.Record, bool, error) {
	if !s.Gone || id == "" {
		return nil, s.Want != wantThere, nil
	}
	r, err := goneRecord(&s, id, restorable, asked)
	records := []connectors.Record{r}
	if resource != "" {
		p := policyGoneRecord(resource)
		p.Asked = asked
		s.prove(&p)
		records = append(records, p)
	}
	return records, true, err
}

// readAccount reads a service account. When one is deleted, only its uniqueId tells which one it was.
func (f *auditLog) readAccount(ctx context.Context, s signal) ([]connectors.Record, bool, error) {
	asked, at := f.client.now(), place{Project: s.Project}
	body, err := f.client.account(ctx, at, s.ID)
	if isStatus(err, http.StatusNotFound) {
		id := s.ID
		if strings.Contains(id, "@") {
			id = ""
			f.wakes = append(f.wakes, feedServiceAccounts)
		}
		return absentNow(s, id, accountResource(s.Project, id), true, asked)
	}
	if err != nil {
		return nil, false, err
	}
	var a serviceAccount
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, false, err
	}
	settled := !s.Gone && s.Want != wantAgain && (s.Want != wantDisabled || a.Disabled) && (s.Want != wantActive || !a.Disabled)
	r := connectors.Record{Type: typeServiceAccount, Body: body, Asked: asked, Context: map[string]string{ctxProject: s.Project}}
	if settled || s.Want == wantAgain {
		s.prove(&r)
	}
	return []connectors.Record{r}, settled, nil
}

// account reads one service account by its uniqueId or email.
func (c *client) account(ctx context.Context, at place, id string) (jsontext.Value, error) {
	a, err := c.fetch(ctx, c.get("iam", "v1/"+at.parent()+"/serviceAccounts/"+id, nil))
	if err != nil {
		return nil, err
	}
	return a.thing("uniqueId")
}

// thing is the body of an answer about one thing, secrets removed. Without the member that names it, it is none.
func (a *answer) thing(member string) (jsontext.Value, error) {
	m, err := a.object()
	if err != nil {
		return nil, err
	}
	if m[member].Kind() != '"' {
		return nil, a.broken("an object without its " + member)
	}
	return redact(a.body)
}

func (f *auditLog) readKeys(ctx context.Context, s signal) ([]connectors.Record, bool, error) {
	acc := account{UniqueID: s.ID}
	if strings.Contains(s.ID, "@") {
		id, err := f.client.book.id(ctx, s.ID)
		if err != nil || id == "" {
			return nil, err == nil, err
		}
		acc.UniqueID = id
	}
	asked, at := f.client.now(), place{Project: s.Project}
	body, err := f.client.keys(ctx, at, acc)
	if isStatus(err, http.StatusNotFound) {
		return nil, true, nil // the account is gone: its own entry tells
	}
	if err != nil {
		return nil, false, err
	}
	r := keysRecord(at, acc, body, asked)
	s.prove(&r)
	return []connectors.Record{r}, false, nil
}

// readEngine reads an engine. What is asked for by its name is not believed about another one.
func (f *auditLog) readEngine(ctx context.Context, s signal) ([]connectors.Record, bool, error) {
	asked, location := f.client.now(), strings.Split(s.ID, "/")[3]
	a, err := f.client.fetch(ctx, f.client.aiplatform(location, "v1/"+s.ID, "", 0))
	if isStatus(err, http.StatusNotFound) {
		return absentNow(s, s.ID, engineResource(s.ID), false, asked)
	}
	if err != nil {
		return nil, false, err
	}
	body, err := a.thing("name")
	if err != nil {
		return nil, false, err
	}
	var e reasoningEngine
	if err := json.Unmarshal(body, &e); err != nil || lastPart(e.Name) != lastPart(s.ID) {
		return nil, false, a.broken("another engine than the one that was asked for")
	}
	settled := !s.Gone && (s.Want != wantNewer || !when(e.UpdateTime).Before(s.At.Add(-settling)))
	r := connectors.Record{Type: typeReasoningEngine, Body: body, Asked: asked,
		Context: map[string]string{ctxProject: s.Project, ctxLocation: location}}
	if settled {
		s.prove(&r)
	}
	return []connectors.Record{r}, settled, nil
}
