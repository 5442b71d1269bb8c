package google

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
)

const (
	feedReasoningEngines = "reasoning-engines"
	typeReasoningEngine  = "reasoning_engine"
)

// mostEngines is the page size of the engines' lists. The API states no maximum; 100 is usual on this platform.
const mostEngines = 100

// homeLocation is where aiplatform is asked which locations it has.
const homeLocation = "us-central1"

// reasoningEngines walks aiplatform/v1 projects.locations.reasoningEngines.list, at every region of every project.
func reasoningEngines(c *client) *walk {
	l := engineLocator(c)
	return &walk{
		scope: feedReasoningEngines, kinds: []events.Kind{events.KindAgent}, places: l.places, done: l.found.forget,
		group: func(at place) string {
			return policyScope(engineResource(inProject(at.parent(), c.dir.number(at.Project)) + "/reasoningEngines/"))
		},
		read: func(ctx context.Context, at place, token string) (leaf, error) {
			if err := c.knowNumber(ctx, at); err != nil {
				return leaf{}, err
			}
			asked := c.now()
			l, err := c.engines(ctx, at, token)
			if err != nil {
				return leaf{}, err
			}
			return leafOf(typeReasoningEngine, at, asked, l), nil
		},
	}
}

func engineLocator(c *client) *locator {
	return &locator{client: c, list: c.engineLocations, keep: isRegion,
		none: "name at least one region in the option locations, for example us-central1: Agent Runtime has no engines elsewhere"}
}

// engines reads one page of a region's engines.
func (c *client) engines(ctx context.Context, at place, token string) (listing, error) {
	return c.enginesBy(ctx, at, token, mostEngines)
}

func (c *client) enginesBy(ctx context.Context, at place, token string, most int) (listing, error) {
	return c.list(ctx, "reasoningEngines", token, c.aiplatform(at.Location, "v1/"+at.parent()+"/reasoningEngines", token, c.pageOf(most)))
}

// parseEngine is the name of an engine that is listed.
func parseEngine(v jsontext.Value) (string, error) {
	var e struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(v, &e); err != nil || !engineName.MatchString(e.Name) || !plainPath(e.Name) {
		return "", errors.New("an engine without a usable name; ask again later")
	}
	return e.Name, nil
}

// plainPath reports whether every part of a resource name is one that may stand in a path.
func plainPath(resource string) bool {
	for part := range strings.SplitSeq(resource, "/") {
		if !name.MatchString(part) {
			return false
		}
	}
	return true
}

// engineLocations lists the platform's locations. Where it has no such list, the Agent Registry's serves.
func (c *client) engineLocations(ctx context.Context, project string) ([]jsontext.Value, error) {
	items, err := everyPage(func(token string) (listing, error) {
		return c.list(ctx, "locations", token, c.aiplatform(homeLocation, "v1/projects/"+project+"/locations", token, int64(c.pageSize)))
	})
	if isStatus(err, http.StatusNotFound) {
		return c.registryLocations(ctx, project)
	}
	return items, err
}

// isRegion leaves the multi-regions out: every engine lies in one region.
func isRegion(location string) bool {
	return location != "global" && location != "us" && location != "eu"
}
