package okta

import (
	"context"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// chunk is how many agents one page of a fan-out covers: a page that fails is read again whole, and the list costs one call
// per chunk.
const chunk = 20

// atOnce is how many agents of a chunk are asked about at the same time: the connection mostly waits for answers. The feeds
// together stay at a handful of calls at once, since an org takes 35 or 75 from everybody.
const atOnce = 2

// fanout reads something of each agent that Okta does not list for all of them. What is read of one agent replaces what was
// known of it; the pass over the agents proves nothing by itself, but carries what could not be seen to its end.
type fanout struct {
	client *client
	scope  string // names the pass; no entity is in it
	kinds  []events.Kind

	// read reads one agent. It returns what is missing as a reason, if the rest is worth having.
	read func(ctx context.Context, a agentRef) (rs []connectors.Record, missing []connectors.Blindness, err error)
}

// agentRef is an agent to ask about.
type agentRef struct {
	id  string
	orn string // empty when the vendor gives none
}

// path is the address of something of the agent's own.
func (a agentRef) path(rest string) string { return agentsPath + "/" + url.PathEscape(a.id) + rest }

func (f *fanout) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur := parseCursor(from)
	if cur.Next == "" {
		cur = cursor{Next: f.client.target(agentsPath, chunk, "")}
	}
	return f.pullFrom(ctx, cur)
}

// pullFrom reads the agents of one page and asks about each.
func (f *fanout) pullFrom(ctx context.Context, cur cursor) (connectors.Page, error) {
	l, _, err := f.client.list(ctx, cur.Next, readData)
	if err != nil {
		return connectors.Page{}, err
	}
	records, err := f.each(ctx, &cur, f.client.refs(l.items))
	if err != nil {
		return connectors.Page{}, err
	}
	return cur.at(cur.Phase, l.next).page(f.scope, records, l.next == "")
}

// each asks about each agent. An agent that has gone meanwhile has nothing to tell; the list of agents will say so. When none of
// the first page may be read, the feed is forbidden; later, what is hidden is noted and the rest goes on.
func (f *fanout) each(ctx context.Context, cur *cursor, agents []agentRef) ([]connectors.Record, error) {
	var records []connectors.Record
	var hidden []string
	var first error
	told, err := f.ask(ctx, agents)
	if err != nil {
		return nil, err
	}
	for _, t := range told {
		if cure, no := forbidden(t.err); no {
			hidden, first = append(hidden, cure), firstOf(first, t.err)
		}
		for _, m := range t.missing {
			cur.hide(m.Reason, m.Kinds...)
		}
		records = append(records, t.records...)
	}
	if !cur.Opened && len(hidden) > 0 && len(hidden) == len(agents) {
		return nil, first
	}
	for _, cure := range hidden {
		cur.hide("some agents may not be read: "+cure, f.kinds...)
	}
	return records, nil
}

// told is what was read of one agent. Its error, if any, is of that agent alone.
type told struct {
	records []connectors.Record
	missing []connectors.Blindness
	err     error
}

// ask reads the agents, some at the same time, and answers in their order. What fails for one agent alone is in its answer.
func (f *fanout) ask(ctx context.Context, agents []agentRef) ([]told, error) {
	out := make([]told, len(agents))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, a := range agents {
		g.Go(func() error {
			t := &out[i]
			t.records, t.missing, t.err = f.read(ctx, a)
			if _, no := forbidden(t.err); no || missingObject(t.err) {
				return nil
			}
			return t.err
		})
	}
	return out, g.Wait()
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// refs are the agents of a page that can be asked about. The ORNs of an org's agents differ in the last part only, so that one
// that is told gives the others.
func (c *client) refs(items []jsontext.Value) []agentRef {
	var refs []agentRef
	for _, item := range items {
		a := optional[wireAgent](item)
		if a.ID == "" {
			continue
		}
		orn := a.orn()
		if orn != "" {
			prefix := ornPrefix(orn)
			c.ornPrefix.Store(&prefix)
		}
		refs = append(refs, agentRef{id: a.ID, orn: orn})
	}
	if prefix := c.ornPrefix.Load(); prefix != nil {
		for i := range refs {
			if refs[i].orn == "" {
				refs[i].orn = *prefix + refs[i].id
			}
		}
	}
	return refs
}

// listRecord is the record of a small list that was read whole, of one agent.
func listRecord(a agentRef, kind string, items []jsontext.Value, read *answer) (connectors.Record, error) {
	body, err := events.Marshal(map[string]any{"data": items})
	if err != nil {
		return connectors.Record{}, misshapen(read, "JSON that can be kept", err)
	}
	return read.record(kind, body, map[string]string{aboutAgent: a.id})
}
