package google

import (
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// state is everything that the organization is. It is saved and restored as JSON, so every field is exported.
type state struct {
	Seed    uint64
	Rand    sandbox.Rand
	Domain  string // the company's mail domain
	Org     string // organization number
	Founded time.Time
	Admin   string // who makes the changes, as the log names them
	Token   string
	Epoch   int // page tokens of an earlier epoch are invalid
	Serial  int // counts mutations and log entries; policy etags and insert ids come from it

	Readers []reader          // private-key holders that may log in at /token
	Access  map[string]access // access token → its life

	Folders        []*folder
	Projects       []*project
	Accounts       []*account
	Engines        []*engine
	Runs           []*runService
	Manual         []*manual // user registrations in Agent Registry
	Registered     []*registered
	Bindings       []*registryBinding
	Apps           []*geminiApp
	Providers      []*authProvider
	Consents       []*consent
	Summaries      []*accessSummary
	Authorizations []*authorization
	Pools          []*pool
	PoolProviders  []*poolProvider
	Namespaces     []*namespace
	Managed        []*managedIdentity
	Policies       map[string]*policy // key: see the functions that make one, such as projectPolicyKey
	Log            []*logEntry
	Activities     []*activity // of Workspace
	Delegated      []*delegated
	Sink           *sink // nil until somebody opens it

	ix index
}

// reader is an account outside the imitated projects that a connector logs in as.
type reader struct {
	Email    string
	KeyID    string
	Modulus  string // of the public key, hexadecimal
	Exponent int
}

// access is what is known about a handed-out access token.
type access struct {
	Email   string
	Subject string // whom it acts for; empty: itself
	Expires time.Time
}

// folder groups projects and other folders.
type folder struct {
	Number  string
	Parent  string // resource name of the organization or of another folder
	Title   string
	Created time.Time
}

type project struct {
	ProjectID string
	Number    string
	Folder    string // number of the folder that it is in; empty: in the organization itself
	Title     string
	Created   time.Time
	Labels    map[string]string
}

// account is a service account. A deleted one stays restorable for 30 days.
type account struct {
	Project     string // project id
	UniqueID    string
	Email       string
	Title       string
	Description string
	Disabled    bool
	Created     time.Time
	Deleted     time.Time // zero while it exists
	Keys        []*accountKey
}

// accountKey is a user-managed key. Google's own keys are not stored: they follow from the clock.
type accountKey struct {
	ID       string
	Origin   string // GOOGLE_PROVIDED or USER_PROVIDED
	After    time.Time
	Before   time.Time
	Disabled bool
	Reason   string // why it is disabled, as the API spells it
}

// engine is a reasoning engine. It has no state: it is there, or it is gone.
type engine struct {
	Project      string
	Number       string // the project's number, which its name has
	Location     string
	ID           string
	Title        string
	Description  string
	Framework    string
	IdentityType string // AGENT_IDENTITY, SERVICE_ACCOUNT or empty (the project's service agent)
	Account      string // e-mail, for SERVICE_ACCOUNT
	Labels       map[string]string
	Created      time.Time
	Updated      time.Time
	Revision     int
}

// runService is a Cloud Run service that runs an agent.
type runService struct {
	Project     string
	Number      string
	Location    string
	ID          string
	UID         string
	Description string
	Identity    bool // has an agent identity
	Plain       bool // runs no agent: just a service, as an account
	Account     string
	Created     time.Time
	Updated     time.Time
	Generation  int
}

// manual is a service that a user registered in Agent Registry.
type manual struct {
	Project     string
	Number      string
	Location    string
	ID          string
	Title       string
	Description string
	URL         string
	Kind        string // mcpServer or endpoint; empty: an agent
	Created     time.Time
	Updated     time.Time
}

// registered is an entry of Agent Registry. It stands for a host: an engine, a Cloud Run service or a registration.
type registered struct {
	Project  string
	Number   string
	Location string
	ID       string // last segment of its name
	UID      string
	Ordinal  int    // counts registered agents, for Options.NoRuntimeIdentityEvery
	Host     string // resource name of the host, without the service
	Service  string // aiplatform, run or agentregistry
	Title    string
	Text     string // description
	Version  string
	A2A      bool
	Skill    string
	Created  time.Time // when the registry first shows it
	Updated  time.Time
	Gone     time.Time // when the registry stops showing it; zero while its host exists
}

type registryBinding struct {
	Project  string
	Location string
	ID       string
	Title    string
	Source   string // URN of the agent that calls
	Target   string // URN of what it calls
	Provider string // resource name of the auth provider
	Scopes   []string
	Created  time.Time
}

// geminiApp is a Gemini Enterprise app with its one assistant.
type geminiApp struct {
	Number  string
	ID      string
	Title   string
	Created time.Time
	Agents  []*geminiAgent
}

type geminiAgent struct {
	ID         string
	Title      string
	Text       string
	State      string
	Reason     string // why it is suspended
	Engine     string // resource name of the reasoning engine, empty for all others
	Definition string // managed or dialogflow; empty: A2A, when there is no engine
	Scope      string // RESTRICTED, ALL_USERS or PRIVATE
	ToolAuth   string
	Created    time.Time
	Updated    time.Time
}

type authProvider struct {
	Project  string
	Location string
	ID       string
	Text     string
	Kind     string // threeLeggedOauth, twoLeggedOauth or apiKey
	Issuer   string // base URL of the authorization server
	Disabled bool
	Deleted  time.Time
	Scopes   []string
	Created  time.Time
	Updated  time.Time
}

// consent is an Authorization of the auth manager: one user's standing consent to one provider.
type consent struct {
	Provider  string // resource name
	ID        string
	User      string
	Scopes    []string
	Suspended bool
	Created   time.Time
	Updated   time.Time
}

type accessSummary struct {
	Project  string
	Location string
	ID       string
	Provider string // resource name
	User     string
	Workload string // principal://…
	Scopes   []string
	First    time.Time
	Last     time.Time
}

// policy is an IAM allow policy.
type policy struct {
	Revision int
	Bindings []*binding
}

// binding gives a role to members, under one condition or none. The JSON names are the vendor's.
type binding struct {
	Role      string   `json:"role"`
	Members   []string `json:"members"`
	Condition *expr    `json:"condition,omitempty"`
}

// expr is the condition of a binding.
type expr struct {
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Expression  string `json:"expression"`
}
