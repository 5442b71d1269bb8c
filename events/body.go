package events

import "time"

// Status is whether an identity can act, as its vendor has it.
type Status string

// The statuses. What no connector could map is StatusUnknown, with the vendor's word in NativeStatus.
const (
	StatusActive   Status = "active"
	StatusDisabled Status = "disabled"
	StatusPending  Status = "pending"
	StatusDeleted  Status = "deleted"
	StatusUnknown  Status = "unknown"
)

// Class says whether an identity is an AI agent, or a workload that may or may not be one.
type Class string

// The classes.
const (
	ClassAgent    Class = "agent"
	ClassWorkload Class = "workload"
	ClassUnknown  Class = "unknown"
)

// Model is a way in which an agent acts.
type Model string

// The models; an agent can have several.
const (
	ModelService   Model = "service"   // as itself
	ModelUser      Model = "user"      // as a user account of its own
	ModelDelegated Model = "delegated" // on behalf of a person
)

// Agent is a non-human identity at one vendor.
type Agent struct {
	Native       string       `json:"native"` // the vendor's type: agent_identity, agent_user, ai_agent, service_app, reasoning_engine, ...
	Name         string       `json:"name,omitzero"`
	Description  string       `json:"description,omitzero"`
	Status       Status       `json:"status"`
	NativeStatus string       `json:"native_status,omitzero"` // the vendor's word for it
	Class        Class        `json:"class"`
	ClassReason  string       `json:"class_reason,omitzero"` // why it is held to be of this class
	Models       []Model      `json:"models,omitzero"`       // sorted
	Platform     string       `json:"platform,omitzero"`     // what it runs on, in the vendor's word
	Blueprint    string       `json:"blueprint,omitzero"`    // the vendor's id of its blueprint: the value of one of that blueprint's identifiers
	Identifiers  []Identifier `json:"identifiers,omitzero"`  // sorted by type and value
	Created      time.Time    `json:"created,omitzero"`      // by the vendor's clock
	DisabledBy   string       `json:"disabled_by,omitzero"`  // who or what disabled it, where the vendor says
	Labels       []string     `json:"labels,omitzero"`       // tags and labels, sorted; "key=value" for pairs
}

// IdentifierType says in which space of names an identifier is unique.
type IdentifierType string

// The types of identifiers.
const (
	IDObject        IdentifierType = "object_id"         // the vendor's own object id
	IDApp           IdentifierType = "app_id"            // Entra appId
	IDClient        IdentifierType = "client_id"         // OAuth client id
	IDPrincipal     IdentifierType = "principal"         // Google IAM principal, canonical: principal://...
	IDSPIFFE        IdentifierType = "spiffe_id"         // spiffe://...
	IDURL           IdentifierType = "url"               // a client id metadata document or an agent card
	IDURN           IdentifierType = "urn"               // a registry's name for it
	IDResource      IdentifierType = "resource_name"     // Google resource name, ORN, ARM id
	IDEmail         IdentifierType = "email"             // of a service account
	IDUserName      IdentifierType = "user_name"         // of a user account that an agent acts as
	IDAgentIdentity IdentifierType = "agent_identity_id" // Entra: the agent identity that an agent user belongs to, and that identity itself
	IDExternal      IdentifierType = "external_id"       // "<platform>|<id>" at the platform that an agent was imported from
)

// Identifier is one name by which an agent is known somewhere.
type Identifier struct {
	Type  IdentifierType `json:"type"`
	Value string         `json:"value"`
}

// Blueprint is the template of agents.
type Blueprint struct {
	Native       string       `json:"native"`
	Name         string       `json:"name,omitzero"`
	Description  string       `json:"description,omitzero"`
	Status       Status       `json:"status"`
	NativeStatus string       `json:"native_status,omitzero"`
	Identifiers  []Identifier `json:"identifiers,omitzero"`
	Publisher    string       `json:"publisher,omitzero"`
	Created      time.Time    `json:"created,omitzero"`
	DisabledBy   string       `json:"disabled_by,omitzero"`
	Labels       []string     `json:"labels,omitzero"`
}

