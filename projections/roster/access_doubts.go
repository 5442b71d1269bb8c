package roster

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// beyond is what a vendor's connector never reads of a kind, whatever it is permitted: docs/connectors has it in full.
var beyond = map[string]map[events.Kind]string{
	"entra": {events.KindGrant: "Azure roles, eligible role assignments and memberships of groups are not read"},
	"google": {events.KindGrant: "roles that come through a group, those on anything but organizations, folders, projects, service accounts and engines, " +
		"and deny policies are not read"},
	"okta": {events.KindGrant: "memberships of groups, and what the user of an API token may do, are not read"},
}

// doubts says what is not known of identities: whether they have more of some kinds than the roster shows.
func (w *world) doubts(of []*Identity, kinds ...events.Kind) []Doubt {
	counts := map[Doubt]int{}
	for _, i := range of {
		for _, k := range kinds {
			for _, why := range []string{Unknown(w.coverage, i, k), beyond[i.Vendor][k]} {
				if why != "" {
					counts[Doubt{Tenant: i.Tenant, Connection: i.Connection, Kind: k, Why: why}]++
				}
			}
		}
	}
	out := []Doubt{}
	for d, n := range counts {
		d.Identities = n
		out = append(out, d)
	}
	order(out, (*Doubt).compare)
	return out
}

func (d *Doubt) compare(o *Doubt) int {
	return cmp.Or(cmp.Compare(d.Tenant, o.Tenant), cmp.Compare(d.Connection, o.Connection), cmp.Compare(d.Kind, o.Kind), cmp.Compare(d.Why, o.Why))
}

// allDoubts are all doubts about what identities may do, as themselves and as others: those of doubts, sets of principals in which they may
// be, and whomever else they may act as.
func (w *world) allDoubts(of []*Identity) []Doubt {
	of = once(of)
	out := append(w.doubts(of, events.KindGrant, events.KindDelegation), w.sets(of)...)
	counts := map[Doubt]int{}
	for _, i := range of {
		_, nowhere := w.hops(i)
		for _, g := range nowhere {
			counts[Doubt{Tenant: i.Tenant, Connection: i.Connection, Kind: events.KindGrant,
				Why: fmt.Sprintf("%s on %s lets it act as others, and what these may do is not known", cmp.Or(g.Role, g.Type), g.Resource)}]++
		}
	}
	for d, n := range counts {
		d.Identities = n
		out = append(out, d)
	}
	order(out, (*Doubt).compare)
	return out
}

// sets are doubts, in no order, about sets of principals that have grants where an agent is: whether it is in one is not known.
func (w *world) sets(of []*Identity) []Doubt {
	asked := map[[2]string]int{}
	for _, i := range of {
		asked[[2]string{i.Tenant, i.Connection}]++
	}
	grants := map[[2]string]int{}
	for _, i := range w.identities {
		if at := [2]string{i.Tenant, i.Connection}; isSet(i) && asked[at] > 0 {
			grants[at] += len(i.Grants)
		}
	}
	var out []Doubt
	for at, n := range grants {
		if n > 0 {
			out = append(out, Doubt{Tenant: at[0], Connection: at[1], Kind: events.KindGrant, Identities: asked[at],
				Why: fmt.Sprintf("sets of principals have %d grants there, and who is in a set is not known", n)})
		}
	}
	return out
}

func isSet(i *Identity) bool { return strings.HasPrefix(i.Holder, "principalSet://") }
