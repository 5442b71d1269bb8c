package entra

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// inheritedFeed tells what flows to agents from their blueprints: what is inheritable on the blueprint and granted to its principal.
// Graph shows the result in beta alone; where beta does not answer it is put together of what v1.0 shows.
type inheritedFeed struct {
	client *client

	// What this round has read, by the blueprint's appId; nil: the round began in another process.
	rules  map[string][]inheritable
	grants map[string]granted
}

// inheritable is what one resource lets flow.
type inheritable struct {
	App    string      `json:"resourceAppId"`
	Scopes inheritRule `json:"inheritableScopes"`
	Roles  inheritRule `json:"inheritableRoles"` // of newer answers; where it is absent, roles go with allAllowed scopes
}

type inheritRule struct {
	Kind   string   `json:"kind"`
	Scopes []string `json:"scopes"`
}

const (
	inheritAll        = "allAllowed"
	inheritEnumerated = "enumerated"
)

// granted is what a blueprint's principal may do.
type granted struct {
	principal string
	roles     []assignment
	consents  []consent
}

// The phases of a round.
const (
	inheritRules  = "rules"
	inheritGrants = "grants"
	inheritAgents = "agents"
)

func inherited(c *client) connectors.Feed {
	return led("inherited-permissions", []events.Kind{events.KindGrant}, (&inheritedFeed{client: c}).pull)
}

func (f *inheritedFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur, err := f.client.readCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	if cur.Phase == "" || f.rules == nil {
		cur = cursor{Phase: inheritRules}
		f.rules, f.grants = map[string][]inheritable{}, map[string]granted{}
	}
	var out connectors.Page
	next := inheritAgents
	var p page
	switch cur.Phase {
	case inheritRules:
		next = inheritGrants
		p, err = f.readRules(ctx, cur)
	case inheritGrants:
		p, err = f.readGrants(ctx, cur)
	default:
		next = ""
		p, err = f.readAgents(ctx, cur, &out)
	}
	if err != nil {
		return connectors.Page{}, err
	}
	if p.next != "" {
		next = cur.Phase
	}
	if next == "" {
		f.rules = nil
		return out, nil
	}
	out.More = true
	out.Next, err = cursor{Phase: next, Link: p.next}.encode()
	return out, err
}

// list reads a page of a list, with the properties that are needed of it.
func (f *inheritedFeed) list(ctx context.Context, cur cursor, path, properties, need string) (page, error) {
	r := call{url: cur.Link, need: need, followed: true, low: true}
	if cur.Link == "" {
		r.url, r.followed = f.client.url(path+"?$select="+properties+"&$top="+strconv.Itoa(f.client.top(maxPage))), false
	}
	return f.client.page(ctx, r)
}

// wireRef is what is needed of the objects in the lists.
type wireRef struct {
	ID        string `json:"id"`
	AppID     string `json:"appId"`
	Blueprint string `json:"agentIdentityBlueprintId"`
}

func refsIn(p page) (refs []wireRef) {
	for _, raw := range p.items {
		var r wireRef
		if decode(raw, &r) == nil && isGUID(r.ID) {
			refs = append(refs, r)
		}
	}
	return refs
}

// readRules reads what blueprints let flow. What may not be read is unknown: an agent of that blueprint is left as it was.
func (f *inheritedFeed) readRules(ctx context.Context, cur cursor) (page, error) {
	p, err := f.list(ctx, cur, castBlueprint, "id,appId", needBlueprints)
	if isForbidden(err) {
		return page{}, nil // each agent says that it cannot be known
	}
	if err != nil {
		return page{}, err
	}
	path := func(r wireRef) string {
		return "/applications/" + r.ID + "/microsoft.graph.agentIdentityBlueprint/inheritablePermissions"
	}
	answers, err := f.ask(ctx, refsIn(p), needBlueprints, path)
	if err != nil {
		return page{}, err
	}
	for _, r := range refsIn(p) {
		if all, ok := rest[inheritable](ctx, f.client, answers[path(r)]); ok {
			f.rules[r.AppID] = all
		}
	}
	return p, nil
}

// readGrants reads what the blueprints' principals may do.
func (f *inheritedFeed) readGrants(ctx context.Context, cur cursor) (page, error) {
	p, err := f.list(ctx, cur, castPrincipal, "id,appId", needPrincipals)
	if err != nil {
		return page{}, err
	}
	roles := func(r wireRef) string { return principalGrants[0].path(r.ID) }
	consents := func(r wireRef) string { return principalGrants[1].path(r.ID) }
	answers, err := f.ask(ctx, refsIn(p), needDirectory+" and "+needGrants, roles, consents)
	if err != nil {
		return page{}, err
	}
	for _, r := range refsIn(p) {
		g := granted{principal: r.ID}
		var ok, also bool
		g.roles, ok = rest[assignment](ctx, f.client, answers[roles(r)])
		if g.consents, also = rest[consent](ctx, f.client, answers[consents(r)]); !ok || !also {
			delete(f.rules, r.AppID)
		}
		f.grants[r.AppID] = g
	}
	return p, nil
}

