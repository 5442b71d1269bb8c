package roster

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// at is the address of an identity.
type at struct{ tenant, connection, holder string }

func (a at) compare(b at) int {
	return cmp.Or(strings.Compare(a.tenant, b.tenant), strings.Compare(a.connection, b.connection), strings.Compare(a.holder, b.holder))
}

// spelled is how an address is written in links and assertions, inside a tenant.
func (a at) spelled() string { return a.connection + "/" + a.holder }

func (i *Identity) at() at { return at{i.Tenant, i.Connection, i.Holder} }

// node is an identity in the fold, with what the fold knows of it beside its document.
type node struct {
	*Identity
	edges []edge // its identifiers that join it to others, and what operators say of it
	group *group // whose it is; nil while it is not known to be an agent
	pos   int    // in the group
	facts facts  // as counted in the group

	findings []events.Finding // about this identity alone, ordered by code and key
	due      time.Time        // when it is looked at again; zero: never
	written  string           // id of the agent that its document was last written to belong to
	grave    bool             // it was last written as buried
}

// compareNodes orders the identities of an agent. The id of the first is the agent's: the one seen first, but a user account that an agent
// acts as comes behind what acts as itself.
func compareNodes(a, b *node) int {
	return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.FirstSequence, b.FirstSequence), a.at().compare(b.at()))
}

func (i *Identity) rank() int {
	if slices.Equal(i.Agent.Models, []events.Model{events.ModelUser}) {
		return 1
	}
	return 0
}

// sign is the last sign of life, or when it was first seen.
func (i *Identity) sign() time.Time {
	if i.LastActivity != nil {
		return later(i.LastActivity.Time, i.FirstSeen)
	}
	return i.FirstSeen
}

// sorted puts identities in the order of their addresses, so that what is done to them one after the other is done in one order.
func sorted(nodes []*node) []*node {
	slices.SortFunc(nodes, func(a, b *node) int { return a.at().compare(b.at()) })
	return slices.Compact(nodes)
}
