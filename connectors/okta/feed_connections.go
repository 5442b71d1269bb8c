package okta

import (
	"context"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// newConnectionsFeed reads what each agent may reach (its resource connections) and who may call it (delegation links): two
// calls per agent, or more where an agent has over 200 of one.
func newConnectionsFeed(c *client) *fanout {
	f := &fanout{client: c, scope: "connections", kinds: []events.Kind{events.KindGrant, events.KindDelegation}}
	f.read = func(ctx context.Context, a agentRef) ([]connectors.Record, []connectors.Blindness, error) {
		grants, err := c.small(ctx, a, typeConnections, c.target(a.path("/connections"), maxPage, ""))
		if err != nil {
			return nil, nil, err
		}
		links, missing, err := c.delegationLinks(ctx, a)
		if err != nil {
			return nil, nil, err
		}
		return append([]connectors.Record{grants}, links...), missing, nil
	}
	return f
}

// delegationLinks reads who may call the agent. The API is a beta of the vendor's: an org without it still has connections.
func (c *client) delegationLinks(ctx context.Context, a agentRef) ([]connectors.Record, []connectors.Blindness, error) {
	if a.orn == "" {
		return nil, blind("delegation links: no agent's ORN is known, and Okta finds them by it", events.KindDelegation), nil
	}
	r, err := c.small(ctx, a, typeDelegations, c.target(delegationsPath, maxPage, `to.resourceOrn eq "`+a.orn+`"`))
	if cure, no := forbidden(err); no {
		return nil, blind("delegation links: "+cure, events.KindDelegation), nil
	}
	if badRequest(err) {
		return nil, blind("delegation links: the org refuses the filter by to.resourceOrn", events.KindDelegation), nil
	}
	if err != nil {
		return nil, nil, err
	}
	return []connectors.Record{r}, nil, nil
}

func blind(reason string, kinds ...events.Kind) []connectors.Blindness {
	return []connectors.Blindness{{Kinds: kinds, Reason: reason}}
}
