package google

import (
	"context"
	"errors"

	"github.com/rollcallhq/rollcall/connectors"
)

// Probe checks that the credentials work and that the connection may see something: it asks the first project for one service
// account, and where that is refused for the locations of Agent Registry and of Agent Runtime. One good answer is enough: a role
// that is missing for one feed is told by that feed.
func (c *connector) Probe(ctx context.Context) error {
	projects, err := c.client.allProjects(ctx)
	if err != nil {
		return err
	}
	if len(projects.list) == 0 {
		return &connectors.Fault{Kind: connectors.Forbidden, Cure: "name the projects to read in the option projects",
			Err: errors.New("the connection has no project")}
	}
	at := projects.list[0]
	var first error
	for _, ask := range []func() (listing, error){
		func() (listing, error) { return c.client.accounts(ctx, at, "", 1) },
		func() (listing, error) { return c.client.registryLocations(ctx, at.Project, "") },
		func() (listing, error) { return c.client.engineLocations(ctx, at.Project, "") },
	} {
		_, err := ask()
		if err == nil || !isRefusal(err) {
			return err
		}
		first = cmpErr(first, err)
	}
	return first
}
