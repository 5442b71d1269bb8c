// Package entra reads the agents of one Microsoft Entra tenant through Microsoft Graph v1.0: agent identities, their blueprints
// and blueprint principals, agents' user accounts, who answers for them, what they prove themselves with and what they may do.
//
// Read it in this order:
//
//   - connector.go makes a connector of its settings and lists its feeds; options.go, auth.go and login.go read the settings.
//   - client.go carries a request through the Graph SDK and hands back bytes; page.go, batch.go and errors.go say what is in them.
//   - delta.go reads what changed, sweep.go reads again what no delta shows, window.go polls a log by time. feed_*.go say of what.
//   - relations.go lists what hangs on each sort of object; people.go and names.go look up who and what is named by an id.
//   - hook.go takes change notifications, which are a nudge and nothing more.
//   - normalize.go turns records into entities; ids.go keeps the vendor's ids apart.
//
// Facts about the vendor that were not to be confirmed are marked as such where the code depends on them.
package entra

import (
	"context"
	"errors"
	"net/http"

	"github.com/rollcallhq/rollcall/connectors"
)

// Vendor makes connectors to Microsoft Entra.
var Vendor = connectors.Vendor{
	Name:  "entra",
	Title: "Microsoft Entra",
	Auth:  methods,
	Class: rateClass,
	New:   New,
}

// The services that Settings.Services can move elsewhere.
const (
	serviceGraph = "graph" // https://graph.microsoft.com, also set by Settings.Endpoint
	serviceLogin = "login" // https://login.microsoftonline.com
)

const (
	graphEndpoint = "https://graph.microsoft.com"
	maxPage       = 100 // of the cast lists, whose default it is too
)

// Connector reads one Entra tenant.
type Connector struct {
	client *client
	feeds  []connectors.Feed
	hook   hook
}

// New makes a connector. It does no network I/O. Its errors name the setting and the cure.
func New(s connectors.Settings) (connectors.Connector, error) {
	base, err := graphBase(s)
	if err != nil {
		return nil, err
	}
	o, err := readOptions(s)
	if err != nil {
		return nil, err
	}
	credential, err := newCredential(s)
	if err != nil {
		return nil, err
	}
	c, err := newClient(s, base, credential)
	if err != nil {
		return nil, err
	}
	c.pageSize = o.page
	return &Connector{client: c, feeds: feeds(c, o), hook: newHook(s.Hook, o.notify != "")}, nil
}

// feeds is everything that the connector reads. A name is for ever: it names the cursor.
func feeds(c *client, o settings) []connectors.Feed {
	all := []connectors.Feed{
		servicePrincipals(c), applications(c), users(c), consents(c), directoryAudits(c, o),
		stewards(c), grants(c), federatedCredentials(c), inherited(c), people(c), deletedItems(c), risk(c),
	}
	if o.notify != "" {
		all = append(all, subscription(c, o.notify, o.state))
	}
	if o.activities == activitiesAll {
		all = append(all, signIns(c, o))
	}
	for i := range all {
		all[i].Pull = wholly(all[i].Pull)
	}
	return all
}

// Feeds says what the connection reads.
func (c *Connector) Feeds() []connectors.Feed { return c.feeds }

// Probe checks that the connection may see. Every tenant has service principals, the one of this very application among them:
// a Graph that shows none does not show what there is. Who may read agent identities alone is refused there, and asked for those.
func (c *Connector) Probe(ctx context.Context) error {
	some, err := c.client.peek(ctx, "/servicePrincipals", needDirectory)
	switch f := connectors.AsFault(err); {
	case err == nil && some:
		return nil
	case err == nil:
		return &connectors.Fault{Kind: connectors.Forbidden, Cure: cureForbidden(needDirectory),
			Err: errors.New("Graph shows no service principal at all, not even this application's own")}
	case f == nil || f.Kind != connectors.Forbidden:
		return err
	}
	_, err = c.client.peek(ctx, castAgentIdentity, needAgents)
	return err
}

// peek asks whether a list has anything.
func (c *client) peek(ctx context.Context, path, need string) (some bool, err error) {
	p, err := c.page(ctx, call{url: c.url(path + "?$top=1&$select=id"), need: need})
	return len(p.items) > 0 || p.next != "", err
}

// sees asks whether a list that no tenant has empty shows something. Where it does not, what single objects seem to lack is not
// believed. A list that may not be read proves nothing: then each object's own answer counts.
func (c *client) sees(ctx context.Context, path, need string) (bool, error) {
	some, err := c.peek(ctx, path, need)
	if isForbidden(err) {
		return true, nil
	}
	return some, err
}

// noRedirects lets a redirect arrive as the answer that it is: Graph has none, and following one would carry the token along.
func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// errMissing is for a setting that must be there.
func errMissing(setting, cure string) error {
	return errors.New("entra: " + setting + " is missing: " + cure)
}
