// Package google is an imitation of Google Cloud as far as it knows about AI agents: Agent Registry, reasoning engines,
// service accounts and their keys, workload identity pools, IAM policies, Gemini Enterprise agents, the auth manager, Cloud
// Run services, the Admin Activity audit log, also through Pub/Sub, Workspace's reports and the asset search, in the projects
// of one organization.
//
// It is written from Google's discovery documents and public documentation, and shares no code with the connector that
// reads it. One base URL serves all services; each is mounted under its own prefix, as in
//
//	http://host/iam/v1/projects/acme-agents/serviceAccounts
//	http://host/agentregistry/v1/projects/acme-agents/locations/us-central1/agents
//	http://host/token
//
// so that a client sets the endpoint of a service to BASE/<service>/. See README.md for what is imitated and what is not.
package google

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// Sandbox is one imitation Google organization. It implements [sandbox.Vendor] and [sandbox.Failer] and is safe for
// concurrent use. Set Now and Options before the first request, or while nothing is using it.
type Sandbox struct {
	// Now is the sandbox's clock; nil means [time.Now].
	Now func() time.Time

	// Options are the misbehaviours that are Google's own. The zero value behaves well. They belong to the process, not
	// to the state: a snapshot does not carry them.
	Options Options

	mu     sync.RWMutex
	st     *state
	quotas quotas
}

// Options are misbehaviours that a reader of the real Google meets. All are off in the zero value.
type Options struct {
	// PageSize caps each page, whatever was asked for; the documentation lets a server return fewer items than asked
	// for. 0 leaves the vendor's documented defaults and maxima alone.
	PageSize int

	// LogPage caps the pages of the log instead, whose last minutes a reader reads again and again; 0 leaves them to PageSize.
	LogPage int

	// RegistryLag is how long after its host Agent Registry shows, or stops showing, an automatically registered agent.
	RegistryLag time.Duration

	// Settle is how long a read of a single new service account, engine or Cloud Run service fails with 404 (or 403,
	// for every other one), though lists show it already.
	Settle time.Duration

	// NoRuntimeIdentityEvery leaves the RuntimeIdentity attribute out of each nth registry agent, although its engine
	// has an effective identity. 0: never.
	NoRuntimeIdentityEvery int

	// Unreachable holds location ids that lists of the auth manager (and of Cloud Run, for locations/-) report as
	// unreachable instead of answering for.
	Unreachable []string

	// EmptyPages puts an empty page that has a nextPageToken in front of every page.
	EmptyPages bool

	// RepeatLast makes each further page begin with the last item of the page before.
	RepeatLast bool

	// LogDelay is how long after its timestamp a log entry becomes readable.
	LogDelay time.Duration

	// LateEvery and LateBy make each nth log entry readable only LateBy after its timestamp, behind a cursor that has
	// gone past it.
	LateEvery int
	LateBy    time.Duration

	// OperationLag is how long after its first entry a long-running call has its last one.
	OperationLag time.Duration

	// RedeliverEvery makes each nth message of the subscription come once more after it was acknowledged.
	RedeliverEvery int

	// Unordered hands the newest messages out first. Pub/Sub promises no order.
	Unordered bool

	// ReadsPerMinute is the quota per service and project; a request above it gets 429 with ErrorInfo and RetryInfo, or at
	// Workspace 403 in its older form. 0: no quota. Quotas say it for single services, see [DocumentedQuotas].
	ReadsPerMinute int
	Quotas         map[string]int

	// NoRetryInfo leaves the delay out of a 429, as Google often does.
	NoRetryInfo bool

	// Disabled are services that projects do not use, as service@project id, such as agentregistry@acme-labs.
	Disabled []string

	// ReportLag is how long after it a Workspace activity is reported.
	ReportLag time.Duration

	// AssetLag is how long Cloud Asset Inventory does not know of what is new.
	AssetLag time.Duration

	// NovelEvery gives about each nth Gemini Enterprise agent and auth provider a state that no document knows, as a newer
	// version of Google may. The truth has them as unknown. 0: never.
	NovelEvery int

	// SharedOnly makes Gemini Enterprise list only the agents that everybody may use, as it may do for a service account.
	SharedOnly bool
}

// novelState is a state that no document knows.
const novelState = "ARCHIVED"

// novel reports whether a thing has a state that no document knows.
func (o Options) novel(id string) bool {
	if o.NovelEvery <= 0 {
		return false
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32()>>8)%o.NovelEvery == 0
}

var (
	_ sandbox.Vendor = (*Sandbox)(nil)
	_ sandbox.Failer = (*Sandbox)(nil)
)

// New returns an organization with all agents that the company has at Google. The same company and seed give the same
// organization on one day, and ids and tokens on any.
func New(c sandbox.Company, seed uint64) *Sandbox { return NewWith(c, seed, Layout{}) }

// Layout says how an organization is laid out. The zero value is two projects in two folders.
type Layout struct {
	Projects int // in total; service accounts and unregistered engines are spread over them
	Folders  int // in total; the projects beyond the first two are dealt out to those beyond the first two
	Bindings int // how many the first project's policy has at least

	At time.Time // when the organization is as it is, and things expire around it; zero: this morning
}

// NewWith is New with a layout. For a large organization take a company of [sandbox.NewCompanyAt].
func NewWith(c sandbox.Company, seed uint64, l Layout) *Sandbox {
	return &Sandbox{st: seeded(c, seed, l)}
}

// Name is "google".
func (s *Sandbox) Name() string { return "google" }

// Token is the bearer token that every service accepts beside the ones that POST /token gives out.
func (s *Sandbox) Token() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.st.Token
}

// Organization is the organization's number, which the trust domain of its agents contains.
func (s *Sandbox) Organization() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.st.Org
}

// Projects are the ids of the organization's projects.
func (s *Sandbox) Projects() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var ids []string
	for _, p := range s.st.Projects {
		ids = append(ids, p.ProjectID)
	}
	return ids
}

// ExpireCursors makes every page token that was handed out so far invalid: using one answers 400 INVALID_ARGUMENT.
func (s *Sandbox) ExpireCursors() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.Epoch++
}

// Snapshot returns the whole state as JSON: objects, log, generator, access tokens, and what makes page tokens valid.
func (s *Sandbox) Snapshot() ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return json.Marshal(s.st)
}

// Restore replaces the state by one that [Sandbox.Snapshot] returned. On an error the state is as before.
func (s *Sandbox) Restore(b []byte) error {
	st := new(state)
	if err := json.Unmarshal(b, st); err != nil {
		return fmt.Errorf("google sandbox: restore: the snapshot is not the JSON that Snapshot wrote: %w", err)
	}
	if st.Token == "" || len(st.Projects) == 0 {
		return fmt.Errorf("google sandbox: restore: the snapshot has no token or no projects; was it written by another vendor's sandbox?")
	}
	st.reindex()
	st.indexLog()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st = st
	return nil
}

// now reads the clock, in UTC with microseconds, which is what Google's timestamps carry.
func (s *Sandbox) now() time.Time {
	if s.Now != nil {
		return s.Now().UTC().Truncate(time.Microsecond)
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}
