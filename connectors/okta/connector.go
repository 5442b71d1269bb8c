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
	o, err := options(s)
	if err != nil {
		return nil, err
	}
	c, err := newClient(s, o.page)
	if err != nil {
		return nil, err
	}
	return &connector{client: c, feeds: feeds(c, o)}, nil
}

// feeds is everything that the connector reads. A name is for ever: it names the cursor. The System Log tells what has changed
// within seconds, so that whole passes, which cost calls for each agent, can be rare.
func feeds(c *client, o settings) []connectors.Feed {
	return []connectors.Feed{
		{Name: "ai-agents", Kinds: []events.Kind{events.KindAgent}, Every: 5 * time.Minute,
			Pull: (&agentsFeed{client: c}).pull},
		{Name: "service-apps", Kinds: []events.Kind{events.KindAgent, events.KindCredential}, Every: 15 * time.Minute,
			Pull: (&appsFeed{client: c}).pull},
		{Name: "owners", Kinds: []events.Kind{events.KindStewardship, events.KindPerson}, Every: 15 * time.Minute,
			Pull: (&ownersFeed{client: c}).pull},
		{Name: "agent-keys", Kinds: []events.Kind{events.KindCredential}, Every: 30 * time.Minute,
			Pull: newKeysFeed(c).pull},
		{Name: "connections", Kinds: []events.Kind{events.KindGrant, events.KindDelegation}, Every: 30 * time.Minute,
			Pull: newConnectionsFeed(c).pull},
		{Name: "system-log", Kinds: []events.Kind{events.KindActivity}, Every: 10 * time.Second,
			Pull: (&logFeed{client: c, opts: o.log}).pull},
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

// settings are the connection's options, read.
type settings struct {
	page int
	log  logOptions
}

// optionNames are all options.
var optionNames = []string{"activities", "activities_per_minute", "log_since", "page_size"}

// options reads Settings.Options.
func options(s connectors.Settings) (settings, error) {
	o := settings{page: maxPage, log: defaultLogOptions()}
	if len(s.Services) > 0 {
		return o, fmt.Errorf("okta: services %s: an Okta org has one base URL only; set endpoint instead",
			strings.Join(slices.Sorted(maps.Keys(s.Services)), ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Options)) {
		if !slices.Contains(optionNames, name) {
			return o, fmt.Errorf("okta: option %q is unknown; there are %s", name, strings.Join(optionNames, ", "))
		}
		if err := o.set(name, s.Options[name]); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o *settings) set(name, value string) (err error) {
	if name != "page_size" {
		return o.log.set(name, value)
	}
	if o.page, err = strconv.Atoi(value); err != nil || o.page < 1 || o.page > maxPage {
		return fmt.Errorf("okta: option page_size is %q: give a number from 1 to %d", value, maxPage)
	}
	return nil
}
