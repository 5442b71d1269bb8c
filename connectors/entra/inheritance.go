package entra

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// What flows to an agent is its blueprint's doing alone: what is inheritable on the blueprint and granted to its principal. So it is
// read once for a blueprint, and told of each of its agents. Graph shows the result in beta alone, of single agents; where beta answers
// for one agent of a blueprint that holds for all of them. Where it does not it is put together of what v1.0 shows.

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

// lineage is what was read of one blueprint.
type lineage struct {
	rules     []inheritable
	known     bool   // rules and grants were read whole
	principal string // empty: it has none, or none is shown
	roles     []assignment
	consents  []consent
	asked     time.Time // when the first request for any of it began
}

// legacy is what flows to each agent of a blueprint, as of when it was asked for: what was put together of older answers must not
// overwrite what was read since.
type legacy struct {
	flows []flow
	asked time.Time
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

// pathRules is where a blueprint, after its own path, says what it lets flow.
const pathRules = "/microsoft.graph.agentIdentityBlueprint/inheritablePermissions"

// byAppID is an object's path where not its id but its appId is known.
func byAppID(set, app string) string { return "/" + set + "(appId='" + app + "')" }

// heirs tells what flows to agents of one blueprint, in two calls however many they are. What cannot be known now is left to the sweep.
func (c *client) heirs(ctx context.Context, app string, agents []string, out *connectors.Page) error {
	if len(agents) == 0 || !isGUID(app) {
		return nil
	}
	all, err := c.lineageOf(ctx, app)
	if err != nil {
		return err
	}
	shown, err := c.shownByBeta(ctx, c.samples(app, agents), map[string]lineage{app: all})
	if err != nil {
		return err
	}
	left, ok := shown[app]
	if !ok {
		if left, ok, err = c.puzzle(ctx, all); err != nil || !ok {
			return err
		}
	}
	var more connectors.Page
	for _, id := range agents {
		if err := left.tell(id, &more); err != nil {
			return err
		}
	}
	if err := c.withNames(ctx, more.Records); err != nil {
		return err
	}
	out.Records = append(out.Records, more.Records...)
	return nil
}

// mostSamples is how many agents of a blueprint beta is asked about: one that is new or has just gone it may not know.
const mostSamples = 2

// samples are agents to ask beta about: those of which nothing new is to be told, if there are some.
func (c *client) samples(app string, told []string) (refs []wireRef) {
	others := slices.DeleteFunc(c.family.all(app), func(id string) bool { return slices.Contains(told, id) })
	if len(others) == 0 {
		others = told
	}
	for _, id := range others[:min(len(others), mostSamples)] {
		refs = append(refs, wireRef{ID: id, Blueprint: app})
	}
	return refs
}

// heirsOf tells what flows to the agents of the blueprint that an object id stands for. Where this process does not know all of them,
// the sweep is to tell.
func (c *client) heirsOf(ctx context.Context, head string, out *connectors.Page) error {
	app, agents, whole := c.family.of(head)
	if !whole {
		out.Wakes = append(out.Wakes, feedInherited)
	}
	return c.heirs(ctx, app, agents, out)
}

// lineageOf reads what lets permissions flow from one blueprint. Without a principal to be seen nothing is known for certain: it may
// be new, and only the sweep's lists tell.
func (c *client) lineageOf(ctx context.Context, app string) (l lineage, err error) {
	of := byAppID("servicePrincipals", app)
	rules := byAppID("applications", app) + pathRules
	self, roles, consents := of+onlyID, of+"/appRoleAssignments", of+"/oauth2PermissionGrants"
	l.asked = c.now()
	answers, err := (&throttled{}).ask(ctx, c, "", []string{rules, self, roles, consents}, needBlueprints+" and "+needDirectory)
	if isForbidden(err) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	var ref wireRef
	if a := answers[self]; a.status == http.StatusOK && decode(a.body, &ref) == nil {
		l.principal = ref.ID
	}
	var known [3]bool
	l.rules, known[0] = rest[inheritable](ctx, c, answers[rules])
	l.roles, known[1] = rest[assignment](ctx, c, answers[roles])
	l.consents, known[2] = rest[consent](ctx, c, answers[consents])
	l.known = l.principal != "" && known == [3]bool{true, true, true}
	return l, nil
}

// tell makes the record of what flows to an agent.
func (l *legacy) tell(agent string, out *connectors.Page) error {
	body, err := events.Marshal(map[string]any{"value": l.flows})
	out.Records = append(out.Records, connectors.Record{Type: recordInherited, Body: body, Asked: l.asked,
		Context: map[string]string{contextHolder: agent}})
	return err
}

// puzzle puts together what flows from a blueprint. ok is false where that cannot be known.
func (c *client) puzzle(ctx context.Context, l lineage) (out legacy, ok bool, err error) {
	if !l.known {
		return out, false, nil
	}
	var resources []string
	for _, a := range l.roles {
		resources = append(resources, a.Resource)
	}
	for _, one := range l.consents {
		resources = append(resources, one.Resource)
	}
	apps, err := c.look(ctx, pathResource, queryResource, sorted(resources))
	if err != nil {
		return out, false, err
	}
	for _, n := range apps {
		if n.App == "" && !n.Missing {
			return out, false, nil // whether the resource is one that lets something flow is not known
		}
	}
	rule := func(resource string) inheritable {
		i := slices.IndexFunc(l.rules, func(r inheritable) bool { return r.App != "" && r.App == apps[resource].App })
		if i < 0 {
			return inheritable{}
		}
		return l.rules[i]
	}
	out = legacy{flows: []flow{}, asked: l.asked}
	for _, a := range l.roles {
		if r := rule(a.Resource); r.Roles.Kind == inheritAll || r.Roles.Kind == "" && r.Scopes.Kind == inheritAll {
			out.flows = append(out.flows, flow{ID: a.ID, From: l.principal, Role: a.Role, Resource: a.Resource, ResourceName: a.ResourceName})
		}
	}
	for _, one := range l.consents {
		if scope := rule(one.Resource).Scopes.of(one.Scope); scope != "" {
			out.flows = append(out.flows, flow{ID: one.ID, From: l.principal, Scope: scope, Consent: one.Type, Resource: one.Resource})
		}
	}
	return out, true, nil
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