// ask asks for some paths of each object, by $batch.
func (f *inheritedFeed) ask(ctx context.Context, refs []wireRef, need string, paths ...func(wireRef) string) (map[string]answer, error) {
	var all []string
	for _, r := range refs {
		for _, path := range paths {
			all = append(all, path(r))
		}
	}
	return (&throttled{}).ask(ctx, f.client, "", all, need)
}

// rest reads a list to its end. ok says that it was read whole.
func rest[T any](ctx context.Context, c *client, a answer) (all []T, ok bool) {
	if a.status != http.StatusOK {
		return nil, false
	}
	p, err := c.readPage(a)
	if err != nil {
		return nil, false
	}
	items, err := c.all(ctx, p, call{low: true})
	if err != nil {
		return nil, false
	}
	for _, raw := range items {
		var t T
		if decode(raw, &t) != nil {
			return nil, false
		}
		all = append(all, t)
	}
	return all, true
}

// flow is one thing that flows to an agent, as its record holds it.
type flow struct {
	ID           string `json:"id"`
	From         string `json:"from"` // the blueprint's principal
	Role         string `json:"appRoleId,omitzero"`
	Scope        string `json:"scope,omitzero"`
	Consent      string `json:"consentType,omitzero"`
	Resource     string `json:"resourceId"`
	ResourceName string `json:"resourceDisplayName,omitzero"`
}

const unknownBlueprint = "what flows to some agents from their blueprint: the blueprint, its inheritable permissions or its principal's grants " +
	"may not be read, as where another organization owns it, and Graph's beta does not show the result"

// readAgents tells what flows to each agent.
func (f *inheritedFeed) readAgents(ctx context.Context, cur cursor, out *connectors.Page) (page, error) {
	p, err := f.list(ctx, cur, castAgentIdentity, "id,agentIdentityBlueprintId", needAgents)
	if err != nil {
		return page{}, err
	}
	shown, err := f.beta(ctx, refsIn(p))
	if err != nil {
		return page{}, err
	}
	for _, r := range refsIn(p) {
		flows, ok := shown[r.ID]
		if !ok {
			flows, ok, err = f.put(ctx, r.Blueprint)
		}
		if err != nil {
			return page{}, err
		}
		if !ok {
			out.Blind = append(out.Blind, connectors.Blindness{Kinds: []events.Kind{events.KindGrant}, Reason: unknownBlueprint})
			continue
		}
		body, err := events.Marshal(map[string]any{"value": flows})
		if err != nil {
			return page{}, err
		}
		out.Records = append(out.Records, connectors.Record{Type: recordInherited, Body: body, Asked: p.asked,
			Context: map[string]string{contextHolder: r.ID}})
	}
	return p, f.client.withNames(ctx, out.Records)
}

// put puts together what flows from a blueprint. ok is false where that cannot be known.
func (f *inheritedFeed) put(ctx context.Context, blueprint string) (flows []flow, ok bool, err error) {
	rules, known := f.rules[blueprint]
	if !known {
		return nil, false, nil
	}
	g := f.grants[blueprint] // without a principal nothing is granted
	var resources []string
	for _, a := range g.roles {
		resources = append(resources, a.Resource)
	}
	for _, c := range g.consents {
		resources = append(resources, c.Resource)
	}
	apps, err := f.client.look(ctx, pathResource, queryResource, sorted(resources))
	if err != nil {
		return nil, false, err
	}
	flows = []flow{}
	rule := func(resource string) inheritable {
		i := slices.IndexFunc(rules, func(r inheritable) bool { return r.App != "" && r.App == apps[resource].App })
		if i < 0 {
			return inheritable{}
		}
		return rules[i]
	}
	for _, a := range g.roles {
		if r := rule(a.Resource); r.Roles.Kind == inheritAll || r.Roles.Kind == "" && r.Scopes.Kind == inheritAll {
			flows = append(flows, flow{ID: a.ID, From: g.principal, Role: a.Role, Resource: a.Resource, ResourceName: a.ResourceName})
		}
	}
	for _, c := range g.consents {
		if scope := rule(c.Resource).Scopes.of(c.Scope); scope != "" {
			flows = append(flows, flow{ID: c.ID, From: g.principal, Scope: scope, Consent: c.Type, Resource: c.Resource})
		}
	}
	return flows, true, nil
}
