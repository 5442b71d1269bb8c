package entra

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// stateVersion is raised when a snapshot of an earlier program can no longer be read.
const stateVersion = 1

// state is everything that a snapshot carries.
type state struct {
	Version      int           `json:"version"`
	Seed         uint64        `json:"seed"`
	Rand         *sandbox.Rand `json:"rand"`
	Tenant       string        `json:"tenant"`
	Company      string        `json:"company"`
	Founded      time.Time     `json:"founded"`
	Domain       string        `json:"domain"`
	Token        string        `json:"token"`
	ClientID     string        `json:"client_id"`
	ClientSecret string        `json:"client_secret"`
	Key          string        `json:"key"`        // signs cursors and access tokens
	Factory      string        `json:"factory"`    // the service principal that provisions agents
	Seeded       bool          `json:"seeded"`     // false only inside New
	Generation   int           `json:"generation"` // how often all cursors were expired
	Seq          uint64        `json:"seq"`        // the last object or log entry created
	Clock        uint64        `json:"clock"`      // the last change number
	Objects      []*object     `json:"objects"`    // in the order of Seq
	Audits       []*entry      `json:"audits"`     // in the order in which they became readable
	Pending      []pending     `json:"pending"`    // in the order of Due
	SignIns      []*happening  `json:"sign_ins,omitempty"`
	Risks        []*happening  `json:"risks,omitempty"` // one for each agent that ever was at risk
	Detections   []*happening  `json:"detections,omitempty"`

	Subscriptions []*subscription `json:"subscriptions,omitempty"`
	Subscribed    uint64          `json:"subscribed,omitempty"` // how many there ever were
}

// object is one directory object, delegated grant or app role assignment. Props holds the vendor's own property names: a
// missing key was never set, a nil was set to null.
type object struct {
	Seq     uint64                      `json:"seq"`
	ID      string                      `json:"id"`
	Type    string                      `json:"type"` // without the namespace: agentIdentity
	Props   map[string]any              `json:"props"`
	Links   map[string][]string         `json:"links,omitempty"`   // owners, sponsors, manager, members → object ids
	Parts   map[string][]map[string]any `json:"parts,omitempty"`   // federatedIdentityCredentials, inheritablePermissions
	Touched map[string]uint64           `json:"touched,omitempty"` // property → number of its last change; life for the object
	Last    uint64                      `json:"last,omitempty"`    // the greatest number in Touched
	Hidden  bool                        `json:"hidden,omitempty"`  // created, but not readable yet
	Deleted *time.Time                  `json:"deleted,omitempty"` // soft-deleted since
	Purged  bool                        `json:"purged,omitempty"`  // gone for good: what is left is for delta

	base string // the type of its entity set, see kind
}

// life is the key in object.Touched for creation, deletion and restoration.
const life = "@life"

// live tells whether the API shows the object in its ordinary place.
func (o *object) live() bool { return o != nil && !o.Hidden && !o.Purged && o.Deleted == nil }

func (o *object) text(prop string) string { v, _ := o.Props[prop].(string); return v }

func (o *object) enabled() bool { v, ok := o.Props["accountEnabled"].(bool); return !ok || v }

func newState(c sandbox.Company, seed uint64) *state {
	r := sandbox.NewRand(seed, "entra")
	return &state{
		Version: stateVersion, Seed: seed, Rand: r, Company: c.Name, Domain: c.Domain,
		Tenant: r.UUID(), ClientID: r.UUID(), ClientSecret: "sbx8Q~" + r.Base62(34),
		Token: "entra-sandbox-" + r.Base62(32), Key: r.Base62(32),
	}
}

// index finds objects fast; it is rebuilt from the state after a restore.
type index struct {
	byID   map[string]*object
	byApp  map[string][]*object // appId → application and service principal
	holder map[string][]*object // clientId or principalId → grants and assignments
	roles  map[string][]*object // principalId → assignments of directory roles
	users  map[string]*object   // agent identity id → its agent user
	upns   map[string]*object   // lower-case userPrincipalName → user
	people []*object            // users that are not agents
	apis   []*object            // service principals that offer app roles
}

func (x *index) rebuild(st *state) {
	*x = index{byID: map[string]*object{}, byApp: map[string][]*object{}, holder: map[string][]*object{}, roles: map[string][]*object{},
		users: map[string]*object{}, upns: map[string]*object{}}
	for _, o := range st.Objects {
		x.add(o)
	}
}

