package roster

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// Access is one thing that somebody may do, in the same words for all vendors: who, what, on which resource, at which level, how
// they come by it, under which condition, on whose behalf, and until when. It is a grant or a delegation as the roster has it, seen from
// the identity that can use it.
type Access struct {
	Tenant     string        `json:"tenant"`
	Connection string        `json:"connection"`
	Vendor     string        `json:"vendor"`
	Agent      string        `json:"agent,omitzero"`       // the roster's id; empty where the holder is no agent, such as a blueprint or a set of principals
	Name       string        `json:"name,omitzero"`        // of the identity; never a person's
	Holder     string        `json:"holder"`               // the vendor's id of the identity that may do it
	HolderKind events.Kind   `json:"holder_kind,omitzero"` // agent, blueprint, person; empty: not known
	Status     events.Status `json:"status,omitzero"`      // of that identity: a disabled one may do it again when it is enabled

	Kind         events.Kind `json:"kind"`          // grant or delegation
	Type         string      `json:"type,omitzero"` // of a grant: app_role, directory_role, iam_role, oauth_scope, admin_role, group, connection, ...
	Role         string      `json:"role,omitzero"`
	RoleName     string      `json:"role_name,omitzero"`
	Scopes       []string    `json:"scopes,omitzero"`
	Resource     string      `json:"resource,omitzero"`
	ResourceName string      `json:"resource_name,omitzero"`
	Level        Level       `json:"level"`
	Privileged   bool        `json:"privileged,omitzero"` // see [Privileged]

	Inherited string `json:"inherited_from,omitzero"` // a blueprint's principal, or a resource above; empty: given here

	// Via is as whom the identity does it, the nearest first; empty: as itself. Of several ways it is the one under the fewest
	// conditions, and of these the shortest.
	Via []Hop `json:"via,omitzero"`

	OnBehalf    string `json:"on_behalf_of,omitzero"` // the person's id, events.Everyone, or "unknown"; empty: as itself
	ConsentedBy string `json:"consented_by,omitzero"` // the id of who gave it, where it is known; see [Answer.FindConsents]
	Source      string `json:"source,omitzero"`       // what made it: admin_consent, user_consent, delegation_link, ...

	Condition    string        `json:"condition,omitzero"` // as the vendor wrote it
	Until        time.Time     `json:"until,omitzero"`     // zero: no end is stated
	GrantStatus  events.Status `json:"grant_status,omitzero"`
	NativeStatus string        `json:"native_status,omitzero"`

	Key   string    `json:"key"`   // of the grant or delegation, at its own holder
	Since time.Time `json:"since"` // when it last changed
	Event string    `json:"event"` // the event that made it so

	own      *Identity // whose grant it is
	unmapped []string
	consent  *consented // nil: it is no delegation, or not known which
}

// SomebodyUnknown is the Access.OnBehalf of a consent of one person, where it is not known whose.
const SomebodyUnknown = "unknown"

// Hop is an identity through which another comes to something: as whom it acts, or by whose credential it is reached.
type Hop struct {
	How       string        `json:"how"`    // one of the constants below
	Holder    string        `json:"holder"` // the vendor's id of that identity
	Name      string        `json:"name,omitzero"`
	Status    events.Status `json:"status,omitzero"`
	Role      string        `json:"role,omitzero"`      // that allows it
	Condition string        `json:"condition,omitzero"` // under which that holds
	Until     time.Time     `json:"until,omitzero"`     // zero: no end is stated
	Event     string        `json:"event,omitzero"`     // of the grant that allows it
}

// How an identity comes to what another has. The first three are ways to act as the hop's identity; the others say why the bearer of
// a credential of the hop's identity can act as the one that the access is of.
const (
	HowRunsAs       = "runs_as"      // what it is runs as that service account
	HowImpersonates = "impersonates" // a role lets it become that service account
	HowMember       = "member_of"    // it is in that group
	HowBlueprint    = "blueprint_of" // it is made of that blueprint
	HowPrincipal    = "principal_of" // it is that blueprint's own principal, or the other way round
	HowSame         = "same_agent"   // it is another identity of the same agent at the same connection
)

// Doubt says what is not known about an answer, so that nobody takes it for none.
type Doubt struct {
	Tenant     string      `json:"tenant"`
	Connection string      `json:"connection"`
	Kind       events.Kind `json:"kind"` // of what there may be more
	Why        string      `json:"why"`
	Identities int         `json:"identities"` // that it is about
}

// Subject is what a question is about.
type Subject struct {
	Kind       string `json:"kind"` // agent, resource, person, credential
	Tenant     string `json:"tenant"`
	Connection string `json:"connection,omitzero"`
	ID         string `json:"id"`            // the roster's id of an agent, else the vendor's
	Holder     string `json:"of,omitzero"`   // of a credential: whose it is
	Name       string `json:"name,omitzero"` // never a person's
}

// Unlevelled is a role or scope that the table of levels does not know, with how often it stands in an answer.
type Unlevelled struct {
	Vendor string `json:"vendor"`
	What   string `json:"what"`
	Count  int    `json:"count"`
}

// Answer is what the roster knows about a question.
type Answer struct {
	About    []Subject    `json:"about"`
	Access   []Access     `json:"access"`   // the highest levels first
	Unknown  []Doubt      `json:"unknown"`  // what is not known: there may be more
	Unmapped []Unlevelled `json:"unmapped"` // roles and scopes without a level
	NoLevel  int          `json:"unknown_levels"`
}

// AtLeast leaves in an answer what is of a level or a higher one; of LevelUnknown, what is of no known level. What it says of unknown
// levels stands: among them there may be more.
func (a *Answer) AtLeast(level Level) {
	a.Access = slices.DeleteFunc(a.Access, func(x Access) bool {
		if level == LevelUnknown {
			return x.Level != LevelUnknown
		}
		return slices.Index(Levels, x.Level) < slices.Index(Levels, level)
	})
}

// finish orders the answer and counts what has no level.
func (a *Answer) finish() {
	order(a.Access, func(x, y *Access) int {
		return cmp.Or(btoi(y.Privileged)-btoi(x.Privileged), slices.Index(Levels, y.Level)-slices.Index(Levels, x.Level),
			cmp.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)), cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.Connection, y.Connection),
			cmp.Compare(x.Holder, y.Holder), len(x.Via)-len(y.Via), cmp.Compare(x.Resource, y.Resource), cmp.Compare(x.Role, y.Role),
			cmp.Compare(x.own.Holder, y.own.Holder), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Key, y.Key))
	})
	a.Unmapped = []Unlevelled{}
	counts := map[Unlevelled]int{}
	for _, x := range a.Access {
		if x.Level == LevelUnknown {
			a.NoLevel++
		}
		for _, what := range x.unmapped {
			counts[Unlevelled{Vendor: x.Vendor, What: what}]++
		}
	}
	for u, n := range counts {
		u.Count = n
		a.Unmapped = append(a.Unmapped, u)
	}
	order(a.Unmapped, func(x, y *Unlevelled) int {
		return cmp.Or(cmp.Compare(x.Vendor, y.Vendor), cmp.Compare(x.What, y.What))
	})
}

// order sorts a list. It sorts pointers, for which one copy of the sorting code in the program does for all types.
func order[T any](list []T, compare func(a, b *T) int) {
	sorted := make([]*T, len(list))
	for i := range list {
		v := list[i]
		sorted[i] = &v
	}
	slices.SortFunc(sorted, compare)
	for i, v := range sorted {
		list[i] = *v
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
