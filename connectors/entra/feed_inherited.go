package entra

import (
	"context"
	"strconv"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// feedInherited sweeps what flows to agents from their blueprints, see inheritance.go.
const feedInherited = "inherited-permissions"

// inheritedFeed reads all blueprints, all principals, and then tells of agent after agent: of them it takes no more calls than their
// list has pages.
type inheritedFeed struct {
	client *client

	// What this round has read, by the blueprint's appId; nil: the round began in another process.
	lines  map[string]lineage
	legacy map[string]legacy
}

// The phases of a round.
const (
	inheritRules  = "rules"
	inheritGrants = "grants"
	inheritAgents = "agents"
)

func inherited(c *client) connectors.Feed {
	return led(feedInherited, []events.Kind{events.KindGrant}, (&inheritedFeed{client: c}).pull)
}

func (f *inheritedFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur, err := f.client.readCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	if cur.Phase == "" || f.lines == nil {
		cur = cursor{Phase: inheritRules}
		f.lines, f.legacy = map[string]lineage{}, map[string]legacy{}
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
		f.lines = nil
		f.client.family.complete()
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
	path := func(r wireRef) string { return "/applications/" + r.ID + pathRules }
	asked := f.client.now()
	answers, err := f.ask(ctx, refsIn(p), needBlueprints, path)
	if err != nil {
		return page{}, err
	}
	for _, r := range refsIn(p) {
		f.client.family.head(r.ID, r.AppID)
		if all, ok := rest[inheritable](ctx, f.client, answers[path(r)]); ok {
			f.lines[r.AppID] = lineage{rules: all, known: true, asked: asked} // without a principal nothing is granted
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
		f.client.family.head(r.ID, r.AppID)
		l := f.lines[r.AppID]
		l.principal = r.ID
		var ok, also bool
		l.roles, ok = rest[assignment](ctx, f.client, answers[roles(r)])
		l.consents, also = rest[consent](ctx, f.client, answers[consents(r)])
		l.known = l.known && ok && also
		f.lines[r.AppID] = l
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

const unknownBlueprint = "what flows to some agents from their blueprint: the blueprint, its inheritable permissions or its principal's grants " +
	"may not be read, as where another organization owns it, and Graph's beta does not show the result"

// readAgents tells what flows to each agent.
func (f *inheritedFeed) readAgents(ctx context.Context, cur cursor, out *connectors.Page) (page, error) {
	p, err := f.list(ctx, cur, castAgentIdentity, "id,agentIdentityBlueprintId", needAgents)
	if err != nil {
		return page{}, err
	}
	refs := refsIn(p)
	if err := f.settle(ctx, refs); err != nil {
		return page{}, err
	}
	for _, r := range refs {
		f.client.family.agent(r.ID, r.Blueprint)
		left, ok := f.legacy[r.Blueprint]
		if !ok {
			out.Blind = append(out.Blind, connectors.Blindness{Kinds: []events.Kind{events.KindGrant}, Reason: unknownBlueprint})
			continue
		}
		if err := left.tell(r.ID, out); err != nil {
			return page{}, err
		}
	}
	return p, f.client.withNames(ctx, out.Records)
}

// settle finds out what flows from the blueprints of a page's agents that no page before had. Of a blueprint about which nothing can be
// known the next page asks again: beta may not know the agents that this one has asked it about.
func (f *inheritedFeed) settle(ctx context.Context, refs []wireRef) error {
	var sample []wireRef
	asking := map[string]int{}
	for _, r := range refs {
		if _, done := f.legacy[r.Blueprint]; !done && asking[r.Blueprint] < mostSamples {
			asking[r.Blueprint]++
			sample = append(sample, r)
		}
	}
	if len(sample) == 0 {
		return nil
	}
	shown, err := f.client.shownByBeta(ctx, sample, f.lines)
	if err != nil {
		return err
	}
	for app := range asking {
		left, ok := shown[app]
		if !ok {
			if left, ok, err = f.client.puzzle(ctx, f.lines[app]); err != nil {
				return err
			}
		}
		if ok {
			f.legacy[app] = left
		}
	}
	return nil
}
