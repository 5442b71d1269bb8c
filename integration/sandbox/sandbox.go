// Package sandbox is what the three imitation vendors have in common: the seeded company, the ground truth that a test
// compares a roster with, the faults that a test injects, the control API, and the file that state is kept in.
//
// A sandbox imitates a vendor's HTTP API from the vendor's published documentation. It shares no code with the connector
// that reads it (an import test enforces this), so that the two cannot share a mistake.
package sandbox

import (
	"net/http"
	"time"
)

// Vendor is one imitation vendor. ServeHTTP serves the vendor's own API; the chassis ([Serve]) puts the control API and
// the faults in front of it. Implementations are safe for concurrent use.
type Vendor interface {
	http.Handler

	// Name is the vendor's name as configured in Rollcall: entra, google or okta.
	Name() string

	// Token is the static bearer token that the sandbox accepts beside the vendor's own ways to authenticate. It is
	// derived from the seed, so that a restart meets the same vendor with the same token.
	Token() string

	// Mutate makes one change, as an administrator of the vendor would, and returns what was changed. Ids are chosen
	// deterministically from the sandbox's own seeded generator. It fails with [ErrNoTarget] when nothing fits Change.Op.
	Mutate(Change) (Outcome, error)

	// Truth is what exists at the vendor now, in the words of the design's glossary.
	Truth() Truth

	// ExpireCursors makes every delta token, page token and next link that was handed out so far invalid, each in the
	// vendor's own way (410, 400 with a code, ...).
	ExpireCursors()

	// Snapshot and Restore carry the whole state, tokens and generators included, as JSON.
	Snapshot() ([]byte, error)
	Restore([]byte) error
}

// Reader is implemented by a vendor whose API has requests that only read although they are no GET: batches, queries by POST.
type Reader interface {
	// OnlyReads reports whether a request changes nothing that must outlive the process.
	OnlyReads(*http.Request) bool
}

// Op is a kind of change.
type Op string

// The changes that every vendor understands, as far as it has the thing at all.
const (
	CreateAgent      Op = "agent.create"
	DisableAgent     Op = "agent.disable"
	EnableAgent      Op = "agent.enable"
	DeleteAgent      Op = "agent.delete"  // Entra: soft delete, restorable
	RestoreAgent     Op = "agent.restore" // undo of a soft delete or, at Google, undelete of a service account
	PurgeAgent       Op = "agent.purge"   // for good
	RenameAgent      Op = "agent.rename"
	AddOwner         Op = "owner.add" // owner, sponsor: the vendor's own stewardship
	RemoveOwner      Op = "owner.remove"
	AddCredential    Op = "credential.add"
	RemoveCredential Op = "credential.remove"
	AddGrant         Op = "grant.add" // or delegation
	RemoveGrant      Op = "grant.remove"
)

// The changes that only some vendors have; the others answer [ErrNoTarget].
const (
	DisablePerson Op = "person.disable" // leaves the company: Okta's deactivation
	EnablePerson  Op = "person.enable"  // undo of both person.disable and person.suspend
	SuspendPerson Op = "person.suspend"
	RenamePerson  Op = "person.rename" // a user or a group
	ActAgent      Op = "agent.act"     // an agent does something, which only the vendor's log tells
	ImportAgents  Op = "agent.import"  // the vendor's own import of agents from elsewhere runs

	BlockAgent        Op = "agent.block" // by the vendor itself, for a violation of its terms
	UnblockAgent      Op = "agent.unblock"
	AddRole           Op = "role.add" // an administrator's role in the directory
	RemoveRole        Op = "role.remove"
	AddInheritable    Op = "inheritable.add" // what agents may inherit from their blueprint
	RemoveInheritable Op = "inheritable.remove"
	AddConsent        Op = "consent.add" // one delegated scope, for one person or for all
	RemoveConsent     Op = "consent.remove"
	RaiseRisk         Op = "risk.raise" // the vendor detects a risk
	DismissRisk       Op = "risk.dismiss"

	AddBinding        Op = "binding.add" // a role on any resource; Name is its kind: organization, folder, project, engine, account
	RemoveBinding     Op = "binding.remove"
	RewritePolicy     Op = "policy.rewrite" // several roles given and taken on one resource at once; Name is its kind
	DisableCredential Op = "credential.disable"
	EnableCredential  Op = "credential.enable"
	RedeployAgent     Op = "agent.redeploy" // the same agent under a new identity: what the old one was given stays behind
	CallAgent         Op = "agent.call"     // an agent itself makes an administrative change
	UseAgent          Op = "agent.use"      // a person lets an agent act in the vendor's office suite, which only a report tells
	FailChange        Op = "change.fail"    // a change is tried and refused, which only the vendor's log tells
	AddConnection     Op = "connection.add" // an agent may call another agent
	RemoveConnection  Op = "connection.remove"
	CreateProvider    Op = "provider.create" // a store of credentials that people delegate to agents
	DisableProvider   Op = "provider.disable"
	EnableProvider    Op = "provider.enable"
	DeleteProvider    Op = "provider.delete" // soft, restorable
	RestoreProvider   Op = "provider.restore"
	OpenSink          Op = "sink.open" // the vendor's log flows into a queue from now on; Key is the subscription

	// What only the vendor's office suite reports.
	DelegateDomain   Op = "domain.delegate" // an agent may act for everybody in the suite
	UndelegateDomain Op = "domain.undelegate"
	AuthorizeClient  Op = "client.authorize" // a person consents to an OAuth client that agents use; Key is the client
	RevokeClient     Op = "client.revoke"
)

