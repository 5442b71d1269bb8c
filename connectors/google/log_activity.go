package google

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// The types of activities.
const (
	activityAdmin   = "admin_action"
	activityUnknown = events.ActivityUnknown
	activityGap     = "sync_gap"
	activityBounded = "activities_bounded"
)

// keptEntry is what is kept of a log entry: ids and words of Google's, and nobody's address.
type keptEntry struct {
	ID        string    `json:"id"`
	Time      time.Time `json:"time"`
	Service   string    `json:"service"`
	Method    string    `json:"method"`
	Resource  string    `json:"resource,omitzero"`
	Operation string    `json:"operation,omitzero"`
	Key       string    `json:"key,omitzero"` // id of the key that the caller proved itself with
	Type      string    `json:"type"`         // of the activity
	Failed    bool      `json:"failed,omitzero"`
}

// activity makes the record of what an agent did or what was done to one, unless the configuration leaves it out. told says that
// it was not left out, be it bounded. Of a long-running call its end is told.
func (f *auditLog) activity(ctx context.Context, cur *logCursor, e *logEntry, actor *events.Actor, asked time.Time) ([]connectors.Record, bool, error) {
	typ := activityAdmin
	if !e.isKnown() {
		typ = activityUnknown
	}
	if e.at.Before(cur.Tell) || e.begun() && !e.failed() || !f.client.log.wants(typ) {
		return nil, false, nil
	}
	about, err := f.about(ctx, e, actor)
	if err != nil || len(about) == 0 {
		return nil, false, err
	}
	var records []connectors.Record
	if left, over := cur.Minute.Move(e.at); over {
		r, err := boundedRecord(feedAuditLog, left, f.client.log.perMinute, asked)
		if err != nil {
			return nil, false, err
		}
		records = append(records, r)
	}
	if !cur.Minute.Count(f.client.log.perMinute) {
		return records, false, nil
	}
	kept := keptEntry{ID: e.id(), Time: e.at, Service: e.Audit.Service, Method: e.Audit.Method, Operation: e.Operation.ID, Type: typ,
		Resource: withoutPeople(e.Audit.Resource), Key: lastPart(e.Audit.Who.Key), Failed: e.failed()}
	body, err := events.Marshal(kept)
	if err != nil {
		return nil, false, err
	}
	r := connectors.Record{Type: typeLogEntry, Body: body, Asked: asked, Context: map[string]string{ctxAbout: strings.Join(about, "\n")}}
	prove(&r, kept.ID, e.at, actor, "")
	return append(records, r), true, nil
}

// withoutPeople leaves out of a resource's name what is an address of a person's.
func withoutPeople(resource string) string {
	parts := strings.Split(resource, "/")
	for i, p := range parts {
		if strings.Contains(p, "@") && !strings.Contains(p, "gserviceaccount.com") {
			parts[i] = "-"
		}
	}
	return strings.Join(parts, "/")
}

// about are the agents that the entry is about, sorted: those that it names, those whose roles it changes, and the one who did it.
func (f *auditLog) about(ctx context.Context, e *logEntry, actor *events.Actor) ([]string, error) {
	var out []string
	add := func(p party) error {
		switch {
		case p.kind == "agent":
			id, err := f.idOf(ctx, p)
			out = append(out, id)
			return err
		case p.kind == "service_account":
			id, err := f.client.book.id(ctx, p.id)
			if id != "" {
				out = append(out, id)
			}
			return err
		}
		return nil
	}
	for _, p := range e.parties() {
		if err := add(p); err != nil {
			return nil, err
		}
	}
	for _, d := range e.deltas() {
		if len(out) >= mostHolders {
			break
		}
		if err := add(partyOf(d.Member)); err != nil {
			return nil, err
		}
	}
	own, err := f.named(ctx, e)
	if err != nil {
		return nil, err
	}
	out = slices.DeleteFunc(append(out, own...), func(id string) bool { return id == "" })
	slices.Sort(out)
	return slices.Compact(out), nil
}

// named are the agents that the entry is about by its resource.
func (f *auditLog) named(ctx context.Context, e *logEntry) ([]string, error) {
	switch {
	case e.service() == "iam":
		id := e.account()
		if !strings.Contains(id, "@") {
			return []string{id}, nil
		}
		id, err := f.client.book.id(ctx, id)
		return []string{id}, err
	case e.service() == "aiplatform":
		return []string{e.named(engineIn)}, nil
	case e.service() == "discoveryengine":
		return []string{e.named(geminiIn)}, nil
	case e.service() == "run":
		spelled, err := f.client.dir.spell(ctx, e.project())
		if err != nil || spelled == "" {
			return nil, err
		}
		id, ok := runID(e.runService(), f.client.dir.number(spelled))
		if !ok || !connectors.IsKnown(ctx, events.Identity(events.KindAgent, id)) {
			return nil, nil // most services are no agents
		}
		return []string{id}, nil
	}
	return nil, nil
}

// normalizeLogEntry reads an entry as an activity of each agent that it is about.
func normalizeLogEntry(r connectors.Record) (connectors.Reading, error) {
	var e keptEntry
	if err := decode(r, &e); err != nil {
		return connectors.Reading{}, err
	}
	if e.ID == "" || e.Time.IsZero() || r.Context[ctxAbout] == "" {
		return connectors.Reading{}, errNoEntry
	}
	var reading connectors.Reading
	if err := proven(r, &reading); err != nil { // for the activity's own actor
		return connectors.Reading{}, err
	}
	outcome := "success"
	if e.Failed {
		outcome = "failure"
	}
	for _, holder := range strings.Split(r.Context[ctxAbout], "\n") {
		a := events.Activity{
			Holder: holder, Type: e.Type, ID: events.Digest(e.ID, holder), Native: e.Service + "/" + e.Method, Actor: reading.Actor,
			Outcome: outcome, Details: e.details(), Time: e.Time.UTC(),
		}
		if e.Resource != "" {
			a.Targets = []string{e.Resource}
		}
		reading.Activities = append(reading.Activities, a)
	}
	return reading, nil
}

func (e *keptEntry) details() map[string]string {
	d := map[string]string{"entry": e.ID}
	for name, value := range map[string]string{"operation": e.Operation, "key": e.Key} {
		if value != "" {
			d[name] = value
		}
	}
	return d
}

// personRecord is the record of somebody of whom the log tells an address and nothing else.
func personRecord(kind, email string, asked time.Time) connectors.Record {
	body, err := events.Marshal(map[string]string{"kind": kind, "email": email})
	if err != nil {
		body = jsontext.Value(`{}`)
	}
	return connectors.Record{Type: typePerson, Body: body, Asked: asked}
}

// peopleScope names those of whom the log tells. Nothing lists them.
const peopleScope = "people"

func normalizePerson(r connectors.Record) (connectors.Reading, error) {
	var p struct {
		Kind  string `json:"kind"`
		Email string `json:"email"`
	}
	if err := decode(r, &p); err != nil {
		return connectors.Reading{}, err
	}
	if p.Kind == "" || p.Email == "" {
		return connectors.Reading{}, missing(r, "address")
	}
	return connectors.Reading{Entities: []events.Entity{{
		Kind: events.KindPerson, Holder: personID(p.Kind, p.Email), Key: events.Self, Scope: peopleScope,
		Person: &events.Person{Native: p.Kind, Emails: []string{p.Email}, Status: events.StatusUnknown},
	}}}, nil
}