// Person is a user or a group. A person's name and addresses stand here and nowhere else.
type Person struct {
	Native       string    `json:"native"` // user, group, service_principal, ...
	Name         string    `json:"name,omitzero"`
	Emails       []string  `json:"emails,omitzero"` // sorted
	UserName     string    `json:"user_name,omitzero"`
	Status       Status    `json:"status"`
	NativeStatus string    `json:"native_status,omitzero"`
	Created      time.Time `json:"created,omitzero"`
	Withheld     Withheld  `json:"withheld,omitzero"` // why name and addresses are not told: erased, or sealed
}

// Stewardship says who answers for the holder, and as what. Its key is "<role>:<person id>".
type Stewardship struct {
	Role   string `json:"role"`            // owner, sponsor, manager, creator
	Person string `json:"person"`          // holder id of the person at the same connection
	Native string `json:"native,omitzero"` // what the vendor says the person is: user, group, service_principal
}

// Credential is what the holder proves itself with; never the secret. Its key is the vendor's key id.
type Credential struct {
	Type         string    `json:"type"` // secret, key, certificate, federated, jwks, cimd; else the vendor's word
	Name         string    `json:"name,omitzero"`
	Issuer       string    `json:"issuer,omitzero"`  // federated: who vouches
	Subject      string    `json:"subject,omitzero"` // federated: for whom
	Audiences    []string  `json:"audiences,omitzero"`
	Algorithm    string    `json:"algorithm,omitzero"`
	Status       Status    `json:"status,omitzero"`
	NativeStatus string    `json:"native_status,omitzero"`
	NotBefore    time.Time `json:"not_before,omitzero"`
	Expires      time.Time `json:"expires,omitzero"` // zero: the vendor states no end
	Created      time.Time `json:"created,omitzero"`
}

// Grant is something that the holder may do.
type Grant struct {
	Type         string   `json:"type"`          // app_role, directory_role, iam_role, oauth_scope, admin_role, group, app_assignment, connection
	Role         string   `json:"role,omitzero"` // the vendor's id or name of the role
	RoleName     string   `json:"role_name,omitzero"`
	Scopes       []string `json:"scopes,omitzero"` // sorted
	Resource     string   `json:"resource,omitzero"`
	ResourceName string   `json:"resource_name,omitzero"`
	Condition    string   `json:"condition,omitzero"` // as the vendor wrote it
	Inherited    string   `json:"inherited_from,omitzero"`
	Status       Status   `json:"status,omitzero"`
	NativeStatus string   `json:"native_status,omitzero"`

	Created time.Time `json:"created,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
}

// Everyone is the Delegation.Person of a consent that covers all persons of the tenant.
const Everyone = "*"

// Delegation says on whose behalf the holder may act.
type Delegation struct {
	Person       string   `json:"person"`          // holder id of the person, or Everyone
	Source       string   `json:"source,omitzero"` // what made it: admin_consent, user_consent, delegation_link, ...
	Scopes       []string `json:"scopes,omitzero"` // sorted
	Resource     string   `json:"resource,omitzero"`
	ResourceName string   `json:"resource_name,omitzero"`
	Status       Status   `json:"status,omitzero"`
	NativeStatus string   `json:"native_status,omitzero"`

	Created time.Time `json:"created,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
}

// Risk is what the vendor suspects of the holder.
type Risk struct {
	Level      string    `json:"level"` // low, medium, high, none, hidden; else the vendor's word
	State      string    `json:"state,omitzero"`
	Detail     string    `json:"detail,omitzero"`
	Detections []string  `json:"detections,omitzero"`
	Updated    time.Time `json:"updated,omitzero"`
}

// The states of a Coverage.
const (
	CoverageComplete = "complete" // the feed sees everything that it is there for
	CoveragePartial  = "partial"  // it sees some, and Reason says what it does not
	CoverageBlind    = "blind"    // it sees nothing: what it would tell is unknown, not none
)

// Coverage says what one feed of a connection can see. Its holder is [ConnectionHolder] and its key the feed's name.
type Coverage struct {
	Feed   string `json:"feed"`
	Kinds  []Kind `json:"kinds,omitzero"` // what the feed is the source of
	State  string `json:"state"`
	Reason string `json:"reason,omitzero"` // why it cannot see, and the cure

	// SignIns says that the feed tells of sign-ins, or of tokens that agents were given: one that it does not tell of for long is unused.
	SignIns bool `json:"sign_ins,omitzero"`
}
