package okta

import (
	"context"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
)

// How a pass over the owners goes along the agents.
const (
	phaseTell = "tell" // each agent with what the sweep has shown of it
	phaseEach = "each" // each agent is asked for its owners
)

// ownersFeed reads who owns the agents, from Okta's governance API. The agents' own API does not tell.
//
// Each agent has a scope of its own, owners/<agent>, which its record replaces: so a reading of one agent alone can prove
// an owner gone. A sweep, one list of the owners of all agents, says nothing of agents that have none; so a round begins with
// the whole sweep, one call per 200, keeps it in memory, and tells it agent by agent, the ownerless ones included.
//
// Older orgs do not know the sweep's filter, and then each agent is asked for its owners. The same is done when a sweep shows
// no owner of any agent at all: an agent needs an owner to be activated, so that is more likely a filter that finds nothing.
type ownersFeed struct {
	client *client
	each   *walk
	pass   string                      // which round sweep and found belong to
	began  time.Time                   // before the sweep's first request
	found  map[string]map[string]entry // agent id → resource and parent → entry
}

// entry is one element of the list of owners, as received.
type entry = jsontext.Value

func (f *ownersFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur := parseCursor(from)
	switch {
	case cur.Pass == "":
		cur = cursor{Pass: newPass(), Phase: phaseTell}
	case cur.Phase != phaseTell:
		return f.each.pull(ctx, from)
	}
	if cur.Pass != f.pass { // a new round, or one that another process began
		if err := f.sweep(ctx); err != nil {
			return connectors.Page{}, err
		}
		if len(f.found) == 0 {
			return f.askEach(ctx, cur)
		}
		f.pass = cur.Pass
	}
	return f.tell(ctx, cur)
}

// askEach begins the walk that asks each agent. Its cursor keeps the round's name, so that the walk goes on in it.
func (f *ownersFeed) askEach(ctx context.Context, cur cursor) (connectors.Page, error) {
	cur.Phase = ""
	from, err := cur.encode()
	if err != nil {
		return connectors.Page{}, err
	}
	return f.each.pull(ctx, from)
}

// sweep reads all owners of agents; none when the org does not know the filter.
func (f *ownersFeed) sweep(ctx context.Context) error {
	f.pass, f.began, f.found = "", f.client.now(), map[string]map[string]entry{}
	sweep := f.client.target(ownersPath, maxPage, `resource.type eq "ai-agents"`)
	err := f.client.each(ctx, sweep, readData, func(l list, a *answer) error {
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

// tell says of each of the next agents what the whole sweep has shown, as of when the sweep began.
func (f *ownersFeed) tell(ctx context.Context, cur cursor) (connectors.Page, error) {
	ids, err := f.client.agentIDs(ctx, cur.After == "")
	if err != nil {
		return connectors.Page{}, err
	}
	left := beyond(ids, cur.After)
	n := min(len(left), f.client.page)
	var records []connectors.Record
	for _, id := range left[:n] {
		r, err := listRecord(id, typeOwners, ordered(f.found[id]), &answer{target: ownersPath, asked: f.began})
		if err != nil {
			return connectors.Page{}, err
		}
		records = append(records, r)
		cur.After = id
	}
	page := connectors.Page{Records: f.client.withPeople(ctx, records)}
	if len(left) == n {
		return page, nil
	}
	next, err := cur.encode()
	page.Next, page.More = next, true
	return page, err
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
