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
	Class: rateClass,
	New:   func(s connectors.Settings) (connectors.Connector, error) { return newConnector(s) },
}

// maxPage is the most that Okta's lists give at once.
const maxPage = 200

// connector reads one org.
type connector struct {
	client *client
	feeds  []connectors.Feed
	hook   *hook
}

func newConnector(s connectors.Settings) (*connector, error) {
	o, err := options(s)
	if err != nil {
		return nil, err
	}
	c, err := newClient(s, o)
	if err != nil {
		return nil, err
	}
	return &connector{client: c, feeds: feeds(c, o), hook: newHook(s.Hook, o.log)}, nil
}

// systemLog is the feed that leads all others: within seconds it tells what has changed. An event hook wakes it.
const systemLog = "system-log"

// How often the audits are read. A whole listing, which proves things gone, costs a call per 200 things; a walk costs one or two
// for each. Without the log nothing else tells of changes.
const (
	listEvery, listAlone = 30 * time.Minute, 5 * time.Minute
	walkEvery, walkAlone = 24 * time.Hour, time.Hour

	// callEvery bounds what each of the ten audits costs in the long run: with the log's poll every ten seconds, all of them
	// together take one call more in each such cycle, whatever the size of the company.
	callEvery = 100 * time.Second
)

// feeds is everything that the connector reads. A name is for ever: it names the cursor.
func feeds(c *client, o settings) []connectors.Feed {
	list := func(name string, pull pullFunc, kinds ...events.Kind) connectors.Feed {
		return connectors.Feed{Name: name, Kinds: kinds, Every: listEvery, Alone: listAlone, CallEvery: callEvery, Led: systemLog, Pull: c.wholly(pull)}
	}
	audit := func(name string, ids idsFunc, parts ...*part) connectors.Feed {
		w := &walk{client: c, parts: parts, ids: ids}
		f := list(name, w.pull, kindsOf(parts)...)
		f.Every, f.Alone, f.Rests = walkEvery, walkAlone, true
		return f
	}
	return []connectors.Feed{
		list("ai-agents", (&agentsFeed{client: c}).pull, events.KindAgent),
		list("service-apps", (&appsFeed{client: c}).pull, events.KindAgent, events.KindCredential),
		list("api-tokens", (&tokensFeed{client: c}).pull, events.KindAgent, events.KindCredential, events.KindStewardship),
		list("owners", (&ownersFeed{client: c, each: &walk{client: c, parts: []*part{partOwners}, ids: c.agentIDs}}).pull, partOwners.kinds...),
		audit("agent-keys", c.agentIDs, partKeys),
		audit("connections", c.agentIDs, partConnections, partDelegations),
		audit("app-credentials", c.appsWithCredentials, partAppKeys),
		audit("app-grants", c.appIDs, partGrants),
		audit("app-roles", c.appIDs, partRoles),
		audit("people", knownPeople, partPerson),
		{Name: systemLog, Kinds: []events.Kind{events.KindActivity}, SignIns: o.log.activities == activitiesAll, Every: 10 * time.Second, Pull: c.wholly((&logFeed{client: c, opts: o.log}).pull)},
	}
}

// wholly sees to it that what a pull reads beside its list is not missing without a word: one that was cancelled on the way fails,
// and where people could not be read their walk is woken.
func (c *client) wholly(pull pullFunc) pullFunc {
	return func(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
		page, err := pull(ctx, from)
		if err == nil && ctx.Err() != nil {
			return connectors.Page{}, context.Cause(ctx)
		}
		if err == nil && c.unmet.Swap(false) {
			page.Wakes = append(slices.Clone(page.Wakes), "people")
		}
		return page, err
	}
}

type (
	pullFunc = func(context.Context, connectors.Cursor) (connectors.Page, error)
	idsFunc  = func(ctx context.Context, first bool) ([]string, error)
)

func kindsOf(parts []*part) []events.Kind {
	var kinds []events.Kind
	for _, p := range parts {
		kinds = append(kinds, p.kinds...)
	}
	return kinds
}

// agentIDs are all AI agents, sorted. The first time they are listed, unless that has just been done.
func (c *client) agentIDs(ctx context.Context, first bool) ([]string, error) {
	if first || !c.roll.has(&c.roll.agentsAt) {
		if err := c.knowAgents(ctx); err != nil {
			return nil, err
		}
	}
	return c.roll.agentIDs(), nil
}

// appIDs are all service apps, sorted.
func (c *client) appIDs(ctx context.Context, first bool) ([]string, error) {
	return c.appsThat(ctx, first, func(appRef) bool { return true })
}

// appsWithCredentials are the service apps that have something to prove themselves with that may be listed.
func (c *client) appsWithCredentials(ctx context.Context, first bool) ([]string, error) {
	return c.appsThat(ctx, first, func(a appRef) bool { return a.keys || a.secrets && c.secrets })
}

func (c *client) appsThat(ctx context.Context, first bool, fit func(appRef) bool) ([]string, error) {
	if first || !c.roll.has(&c.roll.appsAt) {
		if err := c.knowApps(ctx); err != nil {
			return nil, err
		}
	}
	return c.roll.appIDs(fit), nil
}

// knownPeople are the users and groups that the log knows of, because something names them.
func knownPeople(ctx context.Context, _ bool) ([]string, error) {
	return slices.DeleteFunc(connectors.Known(ctx, events.KindPerson), func(id string) bool { return !isUser(id) && !isGroup(id) }), nil
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
	page    int
	secrets bool // read the ids and dates of client secrets
	log     logOptions
}

// optionNames are all options.
var optionNames = []string{"activities", "activities_per_minute", "client_secrets", "log_since", "page_size"}

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
	switch name {
	case "client_secrets":
		if o.secrets, err = strconv.ParseBool(value); err != nil {
			return fmt.Errorf("okta: option client_secrets is %q: use true to have the ids and dates of client secrets read, which Okta "+
				"audits as a reading of the secrets, or false", value)
		}
		return nil
	case "page_size":
	default:
		return o.log.set(name, value)
	}
	if o.page, err = strconv.Atoi(value); err != nil || o.page < 1 || o.page > maxPage {
		return fmt.Errorf("okta: option page_size is %q: give a number from 1 to %d", value, maxPage)
	}
	return nil
}
