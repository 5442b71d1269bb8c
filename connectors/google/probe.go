package google

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
)

// Probe checks that the credentials work and that the connection sees something: a service account of the first project, or a
// location of Agent Registry or of Agent Runtime, of which each has many. One of them is enough: a role that is missing for one
// feed is told by that feed. Good answers that are all empty prove nothing.
func (c *connector) Probe(ctx context.Context) error {
	projects, err := c.client.allProjects(ctx)
	if err != nil {
		return err
	}
	at := projects.list[0]
	var first error
	for _, ask := range []func() ([]jsontext.Value, error){
		func() ([]jsontext.Value, error) {
			l, err := c.client.accounts(ctx, at, "", 1)
			return l.items, err
		},
		func() ([]jsontext.Value, error) { return c.client.registryLocations(ctx, at.Project) },
		func() ([]jsontext.Value, error) { return c.client.engineLocations(ctx, at.Project) },
	} {
		seen, err := ask()
		if err != nil && !isRefusal(err) || len(seen) > 0 {
			return err
		}
		first = cmpErr(first, err)
	}
	return cmpErr(first, &connectors.Fault{Kind: connectors.Forbidden,
		Cure: "check that " + at.parent() + " exists and that the connection's account has the roles of the connector's page there",
		Err:  errors.New(at.parent() + " shows no service account and no location")})
}
