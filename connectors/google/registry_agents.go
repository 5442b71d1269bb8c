package google

import (
	"context"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	feedRegistryAgents = "registry-agents"
	typeRegistryAgent  = "registry_agent"
)

// mostAgents is the page size of the registry's lists. The API states none for agents.list; 100 is its cap for agents.search.
const mostAgents = 100

// registryAgents walks agentregistry/v1 projects.locations.agents.list, at every location of every project.
func registryAgents(c *client) *walk {
	l := registryLocator(c)
	return &walk{
		scope: feedRegistryAgents, kinds: []events.Kind{events.KindAgent}, places: l.places, done: l.found.forget,
		read: func(ctx context.Context, at place, token string) (leaf, error) {
			asked := c.now()
			l, err := c.list(ctx, "agents", token, c.get("agentregistry", "v1/"+at.parent()+"/agents", pageAsked(c.pageOf(mostAgents), token)))
			if err != nil {
				return leaf{}, err
			}
			return leafOf(typeRegistryAgent, at, asked, l), nil
		},
	}
}

func registryLocator(c *client) *locator {
	return &locator{client: c, list: c.registryLocations, keep: func(string) bool { return true },
		none: "name the Agent Registry's locations in the option locations, for example global, us-central1"}
}

// The names of what a record's Context holds.
const (
	ctxProject        = "project"        // as it was asked for: id or number
	ctxLocation       = "location"       // as it was asked for
	ctxNumber         = "number"         // of the project
	ctxUniqueID       = "unique_id"      // of the service account whose keys these are
	ctxResource       = "resource"       // full name of the resource whose policy this is
	ctxHolders        = "holders"        // JSON: member of the policy → holder id
	ctxPartial        = "partial"        // "true": holders or pools of some members could not be looked up
	ctxAuthorizations = "authorizations" // JSON: id → authorization of Gemini Enterprise
	ctxPools          = "pools"          // JSON: workload identity pool → what is known of it
)

// leafOf makes a record of every item of a page.
func leafOf(typ string, at place, asked time.Time, l listing) leaf {
	out := leaf{next: l.next, whole: l.whole}
	for _, body := range l.items {
		out.records = append(out.records, connectors.Record{Type: typ, Body: body, Asked: asked,
			Context: map[string]string{ctxProject: at.Project, ctxLocation: at.Location}})
	}
	return out
}
