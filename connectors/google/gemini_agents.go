package google

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	feedGeminiAgents = "gemini-agents"
	typeGeminiAgent  = "gemini_agent"
)

// mostGemini is the page size of assistants, agents and authorizations: the API's maximum.
const mostGemini = 1000

// appCollection is where a place's apps are.
const appCollection = "/collections/default_collection/engines"

// geminiName is an agent's resource name.
var geminiName = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/collections/[^/]+/engines/[^/]+/assistants/[^/]+/agents/[^/]+$`)

// geminiAgents reads the agents of Gemini Enterprise: discoveryengine/v1alpha, of which every app (engine) has assistants, and every
// assistant agents. The list shows what the account may see, which may be less than all.
func geminiAgents(c *client) *walk {
	return &walk{
		scope: feedGeminiAgents, kinds: []events.Kind{events.KindAgent, events.KindGrant}, places: c.geminiPlaces,
		group: func(at place) string { return policyScope(c.appResource(at, at.parent()+appCollection+"/")) },
		read: func(ctx context.Context, at place, _ string) (leaf, error) {
			if err := c.knowNumber(ctx, at); err != nil {
				return leaf{}, err
			}
			asked := c.now()
			out := leaf{whole: true}
			auths, err := c.geminiAuthorizations(ctx, at)
			if err != nil {
				return leaf{}, err
			}
			var apps []string
			for _, v := range []string{"engines", "assistants", "agents"} { // names of the levels, outermost first
				if err := c.geminiLevel(ctx, at, v, &out); err != nil {
					return leaf{}, err
				}
				if v == "engines" {
					for _, r := range out.records {
						apps = append(apps, c.appResource(at, text(r.Body, "name")))
					}
				}
			}
			c.clients.set(at, auths, out.records)
			for i := range out.records {
				out.records[i].Asked = asked
				out.records[i].Context[ctxAuthorizations] = auths
			}
			return out.listed(apps, asked)
		},
	}
}

// geminiLevel reads one level: of the parents that the level before has left in the leaf it makes their items.
func (c *client) geminiLevel(ctx context.Context, at place, level string, out *leaf) error {
	parents := []string{at.parent() + strings.TrimSuffix(appCollection, "/engines")}
	if level != "engines" {
		parents = nil
		for _, r := range out.records {
			parents = append(parents, text(r.Body, "name"))
		}
	}
	out.records = nil
	for _, parent := range parents {
		if !plainPath(parent) {
			return errors.New("an app or assistant without a usable name; ask again later")
		}
		items, err := c.geminiList(ctx, at, parent+"/"+level, level)
		if isStatus(err, http.StatusNotFound) && level != "engines" {
			continue // it went meanwhile, or is an app of a kind that has none
		}
		if err != nil {
			return err
		}
		for _, v := range items {
			out.records = append(out.records, connectors.Record{Type: typeGeminiAgent, Body: v,
				Context: map[string]string{ctxProject: at.Project, ctxLocation: at.Location}})
		}
	}
	return nil
}

func (c *client) geminiList(ctx context.Context, at place, path, member string) ([]jsontext.Value, error) {
	return everyPage(func(token string) (listing, error) {
		size := c.pageOf(mostGemini)
		if member == "engines" { // whose pages are not supported
			size = 0
		}
		return c.list(ctx, member, token, ask{to: c.geminiBase(at.Location) + "/v1alpha/" + path, query: pageAsked(size, token)})
	})
}

// geminiBase is the base URL for a location: us and eu have endpoints of their own.
func (c *client) geminiBase(location string) string {
	base := c.endpoints["discoveryengine"]
	if base == services["discoveryengine"] && location != "global" {
		return "https://discoveryengine." + location + ".rep.googleapis.com"
	}
	return base
}

// geminiPlaces are the location global of each project, and the multi-regions that the configuration names.
func (c *client) geminiPlaces(ctx context.Context) (places, error) {
	out, err := c.allProjects(ctx)
	if err != nil {
		return out, err
	}
	projects := out.list
	out.list = nil
	for _, p := range projects {
		for _, location := range []string{"eu", "global", "us"} {
			if location == "global" || slices.Contains(c.options.locations, location) {
				out.list = append(out.list, place{Project: p.Project, Location: location})
			}
		}
	}
	return out, nil
}

// authorization is an Authorization of discoveryengine/v1alpha: an OAuth client that agents use for people. Its secret is not kept.
type authorization struct {
	Name    string `json:"name"`
	Display string `json:"displayName,omitzero"`
	OAuth   struct {
		Client string `json:"clientId,omitzero"`
		URI    string `json:"authorizationUri,omitzero"`
	} `json:"serverSideOauth2,omitzero"`
}

// scopes are the OAuth scopes that a person is asked for, as the URI has them.
func (a *authorization) scopes() []string {
	u, err := url.Parse(a.OAuth.URI)
	if err != nil {
		return nil
	}
	out := strings.Fields(u.Query().Get("scope"))
	slices.Sort(out)
	return slices.Compact(out)
}

// geminiAuthorizations are the authorizations at a place, as JSON by id. Where they may not be seen, agents name them all the same.
func (c *client) geminiAuthorizations(ctx context.Context, at place) (string, error) {
	items, err := c.geminiList(ctx, at, at.parent()+"/authorizations", "authorizations")
	if err != nil && !isRefusal(err) {
		return "", err
	}
	known := map[string]authorization{}
	for _, v := range items {
		var a authorization
		if json.Unmarshal(v, &a) == nil && a.Name != "" {
			known[lastPart(a.Name)] = a
		}
	}
	b, err := events.Marshal(known)
	return string(b), err
}

// geminiAgent is an Agent of discoveryengine/v1alpha.
type geminiAgent struct {
	Name             string `json:"name"`
	DisplayName      string `json:"displayName"`
	Description      string `json:"description"`
	State            string `json:"state"`
	SuspensionReason string `json:"suspensionReason"`
	RejectionReason  string `json:"rejectionReason"`
	CreateTime       string `json:"createTime"`
	UpdateTime       string `json:"updateTime"`
	Sharing          struct {
		Scope string `json:"scope"`
	} `json:"sharingConfig"`
	Needs struct {
		Agent string   `json:"agentAuthorization"`
		Tools []string `json:"toolAuthorizations"`
	} `json:"authorizationConfig"`
	ADK struct {
		Engine struct {
			Name string `json:"reasoningEngine"`
		} `json:"provisionedReasoningEngine"`
	} `json:"adkAgentDefinition"`
	A2A        jsontext.Value `json:"a2aAgentDefinition"`
	Dialogflow struct {
		Agent string `json:"dialogflowAgent"`
	} `json:"dialogflowAgentDefinition"`
	Managed jsontext.Value `json:"managedAgentDefinition"`
}

// geminiStatus maps an agent's state. One that is private works for its owner alone.
var geminiStatus = map[string]events.Status{
	"ENABLED": events.StatusActive, "PRIVATE": events.StatusActive, "DISABLED": events.StatusDisabled, "SUSPENDED": events.StatusDisabled,
	"CONFIGURED": events.StatusPending, "DEPLOYING": events.StatusPending, "CREATING": events.StatusPending,
	"DEPLOYMENT_FAILED": events.StatusPending, "CREATION_FAILED": events.StatusPending,
}

// normalizeGeminiAgent reads an agent of Gemini Enterprise, and the authorizations that it uses for people as grants. Its full name is
// what the Agent Registry refers to it by.
//
// The engine is a label. The API calls it the engine that the agent is connected to, which "is not intended to keep track of agent's
// lifecycle", and lets several agents connect to one: the name is no proof of being one agent.
func normalizeGeminiAgent(r connectors.Record) (connectors.Reading, error) {
	var g geminiAgent
	if err := decode(r, &g); err != nil {
		return connectors.Reading{}, err
	}
	if !geminiName.MatchString(g.Name) {
		return connectors.Reading{}, missing(r, "name")
	}
	known := map[string]authorization{}
	if s := r.Context[ctxAuthorizations]; s != "" && json.Unmarshal([]byte(s), &known) != nil {
		return connectors.Reading{}, missing(r, "authorizations in its context")
	}
	status, ok := geminiStatus[g.State]
	if !ok {
		status = events.StatusUnknown
	}
	agent := &events.Agent{
		Native: typeGeminiAgent, Name: g.DisplayName, Description: g.Description, Status: status,
		NativeStatus: strings.Trim(g.State+": "+word(g.SuspensionReason, g.RejectionReason), ": "), Class: events.ClassAgent,
		ClassReason: "an agent of Gemini Enterprise", Platform: "discoveryengine", Created: when(g.CreateTime), Labels: g.labels(),
		Identifiers: []events.Identifier{{Type: events.IDResource, Value: g.Name},
			{Type: events.IDResource, Value: "//discoveryengine.googleapis.com/" + g.Name}},
	}
	if len(g.Needs.Tools) > 0 || g.Needs.Agent != "" {
		agent.Models = []events.Model{events.ModelDelegated}
	}
	scope := "authorizations/" + g.Name
	reading := connectors.Reading{Replaces: []string{scope},
		Entities: []events.Entity{agentEntity(g.Name, scopeOf(feedGeminiAgents, placeOf(r)), when(g.UpdateTime), agent)}}
	for _, name := range append(slices.Clone(g.Needs.Tools), g.Needs.Agent) {
		if name == "" {
			continue
		}
		a := known[lastPart(name)]
		reading.Entities = append(reading.Entities, events.Entity{Kind: events.KindGrant, Holder: g.Name, Key: events.Digest("authorization", name), Scope: scope,
			Grant: &events.Grant{Type: "connection", Resource: name, ResourceName: a.Display, Scopes: a.scopes()}})
	}
	rest := onePerRef(reading.Entities[1:])
	reading.Entities = append(reading.Entities[:1:1], rest...)
	return reading, nil
}

func (g *geminiAgent) labels() []string {
	var out []string
	for _, l := range []struct{ key, value string }{
		{"sharingConfig.scope", g.Sharing.Scope}, {"adkAgentDefinition.reasoningEngine", g.ADK.Engine.Name},
		{"dialogflowAgentDefinition.dialogflowAgent", g.Dialogflow.Agent},
	} {
		if l.value != "" {
			out = append(out, label(l.key, l.value))
		}
	}
	if len(g.A2A) > 0 {
		out = append(out, "definition=a2a")
	}
	if len(g.Managed) > 0 {
		out = append(out, "definition=managed")
	}
	return out
}

// readGemini reads an agent of Gemini Enterprise again.
func (f *auditLog) readGemini(ctx context.Context, s signal) ([]connectors.Record, bool, error) {
	asked, at := f.client.now(), place{Project: s.Project, Location: strings.Split(s.ID, "/")[3]}
	a, err := f.client.fetch(ctx, ask{to: f.client.geminiBase(at.Location) + "/v1alpha/" + s.ID})
	if isStatus(err, http.StatusNotFound) {
		return absentNow(s, s.ID, "", false, asked)
	}
	if err != nil {
		return nil, false, err
	}
	body, err := a.thing("name")
	if err != nil {
		return nil, false, err
	}
	if lastPart(text(body, "name")) != lastPart(s.ID) {
		return nil, false, a.broken("another agent than the one that was asked for")
	}
	auths, err := f.client.geminiAuthorizations(ctx, at)
	if err != nil {
		return nil, false, err
	}
	settled := !s.Gone && (s.Want != wantNewer || !when(text(body, "updateTime")).Before(s.At.Add(-settling)))
	r := connectors.Record{Type: typeGeminiAgent, Body: body, Asked: asked, Context: map[string]string{
		ctxProject: at.Project, ctxLocation: at.Location, ctxAuthorizations: auths}}
	if settled {
		s.prove(&r)
	}
	return []connectors.Record{r}, settled, nil
}
