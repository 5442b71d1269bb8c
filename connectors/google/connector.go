// Package google reads the agents of a Google Cloud organization: the Agent Registry's agents, Agent Runtime's reasoning
// engines, and the service accounts that most agents still run as, with the accounts' keys and their projects' IAM policies.
//
// Sources: the discovery documents of google.golang.org/api and Google's own documentation. README.md in this folder says what
// each feed costs, which roles it needs and what it cannot see.
package google

import (
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// Vendor makes connectors to Google Cloud.
var Vendor = connectors.Vendor{
	Name:  "google",
	Title: "Google Cloud",
	Auth:  []string{authADC, authImpersonation, authServiceAccountKey, authBearer},
	New:   New,

	Warnings: warnings,
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

// feeds lists every feed with its pace. Google shows a new state of its lists to different callers at different times, so two
// passes have to agree before something that a list no longer shows is held to be gone.
func feeds(c *client) []connectors.Feed {
	return []connectors.Feed{
		{Name: feedRegistryAgents, Kinds: []events.Kind{events.KindAgent}, Every: time.Minute, Passes: 2,
			Pull: registryAgents(c).pull},
		{Name: feedReasoningEngines, Kinds: []events.Kind{events.KindAgent}, Every: time.Minute, Passes: 2,
			Pull: reasoningEngines(c).pull},
		{Name: feedServiceAccounts, Kinds: []events.Kind{events.KindAgent}, Every: time.Minute, Passes: 2,
			Pull: serviceAccounts(c).pull},
		{Name: feedServiceAccountKeys, Kinds: []events.Kind{events.KindCredential}, Every: 5 * time.Minute,
			Pull: serviceAccountKeys(c).pull},
		{Name: feedIAMPolicies, Kinds: []events.Kind{events.KindGrant}, Every: 2 * time.Minute,
			Pull: iamPolicies(c).pull},
	}
}
