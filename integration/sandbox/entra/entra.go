package entra

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// Sandbox is one imitation tenant. Set its exported fields before the first request; its methods are safe for concurrent use.
type Sandbox struct {
	Now      func() time.Time // the tenant's clock; time.Now unless set
	PageSize int              // the most items on any page; 0: the documented default of each list
	LogPage  int              // the same of the audit and sign-in logs; 0: as PageSize
	Nature   Nature           // what the vendor does at its worst; zero except for the cascade: off

	NotifyClient *http.Client  // delivers change notifications; one of the sandbox's own unless set
	NotifyWindow time.Duration // how long changes wait, in real time, to be delivered together; 50 milliseconds unless set

	mu       sync.Mutex
	st       *state
	ix       index
	items    []itemFault
	used     map[string]usage // see charge
	courier  *courier
	seeding  time.Time     // [Layout].At
	requests atomic.Uint64 // counts requests, for their ids; not part of the state
	wrote    atomic.Bool   // something was written by the API since OnlyReads was asked
}

// Nature is misbehaviour that is the vendor's own: documented or reported, and legal.
type Nature struct {
	NewObjectLag time.Duration // a new object answers 404 and stands in no list for so long
	DeltaLag     time.Duration // a change shows in delta so much later than in a direct read
	LogLag       time.Duration // an entry of the audit or sign-in log shows so much later than its time says
	LogJitter    time.Duration // and up to so much later than that, in whole seconds: entries overtake each other
	CascadeDelay time.Duration // children of a deleted blueprint are soft-deleted so much later; [New] sets 30 seconds
	Replays      bool          // each delta page but the first starts with the item that ended the page before it
	EmptyPages   bool          // each list, log and delta page is preceded by an empty one that carries a nextLink
	OmitTypes    bool          // delta items do not say their @odata.type
	OrphanUsers  bool          // the cascade of a deleted blueprint leaves the agents' users behind, as some pages say
	SignIns      Access        // the sign-in log
	Risk         Access        // risky agents and their detections

	EnforceLimits bool // calls beyond the published budgets get 429, of identity protection without Retry-After
	ResourceUnits int  // the directory's budget in 10 seconds; 0: the published one of the tenant's size

	LoseNotifications int           // each nth change notification is never delivered; 1: none ever is
	ReauthorizeEvery  time.Duration // subscriptions are to be reauthorized so often; 0: only near their end
}

// New seeds a tenant with the company's agents of vendor entra, its people and groups, and the ordinary applications that
// any tenant has beside them. Equal arguments give equal tenants on one day, and equal ids and tokens on any.
func New(c sandbox.Company, seed uint64) *Sandbox { return NewWith(c, seed, Layout{}) }

// Layout says how a tenant is laid out.
type Layout struct {
	PerBlueprint int // agent identities of one blueprint; 0: 6 at first. The vendor lets a blueprint's principal create 250.

	// At is when the tenant is as it is: agents were created in the ten months before it, and credentials end from half a year before
	// it to years after it. Zero: the beginning of this day (UTC).
	At time.Time
}

// NewWith is [New] with a layout.
func NewWith(c sandbox.Company, seed uint64, l Layout) *Sandbox {
	if l.PerBlueprint == 0 {
		l.PerBlueprint = perBlueprint
	}
	if l.At.IsZero() {
		l.At = time.Now().UTC().Truncate(24 * time.Hour)
	}
	s := &Sandbox{Now: time.Now, Nature: Nature{CascadeDelay: 30 * time.Second}, courier: newCourier(), seeding: l.At}
	s.st = newState(c, seed)
	s.st.Founded = l.At.AddDate(-4, 0, 0)
	s.ix.rebuild(s.st)
	s.seed(c, l.PerBlueprint)
	return s
}

var (
	_ sandbox.Vendor = (*Sandbox)(nil)
	_ sandbox.Failer = (*Sandbox)(nil)
	_ sandbox.Reader = (*Sandbox)(nil)
	_ io.Closer      = (*Sandbox)(nil)
	_ http.Handler   = (*Sandbox)(nil)
)

// Name returns entra.
func (s *Sandbox) Name() string { return "entra" }

// Token returns the static bearer token that is always accepted.
func (s *Sandbox) Token() string { return s.with(func(st *state) string { return st.Token }) }

// TenantID returns the tenant's id, a UUID, as it stands in the token endpoint's path.
func (s *Sandbox) TenantID() string { return s.with(func(st *state) string { return st.Tenant }) }

// ClientID returns the application id that the token endpoint knows.
func (s *Sandbox) ClientID() string { return s.with(func(st *state) string { return st.ClientID }) }

// ClientSecret returns the secret that goes with [Sandbox.ClientID].
func (s *Sandbox) ClientSecret() string {
	return s.with(func(st *state) string { return st.ClientSecret })
}

func (s *Sandbox) with(f func(*state) string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(s.st)
}

// ExpireCursors makes every token that was handed out so far invalid. Delta links answer in one of the two documented ways,
// in turn: 400 syncStateNotFound after the first call, 410 resyncRequired with a Location after the second, and so on. Page
// tokens of plain lists answer 400 Directory_ExpiredPageToken.
func (s *Sandbox) ExpireCursors() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.Generation++
}

// Snapshot returns the whole tenant as JSON: objects, log, generator, and what is needed to know the tokens again that were
// handed out. The exported fields of Sandbox are not part of it.
func (s *Sandbox) Snapshot() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(s.st)
}

// Restore replaces the tenant by a snapshot. On an error the tenant stays as it was.
func (s *Sandbox) Restore(b []byte) error {
	st := &state{}
	if err := json.Unmarshal(b, st); err != nil {
		return fmt.Errorf("entra sandbox: the snapshot is not JSON of a tenant: %w", err)
	}
	if st.Version != stateVersion || st.Tenant == "" || st.Rand == nil {
		return fmt.Errorf("entra sandbox: the snapshot has version %d, this program reads %d: start from the seed again",
			st.Version, stateVersion)
	}
	var ix index
	ix.rebuild(st)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st, s.ix = st, ix
	return nil
}
