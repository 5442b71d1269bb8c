package okta

import (
	"context"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// scopeAgents is the listing of all AI agents.
const scopeAgents = "ai-agents"

// agentsFeed reads the directory's AI agents. The list has no delta, so each poll is a whole pass: one call per 200 agents. What hangs
// on an agent that the log does not know yet is read with it, unless nothing is known at all: then the walks are at it.
type agentsFeed struct {
	client *client
	began  time.Time // of the pass; zero: another process began it
	first  bool      // the pass is the very first of the connection
}

// agentParts are what a new agent is read with, and agentWalks the feeds that read it otherwise.
var (
	agentParts = []*part{partKeys, partConnections, partDelegations, partOwners}
	agentWalks = []string{"agent-keys", "connections", "owners"}
)

func (f *agentsFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur := parseCursor(from)
	if cur.Next == "" {
		cur = cursor{Next: f.client.target(agentsPath, maxPage, "")}
		f.began, f.first = f.client.now(), len(connectors.Known(ctx, events.KindAgent)) == 0
	}
	l, a, err := f.client.list(ctx, cur.Next, readData)
	if err != nil {
		return connectors.Page{}, err
	}
	var fresh []string
	records := make([]connectors.Record, 0, len(l.items))
	for _, item := range l.items {
		r, err := a.record(typeAgent, item, nil)
		if err != nil {
			return connectors.Page{}, err
		}
		cur.Broken = cur.Broken || !readable(r)
		records = append(records, r)
		ref, _ := f.client.roll.agent(item, a.asked)
		if ref.id != "" && !connectors.IsKnown(ctx, events.Identity(events.KindAgent, ref.id)) {
			fresh = append(fresh, ref.id)
		}
	}
	whole, err := f.client.ended(ctx, l, a)
	if err != nil {
		return connectors.Page{}, err
	}
	cur.Broken = cur.Broken || !whole
	if l.next == "" && !cur.Broken && !f.began.IsZero() {
		f.client.roll.listedAgents(f.began)
	}
	page, err := cur.at("", l.next).page(scopeAgents, records, l.next == "")
	if err == nil && !f.first {
		more, wakes := f.client.whole(ctx, fresh, agentParts, agentWalks)
		page.Records, page.Wakes = append(page.Records, more...), wakes
	}
	return page, err
}
