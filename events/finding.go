package events

import "time"

// Code says what is wrong with an agent.
type Code string

// The codes.
const (
	FindingOwnerless          Code = "ownerless"            // nobody answers for the agent, and that is known
	FindingOwnerDisabled      Code = "owner_disabled"       // who answers for it can no longer log in
	FindingStatusMismatch     Code = "status_mismatch"      // disabled at one connection, active at another
	FindingDeletedElsewhere   Code = "deleted_elsewhere"    // deleted at one connection, alive at another
	FindingCredentialExpired  Code = "credential_expired"   // a credential is past its end, and still there
	FindingCredentialExpiring Code = "credential_expiring"  // a credential will end soon
	FindingCredentialLongLife Code = "credential_long_life" // a secret, key or certificate that lives too long, or for ever
	FindingPrivileged         Code = "privileged"           // a grant gives power over a whole tenant, organization or project
	FindingUnused             Code = "unused"               // nothing was done in the agent's name for a long time
	FindingOrphaned           Code = "orphaned"             // its blueprint is gone
	FindingHostGone           Code = "host_gone"            // what it runs on, or belongs to, is gone
	FindingDanglingGrant      Code = "dangling_grant"       // a grant to an identity that is gone
)

// Severity says how much a finding matters.
type Severity string

// The severities.
const (
	SeverityLow    Severity = "low"
	SeverityMedium Severity = "medium"
	SeverityHigh   Severity = "high"
)

// Severities are all severities, the least first.
var Severities = []Severity{SeverityLow, SeverityMedium, SeverityHigh}

// The verbs of findings, as [EntityType] joins them: "finding.raised", "finding.cleared".
const (
	Raised  Verb = "raised"
	Cleared Verb = "cleared"
)

// Finding is something about an agent that somebody should look at, concluded from events alone.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`

	Agent      string `json:"agent,omitzero"` // the roster's id of the agent when this was said; the roster leads on from a retired id
	Connection string `json:"connection"`     // with Holder: the identity that it is about
	Holder     string `json:"holder"`
	Key        string `json:"key"` // of the credential, grant or stewardship that it is about, or [Self]

	Explanation string   `json:"explanation"`
	Causes      []string `json:"causes,omitzero"` // ids of the events that it follows from, as far as they are states; sorted

	// Raised and Sequence say since when it holds: the time and the place of the event, or of the tick, that brought it about.
	Raised   time.Time `json:"raised,omitzero"`
	Sequence uint64    `json:"sequence,omitzero"`

	// Cleared is when it ended to hold; zero while it holds.
	Cleared time.Time `json:"cleared,omitzero"`
}

// Ref is the address of what the finding is about.
func (f *Finding) Ref() Ref { return Ref{Kind: KindFinding, Holder: f.Holder, Key: f.Key} }
