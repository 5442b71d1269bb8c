// Package okta imitates an Okta org, as far as it concerns AI agents: the workload principals API, OAuth service apps with
// their keys, grants and roles, owners, people and groups, API tokens, and the System Log. README.md says what is imitated,
// from which source, and what is not.
package okta

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// Paging says where the list of AI agents has its next link. Okta's specification and its live API differ in this.
type Paging int

// Both is the default; a client must cope with each of the three.
const (
	Both   Paging = iota
	InBody        // only _links.next, as the specification has it
	InLink        // only the Link header, as live clients see it
)

// Options are the org's own peculiarities. The zero value is an org that answers at once, in whole, and in order.
type Options struct {
	Now func() time.Time // the clock; time.Now if nil

	PageSize          int           // no page holds more than this, whatever limit says; 0: the vendor's documented sizes
	AgentPaging       Paging        // where the list of AI agents has its next link
	FoldLinks         bool          // self and next come folded into one Link header line, as some proxies do
	RepeatItems       bool          // each page after the first begins with the last item of the page before
	EmptyPages        bool          // an empty page with a next link comes before each page after the first
	OpDelay           time.Duration // how long after the 202 an operation on an AI agent takes effect
	Settle            time.Duration // how long a new agent or app stays out of lists and answers 404
	LogLate           time.Duration // every fourth log entry appears this much after it was published, behind newer ones
	BetaEventTypes    bool          // workload_principal.ai_agent.register instead of workload_principal.register, and so on
	PlatformInProfile bool          // platform and externalId stand in profile, not at the top level
	NoOwnerSweep      bool          // resource-owners refuses a filter without parentResourceOrn, as older orgs do
	DPoP              bool          // tokens are bound to a key by DPoP proofs, as those of new API service apps are
	EnforceLimits     bool          // more calls than a rate limit allows give 429; without it the limits are a thousandfold
	MaxConcurrent     int           // more requests at the same time give the 429 that states a limit of zero; 0: no limit

	HookClient *http.Client  // delivers to event hooks, without following redirects; nil: a client of the sandbox's own
	HookWindow time.Duration // what is logged within it goes to an event hook in one delivery, by the real clock; 0: 50 ms

	// Limits replaces limits per minute by class: apps (the list and what hangs on an app), app, users, user, groups, logs,
	// clients, workload, governance, token, other.
	Limits map[string]int
}

// Sandbox is one imitation org. It implements [sandbox.Vendor] and [sandbox.Failer] and is safe for concurrent use. Whoever
// gives it event hooks calls Close when done.
type Sandbox struct {
	opt      Options
	seed     uint64
	routes   http.Handler
	courier  *courier
	inFlight atomic.Int64 // requests

	mu      sync.Mutex // guards all below
	st      *state
	seen    string // the address that the last client used
	buckets map[string]*bucket
}

// New builds the org of a company: the same company and seed give the same org with the same ids.
func New(c sandbox.Company, seed uint64) *Sandbox { return NewWith(c, seed, Options{}) }

// NewWith is [New] with peculiarities.
func NewWith(c sandbox.Company, seed uint64, opt Options) *Sandbox {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	s := &Sandbox{opt: opt, seed: seed, courier: newCourier(opt), buckets: map[string]*bucket{}}
	s.st = newState(c, seed, opt.Now().UTC())
	s.routes = s.mux()
	return s
}

// Name is okta.
func (s *Sandbox) Name() string { return "okta" }

// Token is accepted with the scheme SSWS and with Bearer, for all that the org has. It depends on the seed alone.
func (s *Sandbox) Token() string {
	return "00" + sandbox.NewRand(s.seed, "okta", "token").Base62(40)
}

// Org is the id of the org, which stands in every ORN.
func (s *Sandbox) Org() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.Org
}

// ExpireCursors makes every after value that was handed out so far invalid: it is answered with 400 and E0000054.
func (s *Sandbox) ExpireCursors() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.Epoch++
}

// tick brings the org up to date and returns the time, which never runs backwards even if the clock does: the log's order
// of arrival depends on it. The caller holds the lock.
func (s *Sandbox) tick() time.Time {
	if now := s.opt.Now().UTC().Truncate(time.Millisecond); now.After(s.st.Clock) {
		s.st.Clock = now
	}
	s.finishOperations()
	return s.st.Clock
}

// visible tells whether an object that appeared at a time is shown yet.
func (s *Sandbox) visible(created time.Time) bool {
	return !s.st.Clock.Before(created.Add(s.opt.Settle))
}

// stamp writes a time as Okta does: UTC with milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

var (
	_ sandbox.Vendor = (*Sandbox)(nil)
	_ sandbox.Failer = (*Sandbox)(nil)
	_ fmt.Stringer   = Paging(0)
)

// String names the place for test output.
func (p Paging) String() string {
	return [...]string{"both", "body", "link"}[p]
}
