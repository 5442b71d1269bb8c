package google

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// The types of records that reports bring.
const (
	typeWorkspaceAgent  = "workspace_agent"
	typeWorkspaceGrant  = "workspace_grant"
	typeWorkspaceAction = "workspace_action"
)

// The types of activities.
const (
	activityWorkspace = "workspace_action"
	activityDelegated = "domain_wide_delegation" // to a client that is no agent of the connection's
)

// keptAgent is what is kept of an agent that an activity is attributed to.
type keptAgent struct {
	ID     string    `json:"id"`
	Holder string    `json:"holder"`
	Name   string    `json:"name,omitzero"`
	Type   string    `json:"type,omitzero"`
	Owner  string    `json:"owner,omitzero"` // a person's id
	Known  bool      `json:"known,omitzero"` // another list shows it
	Time   time.Time `json:"time"`
}

// keptGrant is what is kept of a change of what an OAuth client may do.
type keptGrant struct {
	Client   string    `json:"client"`
	Name     string    `json:"name,omitzero"`
	Scopes   []string  `json:"scopes,omitzero"`
	Person   string    `json:"person"` // a person's id, or everyone
	Source   string    `json:"source"`
	Customer string    `json:"customer,omitzero"`
	Gone     bool      `json:"gone,omitzero"`
	Time     time.Time `json:"time"`
}

// keptAction is what is kept of something that an agent did.
type keptAction struct {
	ID          string    `json:"id"`
	Time        time.Time `json:"time"`
	Application string    `json:"application"`
	Events      []string  `json:"events,omitzero"`
	Client      string    `json:"client,omitzero"`
	Scopes      []string  `json:"scopes,omitzero"`
	Type        string    `json:"type"` // of the activity
}

// The sources of delegations that reports tell of.
const (
	sourceConsent = "oauth_consent"
	sourceDomain  = "domain_wide_delegation"
)

// grants are the records of what the activity says agents may do from now on, or no more: for a person who consents to an agent's OAuth
// client, or to whatever client an agent authorizes in the person's name; for everybody, when an administrator delegates the domain to a
// service account.
func (f *workspaceReports) grants(ctx context.Context, r report, a *reported, doers []string, actor *events.Actor, asked time.Time) ([]connectors.Record, error) {
	var out []connectors.Record
	for _, e := range a.Events {
		k := keptGrant{Customer: a.ID.Customer, Time: a.at, Gone: e.Name == eventRevoke || e.Name == eventUndelegated}
		var holders []string
		switch {
		case r.application == "token" && (e.Name == eventAuthorize || e.Name == eventRevoke):
			p := partyOf(a.Actor.Email)
			if k.Client = oneParameter(e.Parameters, "client_id"); k.Client == "" || p.kind != "user" {
				continue
			}
			k.Name, k.Scopes, k.Source = oneParameter(e.Parameters, "app_name"), scopesIn(e.Parameters, "scope"), sourceConsent
			k.Person = personID(p.kind, p.id)
			holders = append(slices.Clone(f.agentsOf(ctx, k.Client)), doers...)
		case r.application == "admin" && (e.Name == eventDelegated || e.Name == eventUndelegated):
			k.Client, k.Scopes = oneParameter(e.Parameters, "API_CLIENT_NAME"), scopesIn(e.Parameters, "API_SCOPES")
			k.Name, k.Source, k.Person = oneParameter(e.Parameters, "DOMAIN_NAME"), sourceDomain, events.Everyone
			holders = f.agentsOf(ctx, k.Client)
		}
		if len(holders) == 0 {
			continue
		}
		slices.Sort(holders)
		body, err := events.Marshal(k)
		if err != nil {
			return nil, err
		}
		g := connectors.Record{Type: typeWorkspaceGrant, Body: body, Asked: asked,
			Context: map[string]string{ctxAbout: strings.Join(slices.Compact(holders), "\n")}}
		prove(&g, a.id(), a.at, actor, "")
		out = append(out, g)
	}
	return out, nil
}

