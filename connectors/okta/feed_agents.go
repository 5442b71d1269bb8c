package okta

import (
	"context"

	"github.com/rollcallhq/rollcall/connectors"
)

// scopeAgents is the listing of all AI agents.
const scopeAgents = "ai-agents"

// agentsFeed reads the directory's AI agents. The list has no delta, so each poll is a whole pass: one call per 200 agents.
type agentsFeed struct{ client *client }

func (f *agentsFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur := parseCursor(from)
	if cur.Next == "" {
		cur = cursor{Next: f.client.target(agentsPath, maxPage, "")}
	}
	l, a, err := f.client.list(ctx, cur.Next, readData)
	if err != nil {
		return connectors.Page{}, err
	}
	records := make([]connectors.Record, 0, len(l.items))
	for _, item := range l.items {
		r, err := a.record(typeAgent, item, nil)
		if err != nil {
			return connectors.Page{}, err
		}
		cur.Broken = cur.Broken || !readable(r)
		records = append(records, r)
	}
	whole, err := f.client.ended(ctx, l, a)
	if err != nil {
		return connectors.Page{}, err
	}
	cur.Broken = cur.Broken || !whole
	return cur.at("", l.next).page(scopeAgents, records, l.next == "")
}
