// Package google reads the agents of a Google Cloud organization: the Agent Registry's agents, Agent Runtime's reasoning
// engines, and the service accounts that most agents still run as, with the accounts' keys and their projects' IAM policies.
//
// Sources: the discovery documents of google.golang.org/api and Google's own documentation. README.md in this folder says what
// each feed costs, which roles it needs and what it cannot see.
package google

import (
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// Vendor makes connectors to Google Cloud.
var Vendor = connectors.Vendor{
	Name:  "google",
	Title: "Google Cloud",
	Auth:  []string{authADC, authImpersonation, authServiceAccountKey, authBearer},
	Class: class,
	New:   New,

	PerMinute: perMinute,
	Warnings:  warnings,
}

// connector is one connection to Google Cloud.
type connector struct {
	client *client
	feeds  []connectors.Feed
}

// New makes a connector from a connection's settings. It does no network I/O; its errors name the setting and the cure.
func New(s connectors.Settings) (connectors.Connector, error) {
	o, err := parseOptions(s.Options)
	if err != nil {
		return nil, err
	}
	c, err := newClient(s, o)
	if err != nil {
		return nil, err
	}
	return &connector{client: c, feeds: feeds(c)}, nil
}

// Feeds says what the connection reads.
func (c *connector) Feeds() []connectors.Feed { return c.feeds }

// How often the audits are read: what the audit log tells of as it happens is read in full only to be sure of it. A whole listing,
// which proves things gone, costs a call per 100 things; a walk asks thing after thing.
const (
	listEvery, listAlone = 30 * time.Minute, 5 * time.Minute
	walkEvery, walkAlone = 24 * time.Hour, 30 * time.Minute

	// callEvery bounds what each audit costs in the long run: twelve calls a minute, whatever the size of the company.
	callEvery = 5 * time.Second

	// logEvery is how often the log is read, at a call per 100 projects. Google allows 60 a minute.
	logEvery = 15 * time.Second

	// queueEvery is how often the log's queue is asked, of which Google allows far more.
	queueEvery = 5 * time.Second
)

// audits are the feeds that the log leads.
var audits = []string{feedRegistryAgents, feedReasoningEngines, feedServiceAccounts, feedServiceAccountKeys, feedIAMPolicies,
	feedFolderPolicies, feedAccountPolicies, feedEnginePolicies, feedRunAgents, feedGeminiAgents, feedRegistryBindings, feedDelegations,
	feedRunPolicies, feedAppPolicies, feedProviderPolicies, feedPoolPolicies, feedRegistryServices}

// policyFeeds read policies: an account that is undeleted has its roles again, wherever they are.
var policyFeeds = []string{feedIAMPolicies, feedFolderPolicies, feedAccountPolicies, feedEnginePolicies, feedRunPolicies, feedAppPolicies, feedProviderPolicies,
	feedPoolPolicies}

// feeds lists every feed with its pace. Google shows a new state of its lists to different callers at different times, so two
// passes have to agree before something that a list no longer shows is held to be gone.
func feeds(c *client) []connectors.Feed {
	list := func(name string, w *walk) connectors.Feed {
		return connectors.Feed{Name: name, Kinds: w.kinds, Every: listEvery, Alone: listAlone, CallEvery: callEvery, Led: feedAuditLog,
			Passes: 2, Pull: w.pull}
	}
	audit := func(name string, w *walk) connectors.Feed {
		return connectors.Feed{Name: name, Kinds: w.kinds, Every: walkEvery, Alone: walkAlone, CallEvery: callEvery, Led: feedAuditLog,
			Rests: true, Pull: w.pull}
	}
	all := []connectors.Feed{
		list(feedRegistryAgents, registryAgents(c)),
		list(feedReasoningEngines, reasoningEngines(c)),
		list(feedServiceAccounts, serviceAccounts(c)),
		list(feedRunAgents, runAgents(c)),
		list(feedGeminiAgents, geminiAgents(c)),
		list(feedRegistryServices, registryServices(c)),
		list(feedRegistryBindings, registryBindings(c)),
		list(feedDelegations, delegations(c)),
		audit(feedServiceAccountKeys, serviceAccountKeys(c)),
		audit(feedIAMPolicies, iamPolicies(c)),
		audit(feedFolderPolicies, folderPolicies(c)),
		audit(feedAccountPolicies, accountPolicies(c)),
		audit(feedEnginePolicies, enginePolicies(c)),
		audit(feedRunPolicies, runPolicies(c)),
		audit(feedAppPolicies, appPolicies(c)),
		audit(feedProviderPolicies, providerPolicies(c)),
		audit(feedPoolPolicies, poolPolicies(c)),
		{Name: feedAuditLog, Kinds: []events.Kind{events.KindActivity}, Every: logEvery, Pull: newAuditLog(c).pull},
	}
	if log := &all[len(all)-1]; c.subscription != "" {
		log.Every = queueEvery
	}
	if c.workspace.admin != "" {
		all = append(all, connectors.Feed{Name: feedWorkspaceReports, Kinds: reportKinds, Every: reportsEvery, Pull: newWorkspaceReports(c).pull})
	}
	return slices.DeleteFunc(all, func(f connectors.Feed) bool { return slices.Contains(c.skip, f.Name) })
}