// acts are the records of what an agent did, unless the configuration leaves it out or it was told before. A delegation of the domain to
// a client that is nobody's here is told of the connection: it may be an agent of somebody else's.
func (f *workspaceReports) acts(cur *reportsCursor, r report, a *reported, doers []string, actor *events.Actor, granted bool, asked time.Time) ([]connectors.Record, error) {
	k := keptAction{ID: a.id(), Time: a.at, Application: a.ID.Application, Events: a.names(), Client: a.Actor.App.Client, Type: activityWorkspace}
	stranger := r.application == "admin" && !granted && len(a.Events) > 0
	switch {
	case stranger:
		e := a.Events[0]
		k.Type, k.Client, k.Scopes = activityDelegated, oneParameter(e.Parameters, "API_CLIENT_NAME"), scopesIn(e.Parameters, "API_SCOPES")
	case len(doers) == 0 && !a.Agentic:
		return nil, nil
	}
	if !f.client.log.wants(k.Type) || !cur.isNew(k.ID, a.at) {
		return nil, nil
	}
	var out []connectors.Record
	if left, over := cur.Minute.Move(a.at); over {
		b, err := boundedRecord(feedWorkspaceReports, left, f.client.log.perMinute, asked)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	if !cur.Minute.Count(f.client.log.perMinute) {
		return out, nil
	}
	about := doers
	if stranger || len(about) == 0 {
		about = []string{events.ConnectionHolder}
	}
	body, err := events.Marshal(k)
	if err != nil {
		return nil, err
	}
	act := connectors.Record{Type: typeWorkspaceAction, Body: body, Asked: asked, Context: map[string]string{ctxAbout: strings.Join(about, "\n")}}
	prove(&act, k.ID, a.at, actor, "")
	return append(out, act), nil
}

// workspaceScope names what reports tell of. Nothing lists it.
const workspaceScope = "workspace"

// normalizeWorkspaceAgent reads an agent that only reports tell of, and who owns one, be it such a one or another.
func normalizeWorkspaceAgent(r connectors.Record) (connectors.Reading, error) {
	var k keptAgent
	if err := decode(r, &k); err != nil {
		return connectors.Reading{}, err
	}
	if k.ID == "" || k.Holder == "" {
		return connectors.Reading{}, missing(r, "id")
	}
	var reading connectors.Reading
	if !k.Known {
		a := &events.Agent{Native: typeWorkspaceAgent, Name: k.Name, Status: events.StatusUnknown, Class: events.ClassAgent,
			ClassReason: "Workspace attributes what it did to an agent", Platform: "workspace", Models: []events.Model{events.ModelDelegated},
			Identifiers: []events.Identifier{{Type: events.IDObject, Value: k.ID}}}
		if k.Type != "" {
			a.Labels = []string{label("agentType", k.Type)}
		}
		reading.Entities = append(reading.Entities, agentEntity(k.Holder, workspaceScope, k.Time, a))
	}
	if k.Owner != "" {
		reading.Entities = append(reading.Entities, events.Entity{Kind: events.KindStewardship, Holder: k.Holder, Key: "owner:workspace", Scope: workspaceScope,
			Version: k.Time, Stewardship: &events.Stewardship{Role: "owner", Person: k.Owner, Native: "user"}})
	}
	return reading, nil
}

// normalizeWorkspaceGrant reads what an OAuth client may do as a delegation to each agent that it belongs to. The vendor's stamp orders
// what is read the newest first.
func normalizeWorkspaceGrant(r connectors.Record) (connectors.Reading, error) {
	var k keptGrant
	if err := decode(r, &k); err != nil {
		return connectors.Reading{}, err
	}
	if k.Client == "" || k.Person == "" || r.Context[ctxAbout] == "" {
		return connectors.Reading{}, missing(r, "client, person and agent")
	}
	var reading connectors.Reading
	for _, holder := range strings.Split(r.Context[ctxAbout], "\n") {
		d := &events.Delegation{Person: k.Person, Source: k.Source, Scopes: k.Scopes, Resource: k.Client, ResourceName: k.Name, Status: events.StatusActive}
		if k.Source == sourceDomain {
			d.Resource = word(k.Customer, k.Client)
		}
		if k.Gone {
			d.Status, d.NativeStatus = events.StatusDisabled, "taken back"
		} else {
			d.Created = k.Time
		}
		reading.Entities = append(reading.Entities, events.Entity{Kind: events.KindDelegation, Holder: holder, Scope: workspaceScope, Version: k.Time,
			Key: events.Digest("workspace", k.Source, k.Client, k.Person), Delegation: d})
	}
	return reading, nil
}

// normalizeWorkspaceAction reads what an agent did as an activity of each agent that did it.
func normalizeWorkspaceAction(r connectors.Record) (connectors.Reading, error) {
	var k keptAction
	if err := decode(r, &k); err != nil {
		return connectors.Reading{}, err
	}
	if k.ID == "" || k.Time.IsZero() || k.Type == "" || r.Context[ctxAbout] == "" {
		return connectors.Reading{}, errNotReported
	}
	var reading connectors.Reading
	if err := proven(r, &reading); err != nil { // for the activity's own actor
		return connectors.Reading{}, err
	}
	details := map[string]string{"report": k.ID}
	for name, value := range map[string]string{"client": k.Client, "scopes": strings.Join(k.Scopes, " "), "events": strings.Join(k.Events, " ")} {
		if value != "" {
			details[name] = value
		}
	}
	for _, holder := range strings.Split(r.Context[ctxAbout], "\n") {
		reading.Activities = append(reading.Activities, events.Activity{Holder: holder, Type: k.Type, ID: events.Digest(k.ID, holder),
			Native: k.Application + "/" + cmp.Or(strings.Join(k.Events[:min(1, len(k.Events))], ""), "?"), Actor: reading.Actor, Details: details, Time: k.Time.UTC()})
	}
	return reading, nil
}
