package okta

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// newKeysFeed reads the public keys of each agent: one call per agent.
func newKeysFeed(c *client) *fanout {
	f := &fanout{client: c, scope: "agent-keys", kinds: []events.Kind{events.KindCredential}}
	f.read = func(ctx context.Context, a agentRef) ([]connectors.Record, []connectors.Blindness, error) {
		r, err := c.small(ctx, a, typeKeys, a.path("/credentials/jwks"))
		if err != nil {
			return nil, nil, err
		}
		return []connectors.Record{r}, nil, nil
	}
	return f
}

// small reads a small list about one agent to its end, as one record.
func (c *client) small(ctx context.Context, a agentRef, kind, target string) (connectors.Record, error) {
	items := []jsontext.Value{}
	var first *answer
	err := c.each(ctx, target, func(l list, page *answer) error {
		if first == nil {
			first = page
		}
		items = append(items, l.items...)
		return nil
	})
	if err != nil {
		return connectors.Record{}, err
	}
	return listRecord(a, kind, items, first)
}
