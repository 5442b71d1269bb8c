// Package okta reads what an Okta org knows of AI agents: the agents of its directory, OAuth service apps, who owns them, what
// they prove themselves with and what they may reach.
//
// Read it in this order: this file lists the feeds; client.go asks the vendor through its SDK, transport.go mends what the SDK
// does wrong and auth.go proves who asks; each feed_*.go reads one feed page by page; normalize.go turns records into entities.
// README.md says what a person must grant.
package okta

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// Vendor makes connectors to Okta orgs.
var Vendor = connectors.Vendor{
	Name:  "okta",
	Title: "Okta",
	Auth:  methods,
	New:   func(s connectors.Settings) (connectors.Connector, error) { return newConnector(s) },
}

// maxPage is the most that Okta's lists give at once.
const maxPage = 200

// connector reads one org.
type connector struct {
	client *client
	feeds  []connectors.Feed
}

func newConnector(s connectors.Settings) (*connector, error) {
	page, err := options(s)
	if err != nil {
		return nil, err
	}
	c, err := newClient(s, page)
	if err != nil {
		return nil, err
	}
	return &connector{client: c, feeds: feeds(c)}, nil
}

// feeds is everything that the connector reads. A name is for ever: it names the cursor.
func feeds(c *client) []connectors.Feed {
	return []connectors.Feed{
		{Name: "ai-agents", Kinds: []events.Kind{events.KindAgent}, Every: time.Minute,
			Pull: (&agentsFeed{client: c}).pull},
		{Name: "service-apps", Kinds: []events.Kind{events.KindAgent, events.KindCredential}, Every: 5 * time.Minute,
			Pull: (&appsFeed{client: c}).pull},
		{Name: "owners", Kinds: []events.Kind{events.KindStewardship, events.KindPerson}, Every: 5 * time.Minute,
			Pull: (&ownersFeed{client: c}).pull},
		{Name: "agent-keys", Kinds: []events.Kind{events.KindCredential}, Every: 10 * time.Minute,
			Pull: newKeysFeed(c).pull},
		{Name: "connections", Kinds: []events.Kind{events.KindGrant, events.KindDelegation}, Every: 10 * time.Minute,
			Pull: newConnectionsFeed(c).pull},
	}
}

// Feeds says what the connection reads.
func (c *connector) Feeds() []connectors.Feed { return slices.Clone(c.feeds) }

// Normalize turns one record into what it says.
func (c *connector) Normalize(r connectors.Record) (connectors.Reading, error) { return normalize(r) }

// Probe checks that the org answers, the credentials work and something can be seen at all. Okta answers 200 with an empty list
// to an app that lacks an admin role, so an org in which neither an agent nor an app shows is not believed to be empty.
func (c *connector) Probe(ctx context.Context) error {
	agents, errAgents := c.client.shows(ctx, agentsPath+"?limit=1")
	if _, no := forbidden(errAgents); errAgents != nil && !no {
		return errAgents
	}
	apps, errApps := c.client.shows(ctx, appsPath+"?limit=1"+evenInactive)
	if _, no := forbidden(errApps); errApps != nil && !no {
		return errApps
	}
	if agents || apps {
		return nil
	}
	return &connectors.Fault{
		Kind: connectors.Forbidden,
		Err:  errors.Join(errors.New("the org shows neither an AI agent nor an app"), errAgents, errApps),
		Cure: "assign the credentials an admin role that sees AI agents and apps (Super Administrator, or a custom role with both)",
	}
}

// options reads Settings.Options: the page size.
func options(s connectors.Settings) (page int, err error) {
	if len(s.Services) > 0 {
		return 0, fmt.Errorf("okta: services %s: an Okta org has one base URL only; set endpoint instead",
			strings.Join(slices.Sorted(maps.Keys(s.Services)), ", "))
	}
	page = maxPage
	for _, name := range slices.Sorted(maps.Keys(s.Options)) {
		value := s.Options[name]
		if name != "page_size" {
			return 0, fmt.Errorf("okta: option %q is unknown; there is page_size only", name)
		}
		if page, err = strconv.Atoi(value); err != nil || page < 1 || page > maxPage {
			return 0, fmt.Errorf("okta: option page_size is %q: give a number from 1 to %d", value, maxPage)
		}
	}
	return page, nil
}
