package okta

import (
	"context"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// How a pass over the owners goes along the list of agents.
const (
	phaseTell = "tell" // each agent with what the sweep has shown of it
	phaseEach = "each" // each agent is asked for its owners
)

// ownersFeed reads who owns the agents, from Okta's governance API. The agents' own API does not tell.
//
// Each agent has a scope of its own, owners/<agent>, which its record replaces: so a later reading of one agent alone can prove
// an owner gone. A sweep, one list of the owners of all agents, says nothing of agents that have none; so a pass begins with
// the whole sweep, one call per 200, keeps it in memory, and tells it agent by agent along the list of agents, the ownerless
// ones included.
//
// Older orgs do not know the sweep's filter, and then each agent is asked for its owners. The same is done when a sweep shows
// no owner of any agent at all: an agent needs an owner to be activated, so that is more likely a filter that finds nothing.
type ownersFeed struct {
	client *client
	pass   string                      // which pass began and found belong to
	began  time.Time                   // before the sweep's first request
	found  map[string]map[string]entry // agent id → resource and parent → entry
}

// entry is one element of the list of owners, as received.
type entry = jsontext.Value

func (f *ownersFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur := parseCursor(from)
	if cur.Next == "" {
		cur = cursor{Pass: newPass()}.at(phaseTell, f.client.target(agentsPath, maxPage, ""))
	}
	if cur.Phase != phaseEach && cur.Pass != f.pass { // a new pass, or one that another process began
		if err := f.sweep(ctx); err != nil {
			return connectors.Page{}, err
		}
		if len(f.found) == 0 {
			cur = cur.at(phaseEach, f.client.target(agentsPath, chunk, ""))
		}
		f.pass = cur.Pass
	}
	if cur.Phase == phaseEach {
		return f.asking().pullFrom(ctx, cur)
	}
	return f.tell(ctx, cur)
}

// sweep reads all owners of agents; none when the org does not know the filter.
func (f *ownersFeed) sweep(ctx context.Context) error {
	f.pass, f.began, f.found = "", f.client.now(), map[string]map[string]entry{}
	err := f.client.each(ctx, f.client.target(ownersPath, maxPage, `resource.type eq "ai-agents"`), func(l list, a *answer) error {
		for _, item := range l.items {
			if err := f.note(item); err != nil {
				return misshapen(a, "a list of owners", err)
			}
		}
		return nil
	})
	if badRequest(err) && len(f.found) == 0 && connectors.AsFault(err) == nil {
		return nil
	}
	return err
}

// note keeps an entry of the sweep, once.
func (f *ownersFeed) note(item entry) error {
	o, err := parseOwners(item)
	agent := o.agent()
	if err != nil || agent == "" {
		return err
	}
	if f.found[agent] == nil {
		f.found[agent] = map[string]entry{}
	}
	f.found[agent][o.Parent+" "+o.Resource.ORN+" "+o.Resource.ID] = item
	return nil
}

// tell says of each agent of a page what the whole sweep has shown, as of when the sweep began.
func (f *ownersFeed) tell(ctx context.Context, cur cursor) (connectors.Page, error) {
	l, a, err := f.client.list(ctx, cur.Next, readData)
	if err != nil {
		return connectors.Page{}, err
	}
	a.asked = f.began
	var records []connectors.Record
	for _, ref := range f.client.refs(l.items) {
		r, err := listRecord(ref, typeOwners, ordered(f.found[ref.id]), a)
		if err != nil {
			return connectors.Page{}, err
		}
		records = append(records, r)
	}
	return cur.at(phaseTell, l.next).page(scopeOwners, records, l.next == "")
}

// ordered are the entries in an order that does not change from pass to pass.
func ordered(entries map[string]entry) []entry {
	out := make([]entry, 0, len(entries))
	for _, e := range entries {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b entry) int { return slices.Compare(a, b) })
	return out
}

// asking asks each agent for its owners, the way that orgs of any age know. It needs the agent's ORN.
func (f *ownersFeed) asking() *fanout {
	kinds := []events.Kind{events.KindStewardship, events.KindPerson}
	out := &fanout{client: f.client, scope: scopeOwners, kinds: kinds}
	out.read = func(ctx context.Context, a agentRef) ([]connectors.Record, []connectors.Blindness, error) {
		if a.orn == "" {
			return nil, blind("owners: no agent's ORN is known, and Okta finds owners by it", kinds...), nil
		}
		r, err := f.client.small(ctx, a, typeOwners, f.client.target(ownersPath, maxPage, `parentResourceOrn eq "`+a.orn+`"`))
		if err != nil {
			return nil, nil, err
		}
		return []connectors.Record{r}, nil, nil
	}
	return out
}
