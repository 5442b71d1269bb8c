package google

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// reported is an Activity of admin/reports/v1, as far as it is read.
type reported struct {
	ID struct {
		Time        string         `json:"time"`
		Qualifier   jsontext.Value `json:"uniqueQualifier"`
		Application string         `json:"applicationName"`
		Customer    string         `json:"customerId"`
	} `json:"id"`
	Actor struct {
		Email string `json:"email"`
		App   struct {
			Client        string `json:"oauthClientId"`
			Impersonation bool   `json:"impersonation"`
		} `json:"applicationInfo"`
		Agent attributed `json:"agentAttributionInfo"`
	} `json:"actor"`
	Agentic bool `json:"isAgenticAction"`
	Events  []struct {
		Name       string         `json:"name"`
		Parameters jsontext.Value `json:"parameters"`
	} `json:"events"`

	at time.Time
}

// attributed is the agent that an activity is attributed to.
type attributed struct {
	ID    string `json:"agentId"`
	Name  string `json:"agentName"`
	Type  string `json:"agentType"`
	Owner struct {
		Email string `json:"email"`
	} `json:"agentOwner"`
}

// parseReported reads an activity. Without a time and an application it is none.
func parseReported(item jsontext.Value) (*reported, error) {
	var a reported
	if err := json.Unmarshal(item, &a); err != nil {
		return nil, errors.New("it is of another shape than a reported activity")
	}
	if a.at = when(a.ID.Time); a.at.IsZero() || a.ID.Application == "" {
		return nil, errors.New("it has no time or application")
	}
	return &a, nil
}

// id names the activity: Workspace tells those of the same time apart by a qualifier.
func (a *reported) id() string {
	return "workspace/" + a.ID.Application + "/" + strings.Trim(string(a.ID.Qualifier), `"`) + "@" + a.ID.Time
}

// names are what the activity's events are called.
func (a *reported) names() (out []string) {
	for _, e := range a.Events {
		if e.Name != "" {
			out = append(out, e.Name)
		}
	}
	return out
}