// Change asks for one change. Agent and Person may be empty: then the sandbox picks one that fits, with its own generator.
// For the changes to persons, Person names the user or group and Native may be user or group. What Name means beside a name
// is said by the vendor's sandbox.
type Change struct {
	Op     Op     `json:"op"`
	Agent  string `json:"agent,omitempty"`  // the id that [TruthAgent.ID] has
	Native string `json:"native,omitempty"` // only agents of this native type, for example reasoning_engine
	Person string `json:"person,omitempty"`
	Name   string `json:"name,omitempty"`
}

// Outcome says what a change did.
type Outcome struct {
	Op    Op        `json:"op"`
	Agent string    `json:"agent"`         // the id that [TruthAgent.ID] has; empty after a change to a person
	Name  string    `json:"name"`          // the agent's or person's name after the change
	Key   string    `json:"key,omitempty"` // the credential, grant or person that came, went or changed; of a deed, the log entry
	Text  string    `json:"text"`          // for a person: `credential k1 added to "Invoice matcher"`
	At    time.Time `json:"at"`            // when the vendor's API first shows it (later than now where the vendor is asynchronous)
}

// Truth is everything a roster should hold of one vendor.
type Truth struct {
	Vendor string       `json:"vendor"`
	Agents []TruthAgent `json:"agents"` // sorted by ID

	// People are those whom a reader has to know: who owns an agent now, or holds a token. Sorted by ID; nil where the
	// vendor's sandbox does not tell.
	People []TruthPerson `json:"people,omitempty"`

	// Blueprints are the templates of agents, sorted by ID; nil where the vendor has none.
	Blueprints []TruthBlueprint `json:"blueprints,omitempty"`

	// Further are identities of kinds beyond those of Agents, sorted by ID. They stand apart so that a test may compare
	// Agents with what a connector reads that does not read these kinds. At Google: cloud_run_service, gemini_agent,
	// managed_identity and registry_service.
	Further []TruthAgent `json:"further,omitempty"`

	// Providers are stores of credentials that people delegate to agents, sorted by ID.
	Providers []TruthProvider `json:"providers,omitempty"`

	// Dangling are the grants to agents that are gone, as member and [TruthAgent.Bindings] separated by a space, sorted.
	Dangling []string `json:"dangling,omitempty"`
}

// TruthProvider is a store of delegated credentials: Google's auth provider.
type TruthProvider struct {
	ID       string   `json:"id"`       // resource name
	Kind     string   `json:"kind"`     // three_legged_oauth, two_legged_oauth, api_key
	Status   string   `json:"status"`   // active, disabled, deleted (restorable), unknown
	Scopes   []string `json:"scopes"`   // that may be asked for, in the vendor's order
	Consents []string `json:"consents"` // who consented: person: scopes separated by spaces, and (suspended) behind, sorted
}

// TruthBlueprint is one template of agents as the vendor has it.
//
// ID is the object id of the application; where another tenant publishes the blueprint, that of its principal.
type TruthBlueprint struct {
	ID          string   `json:"id"`
	Principal   string   `json:"principal"` // the object id of its service principal
	Name        string   `json:"name"`
	Status      string   `json:"status"`      // active, disabled, deleted (soft-deleted and restorable)
	Stewards    []string `json:"stewards"`    // role:person id of the application, sorted
	Credentials []string `json:"credentials"` // the vendor's key ids, sorted
	Inheritable []string `json:"inheritable"` // resource application id=scopes separated by spaces, or =all, sorted
}

// TruthPerson is one user or group as the vendor has it.
type TruthPerson struct {
	ID     string `json:"id"`     // as it stands behind the colon in [TruthAgent.Stewards]
	Native string `json:"native"` // user, group
	Name   string `json:"name"`   // as the vendor displays it: "First Last", or the group's name
	Status string `json:"status"` // active, disabled, pending
}

