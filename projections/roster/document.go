// Package roster is the view in which each agent appears once, whatever number of identity providers know it.
//
// It folds entity events into identities (one per agent, blueprint or person of a connection), joins agent identities that
// share a linking identifier, and writes one [Agent] document per joined group. Names and addresses of persons are not copied
// into agents: an agent refers to a person by id, and the person's own document holds them.
//
// Keys of the view:
//
//	<tenant>.<agent id>                          an [Agent]
//	_holders.<tenant>.<connection>.<vendor id>   an [Identity] that is no agent: a person, a blueprint, or not yet known
//	_graves.<tenant>.<connection>.<vendor id>    an [Identity] of an agent that has been gone for so long that it is no longer shown
//	_coverage.<tenant>.<connection>.<feed>       what a feed can see, a [Coverage]
//	_shown.<tenant>.<connection>                 that a connection tells of sign-ins, a [Shown]
//	_clock.<tenant>.tick                         the last tick, a [Clock]
//	_assertions.<tenant>.<key>                   what an operator says about which identities are one agent, an [Assertion]
//
// Memory and start-up cost grow with the number of entities. An event costs as much as the identity that it is about, a document as much as
// the group that it shows.
package roster

import (
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// Name is the view's bucket and the name of its checkpoint.
const Name = "roster"

// Version is the version of the fold. A view that another version wrote is rebuilt.
const Version = 3

const (
	holdersPrefix  = "_holders"
	coveragePrefix = "_coverage"

	clockPrefix      = "_clock"
	gravesPrefix     = "_graves"
	shownPrefix      = "_shown"
	assertionsPrefix = "_assertions"
)

// Agent is one agent of the company, or, when Successor is set, only a pointer from an id that is no longer in use.
type Agent struct {
	ID        string `json:"id"` // "agt_" and 20 hex digits
	Tenant    string `json:"tenant"`
	Version   int    `json:"version"`            // of the fold that wrote the document: [Version]
	Successor string `json:"successor,omitzero"` // the id under which the agent is found now

	Name        string         `json:"name,omitzero"`
	Description string         `json:"description,omitzero"`
	Status      events.Status  `json:"status,omitzero"` // the most alive of its identities': it may still act there
	Class       events.Class   `json:"class,omitzero"`
	Models      []events.Model `json:"models,omitzero"`

	Identities []Identity       `json:"identities,omitzero"` // the one that the id is of comes first
	Links      []Link           `json:"links,omitzero"`      // why they are held to be one agent
	Findings   []events.Finding `json:"findings,omitzero"`   // what somebody should look at, ordered by code, identity and key

	FirstSeen  time.Time `json:"first_seen,omitzero"`  // when the first event about it was recorded
	LastChange time.Time `json:"last_change,omitzero"` // when its last change happened at the vendor
	Sequence   uint64    `json:"sequence,omitzero"`    // of the last event about its identities
}

// Identity is one identity at one connection, with all that hangs on it.
type Identity struct {
	Tenant     string `json:"tenant"`
	Connection string `json:"connection"`
	Vendor     string `json:"vendor"`
	Holder     string `json:"holder"` // the vendor's id

	Agent     *events.Agent     `json:"agent,omitzero"`
	Blueprint *events.Blueprint `json:"blueprint,omitzero"`
	Person    *events.Person    `json:"person,omitzero"`
	Gone      *events.Gone      `json:"gone,omitzero"`    // how the agent is known to be gone
	Unknown   []events.Kind     `json:"unknown,omitzero"` // what could not be read of it: unknown, not none

	Stewards    []Item[events.Stewardship] `json:"stewards,omitzero"`
	Credentials []Item[events.Credential]  `json:"credentials,omitzero"`
	Grants      []Item[events.Grant]       `json:"grants,omitzero"`
	Delegations []Item[events.Delegation]  `json:"delegations,omitzero"`
	Risks       []Item[events.Risk]        `json:"risks,omitzero"`

	LastActivity *LastActivity `json:"last_activity,omitzero"`

	Event         string    `json:"event,omitzero"`         // id of the last event about the identity itself
	FirstSeen     time.Time `json:"first_seen"`             // when its first event was recorded
	FirstSeenAs   string    `json:"first_seen_as,omitzero"` // "snapshot": a listing showed it, it may be older
	FirstSequence uint64    `json:"first_sequence"`         // of that event
	LastChange    time.Time `json:"last_change"`            // at the vendor
	Sequence      uint64    `json:"sequence"`               // of the last event about it or what hangs on it
}

// Item is one thing that hangs on an identity: its key, since when and by which event it is as it is, and the thing itself.
type Item[T any] struct {
	Key   string    `json:"key"`
	Since time.Time `json:"since"`
	Event string    `json:"event"`
	Value T         `json:",embed"`
}

// LastActivity is the latest thing that an identity is known to have done.
type LastActivity struct {
	Type    string    `json:"type"`
	Time    time.Time `json:"time"`
	Outcome string    `json:"outcome,omitzero"`
}

// Link is the evidence that identities are one agent: an identifier that all have, or an assertion, whose key is the value.
type Link struct {
	Type       events.IdentifierType `json:"type"`
	Value      string                `json:"value"`
	Identities []string              `json:"identities"` // "<connection>/<vendor id>", sorted
}

// Coverage is what a feed of a connection can see.
type Coverage struct {
	Tenant     string `json:"tenant"`
	Connection string `json:"connection"`
	events.Coverage
	Since    time.Time `json:"since"`
	Sequence uint64    `json:"sequence"`
}

// AgentKey is the key of an agent's document.
func AgentKey(tenant, id string) string { return projections.Key(tenant, id) }

// HolderKey is the key of the document of a person, a blueprint, or a vendor id of which nothing else is known yet.
func HolderKey(tenant, connection, id string) string {
	return projections.Key(holdersPrefix, tenant, connection, id)
}

// HoldersPattern matches the keys of a tenant's persons and blueprints; an empty tenant means all tenants'.
func HoldersPattern(tenant string) string { return pattern(holdersPrefix, tenant) + ".*.*" }

func graveKey(a at) string { return projections.Key(gravesPrefix, a.tenant, a.connection, a.holder) }

// CoveragePattern matches the keys of a tenant's coverage documents; an empty tenant means all tenants'.
func CoveragePattern(tenant string) string { return pattern(coveragePrefix, tenant) + ".*.*" }

// AgentsPattern matches the keys of a tenant's agents; an empty tenant means all tenants'.
func AgentsPattern(tenant string) string {
	if tenant == "" {
		return "*.*"
	}
	return projections.Key(tenant) + ".*"
}

func pattern(prefix, tenant string) string {
	if tenant == "" {
		return prefix + ".*"
	}
	return projections.Key(prefix, tenant)
}