// parameter are the texts of an event's parameter, which Workspace gives as one value, as several, or as one with commas.
func parameter(all jsontext.Value, names ...string) (out []string) {
	var list []struct {
		Name  string         `json:"name"`
		Value string         `json:"value"`
		Multi jsontext.Value `json:"multiValue"`
	}
	if len(all) == 0 || json.Unmarshal(all, &list) != nil {
		return nil
	}
	for _, p := range list {
		if !slices.Contains(names, p.Name) {
			continue
		}
		var many []string
		if len(p.Multi) > 0 && json.Unmarshal(p.Multi, &many) != nil {
			many = nil
		}
		out = append(out, append(many, p.Value)...)
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

func oneParameter(all jsontext.Value, name string) string {
	if list := parameter(all, name); len(list) > 0 {
		return list[0]
	}
	return ""
}

// scopesIn are OAuth scopes, sorted.
func scopesIn(all jsontext.Value, name string) []string {
	split := func(r rune) bool { return r == ',' || r == ' ' }
	out := strings.FieldsFunc(strings.Join(parameter(all, name), " "), split)
	slices.Sort(out)
	return slices.Compact(out)
}

// one makes the records of one activity, if it is about an agent.
func (f *workspaceReports) one(ctx context.Context, cur *reportsCursor, r report, a *reported, asked time.Time, met map[string]bool) ([]connectors.Record, error) {
	doers, records, err := f.doers(ctx, a, asked)
	if err != nil {
		return nil, err
	}
	actor := f.actor(a, doers)
	grants, err := f.grants(ctx, r, a, doers, actor, asked)
	if err != nil {
		return nil, err
	}
	records = append(records, grants...)
	acts, err := f.acts(cur, r, a, doers, actor, len(grants) > 0, asked)
	if err != nil {
		return nil, err
	}
	if records = append(records, acts...); len(records) == 0 {
		return nil, nil
	}
	for _, email := range []string{a.Actor.Email, a.Actor.Agent.Owner.Email} {
		if p := partyOf(email); p.kind == "user" && !met[p.id] && !connectors.IsKnown(ctx, events.Identity(events.KindPerson, personID(p.kind, p.id))) {
			met[p.id] = true
			records = append(records, personRecord(p.kind, p.id, asked))
		}
	}
	return records, nil
}

// doers are the agents that an activity is attributed to or whose OAuth client did it, and the record of one that no list shows.
func (f *workspaceReports) doers(ctx context.Context, a *reported, asked time.Time) ([]string, []connectors.Record, error) {
	var out []string
	if a.Actor.App.Client != "" {
		out = f.agentsOf(ctx, a.Actor.App.Client)
	}
	if a.Actor.Agent.ID == "" {
		return out, nil, nil
	}
	id, known := f.agentNamed(ctx, a.Actor.Agent.ID)
	kept := keptAgent{ID: a.Actor.Agent.ID, Holder: id, Name: a.Actor.Agent.Name, Type: a.Actor.Agent.Type, Known: known, Time: a.at}
	if p := partyOf(a.Actor.Agent.Owner.Email); p.kind == "user" {
		kept.Owner = personID(p.kind, p.id)
	}
	if !slices.Contains(out, id) {
		out = append(out, id)
	}
	slices.Sort(out)
	if known && kept.Owner == "" {
		return out, nil, nil
	}
	body, err := events.Marshal(kept)
	return out, []connectors.Record{{Type: typeWorkspaceAgent, Body: body, Asked: asked}}, err
}

// workspaceAgent begins the ids of agents that only Workspace's reports tell of.
const workspaceAgent = "workspace_agent:"

// agentNamed is the agent that a report names. Workspace does not say what its ids are: a name that some list shows is taken for what it
// is, and so is the last part of a name, if one agent of Gemini Enterprise alone has it. Any other is an agent of which only reports tell.
func (f *workspaceReports) agentNamed(ctx context.Context, id string) (holder string, known bool) {
	if p, ok := canonicalPrincipal(id); ok {
		if engine, ok := engineOf(p); ok {
			id = engine
		}
	}
	if connectors.IsKnown(ctx, events.Identity(events.KindAgent, id)) {
		return id, true
	}
	if f.gemini == nil {
		f.gemini = map[string][]string{}
		for _, name := range connectors.Known(ctx, events.KindAgent) {
			if geminiName.MatchString(name) {
				f.gemini[lastPart(name)] = append(f.gemini[lastPart(name)], name)
			}
		}
	}
	if found := f.gemini[lastPart(id)]; len(found) == 1 {
		return found[0], true
	}
	return workspaceAgent + id, false
}

// agentsOf are the agents that an OAuth client belongs to: a service account, whose client has its unique id, or those of Gemini
// Enterprise that are authorized through it.
func (f *workspaceReports) agentsOf(ctx context.Context, client string) []string {
	if connectors.IsKnown(ctx, events.Identity(events.KindAgent, client)) {
		return []string{client}
	}
	return f.client.clients.agents(client)
}

// actor is who did it: the agent for the person, or the person.
func (f *workspaceReports) actor(a *reported, doers []string) *events.Actor {
	var person *events.Actor
	if p := partyOf(a.Actor.Email); p.kind == "user" {
		person = &events.Actor{ID: personID(p.kind, p.id), Type: p.kind}
	}
	if len(doers) == 0 {
		return person
	}
	return &events.Actor{ID: doers[0], Type: "agent", OnBehalf: person}
}

// clientBook remembers which agents of Gemini Enterprise use which OAuth client, as their feed has shown it last. It is safe for
// concurrent use.
type clientBook struct {
	mu    sync.Mutex
	known map[place]map[string][]string // place → client → names, sorted
	ever  map[string]bool
}

// set notes what a place shows.
func (b *clientBook) set(at place, authorizations string, agents []connectors.Record) {
	var known map[string]authorization
	if json.Unmarshal([]byte(authorizations), &known) != nil || len(known) == 0 && len(agents) == 0 {
		return
	}
	found := map[string][]string{}
	for _, r := range agents {
		var g geminiAgent
		if json.Unmarshal(r.Body, &g) != nil || g.Name == "" {
			continue // Normalize says so
		}
		for _, name := range append(slices.Clone(g.Needs.Tools), g.Needs.Agent) {
			if client := known[lastPart(name)].OAuth.Client; client != "" && !slices.Contains(found[client], g.Name) {
				found[client] = append(found[client], g.Name)
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known == nil {
		b.known, b.ever = map[place]map[string][]string{}, map[string]bool{}
	}
	b.known[at] = found
	for client := range found {
		b.ever[client] = true
	}
}

// learned is how many clients are or were known: it grows when there is a new one.
func (b *clientBook) learned() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.ever)
}

// agents are those that use a client, sorted.
func (b *clientBook) agents(client string) (out []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, found := range b.known {
		out = append(out, found[client]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