func (x *index) add(o *object) {
	x.byID[o.ID], o.base = o, kindOf(o.Type).base
	if o.Links == nil { // a snapshot leaves out what is empty
		o.Links = map[string][]string{}
	}
	if o.Parts == nil {
		o.Parts = map[string][]map[string]any{}
	}
	if o.Touched == nil {
		o.Touched = map[string]uint64{}
	}
	switch o.base {
	case "oAuth2PermissionGrant":
		x.holder[o.text("clientId")] = append(x.holder[o.text("clientId")], o)
	case "appRoleAssignment":
		x.holder[o.text("principalId")] = append(x.holder[o.text("principalId")], o)
	case "unifiedRoleAssignment":
		x.roles[o.text("principalId")] = append(x.roles[o.text("principalId")], o)
	case "application", "servicePrincipal":
		x.byApp[o.text("appId")] = append(x.byApp[o.text("appId")], o)
		if _, ok := o.Props["appRoles"]; ok {
			x.apis = append(x.apis, o)
		}
	case "user":
		x.upns[strings.ToLower(o.text("userPrincipalName"))] = o
		if o.Type == "agentUser" {
			x.users[o.text("identityParentId")] = o
		} else {
			x.people = append(x.people, o)
		}
	}
}

// create adds an object. A grant that existed before comes back under its old id, as at the vendor, where the id is made of
// the parties' ids.
func (s *Sandbox) create(typ, id string, props map[string]any) *object {
	if old := s.ix.byID[id]; old != nil {
		props["id"] = id
		old.Purged, old.Props = false, props
		s.touch(old, append(keys(props), life)...)
		return old
	}
	s.st.Seq++
	props["id"] = id
	o := &object{Seq: s.st.Seq, ID: id, Type: typ, Props: props}
	s.st.Objects = append(s.st.Objects, o)
	s.ix.add(o)
	s.touch(o, append(keys(props), life)...)
	return o
}

// set changes one property and reports it to delta.
func (s *Sandbox) set(o *object, prop string, v any) {
	o.Props[prop] = v
	s.touch(o, prop)
}

// touch gives the named properties of an object a new change number, at once or after the delta lag, and
// tells subscribers at once: a notification may come before delta shows what it is about.
func (s *Sandbox) touch(o *object, props ...string) {
	s.announce(o, props)
	if lag := s.Nature.DeltaLag; lag > 0 {
		s.later(pending{Due: s.now().Add(lag), Do: "touch", ID: o.ID, Props: props})
		return
	}
	s.mark(o, props)
}

func (s *Sandbox) mark(o *object, props []string) {
	s.st.Clock++
	for _, p := range props {
		o.Touched[p] = s.st.Clock
	}
	o.Last = s.st.Clock
}

func (s *Sandbox) link(o *object, rel, id string) {
	o.Links[rel] = append(o.Links[rel], id)
	s.touch(o, rel)
}

func (s *Sandbox) unlink(o *object, rel, id string) {
	if rel == "manager" {
		o.Links["manager@was"] = []string{id} // delta names the one who left
	}
	o.Links[rel] = slices.DeleteFunc(o.Links[rel], func(x string) bool { return x == id })
	s.touch(o, rel)
}

// each visits the objects of one base type (or all of it for "") in the order of creation, from after a sequence number on.
func (s *Sandbox) each(base string, after uint64) func(yield func(*object) bool) {
	from, _ := slices.BinarySearchFunc(s.st.Objects, after+1, func(o *object, n uint64) int {
		return cmp.Compare(o.Seq, n)
	})
	return func(yield func(*object) bool) {
		for _, o := range s.st.Objects[from:] {
			if (base == "" || o.base == base) && !yield(o) {
				return
			}
		}
	}
}

// byApp finds the live object of a base type that belongs to an application id.
func (s *Sandbox) byApp(base, appID string) *object {
	for _, o := range s.ix.byApp[appID] {
		if o.base == base && o.live() {
			return o
		}
	}
	return nil
}

// now is the tenant's clock in UTC, cut to the hundred nanoseconds that the vendor keeps.
func (s *Sandbox) now() time.Time { return s.Now().UTC().Truncate(100 * time.Nanosecond) }

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func quote(name string) string { return fmt.Sprintf("%q", name) }