// TruthAgent is one identity as the vendor has it.
//
// ID is the vendor's id that Rollcall uses as holder: Entra: the object id (of the agent identity or of the agent user);
// Google: the URN of a registry agent, the resource name of a reasoning engine, the unique id of a service account;
// Okta: the wlp id of an AI agent, the app id of a service app, the id of an API token.
type TruthAgent struct {
	ID          string   `json:"id"`
	Native      string   `json:"native"` // agent_identity, agent_user, registry_agent, reasoning_engine, service_account, ai_agent, service_app, api_token
	Name        string   `json:"name"`
	Status      string   `json:"status"`      // active, disabled, pending, deleted (soft-deleted and restorable), unknown
	Stewards    []string `json:"stewards"`    // role:person id, sorted
	Credentials []string `json:"credentials"` // the vendor's key ids, sorted
	Grants      []string `json:"grants"`      // the vendor's ids or role@resource, sorted
	LinkedTo    string   `json:"linked_to,omitempty"`

	// What follows is nil or empty at a vendor that does not have it.
	DisabledBy string   `json:"disabled_by,omitempty"` // vendor, when the vendor itself disabled it
	Roles      []string `json:"roles,omitempty"`       // the ids of its assignments to directory roles, sorted
	Inherited  []string `json:"inherited,omitempty"`   // the ids of the grants that it has through its blueprint, sorted
	Consents   []string `json:"consents,omitempty"`    // scope@resource id for person id or all, of its own delegated grants, sorted; at Google with (revoked) or (suspended) behind when it was used but does not stand
	Risk       string   `json:"risk,omitempty"`        // low, medium, high: the level while it is at risk

	// Identifiers are the other names that the vendor knows it by, as type=value, sorted: principal, spiffe, email, urn,
	// resource (without scheme), uri (of where it runs), account (whose identity it runs under).
	Identifiers []string `json:"identifiers,omitempty"`

	// Bindings are all its roles wherever they are given, as role@full resource name, with " if " and the expression behind
	// when there is a condition, sorted. Grants are those of them that lie on projects.
	Bindings []string `json:"bindings,omitempty"`

	// Federated are the outside identities that may act as it, as the vendor's policies spell them, sorted.
	Federated []string `json:"federated,omitempty"`

	// Connections are the agents that it may call, by ID, with " with " and the provider behind when it calls for a
	// person, sorted.
	Connections []string `json:"connections,omitempty"`

	// Delegated is what the vendor's office suite reports that it may do for people: scope@client for an e-mail address, or * for
	// everybody; client for an address (taken back) when it may no more. Sorted.
	Delegated []string `json:"delegated,omitempty"`
}

// Fault is a misbehaviour that the chassis plays instead of, or on top of, the vendor's answer.
type Fault struct {
	Kind  FaultKind     `json:"kind"`
	Path  string        `json:"path,omitempty"`        // regular expression on method and path, "GET /v1.0/users"; empty: every request but the control API's
	Times int           `json:"times,omitempty"`       // how many requests it hits; 0: until cleared
	Every int           `json:"every,omitempty"`       // only each nth matching request; 0 and 1: each one
	After time.Duration `json:"retry_after,omitempty"` // for rate_limit: the delay that the vendor's headers state; for slow: the delay (nanoseconds in JSON)
}

// FaultKind names a misbehaviour.
type FaultKind string

// The faults that the chassis can play.
const (
	RateLimit    FaultKind = "rate_limit"   // 429 in the vendor's own form, with its own headers
	ServerError  FaultKind = "server_error" // 500 with the vendor's own error body
	BadGateway   FaultKind = "html"         // 502 with an HTML body
	Unauthorized FaultKind = "unauthorized" // 401 in the vendor's own form
	Forbidden    FaultKind = "forbidden"    // 403 in the vendor's own form
	Expired      FaultKind = "expired"      // the vendor's answer to a cursor that it no longer knows
	Slow         FaultKind = "slow"         // the right answer, late
	Truncated    FaultKind = "truncated"    // the right answer, cut in the middle, with a clean end of body
	Reset        FaultKind = "reset"        // the connection is closed in the middle of the body
	EmptyOK      FaultKind = "empty"        // 200 and an empty list in the vendor's own form
)

// Failer is implemented by a vendor to give a fault its own form. status and body are written as they are.
type Failer interface {
	// Fail answers a request with the vendor's own form of the fault and reports whether it did; the chassis answers the
	// faults that need no vendor form (slow, truncated, reset, html) itself.
	Fail(w http.ResponseWriter, r *http.Request, f Fault) bool
}
