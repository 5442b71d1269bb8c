package google

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// allowPolicy is a Policy of IAM, at version 3.
type allowPolicy struct {
	Bindings []binding `json:"bindings"`
}

type binding struct {
	Role      string     `json:"role"`
	Members   []string   `json:"members"`
	Condition *condition `json:"condition"`
}

// condition is when a binding holds, in CEL.
type condition struct {
	Title      string `json:"title,omitzero"`
	Expression string `json:"expression,omitzero"`
}

func parsePolicy(body []byte) (allowPolicy, error) {
	var p allowPolicy
	err := json.Unmarshal(body, &p)
	return p, err
}

// members are all that the policy grants, by [delta.key].
func (p *allowPolicy) members() map[string]bool {
	out := map[string]bool{}
	for _, b := range p.Bindings {
		for _, m := range b.Members {
			d := delta{Role: b.Role, Member: m, Condition: b.Condition}
			out[d.key()] = true
		}
	}
	return out
}

// key tells a member's role under a condition.
func (d *delta) key() string { return events.Digest(d.Role, d.Member, d.Condition.text()) }

func (c *condition) text() string {
	if c == nil {
		return ""
	}
	return c.Expression
}

// policyContext is what a policy's record says beside the policy.
func policyContext(r connectors.Record) (resource string, holders map[string]string, err error) {
	if resource = r.Context[ctxResource]; resource == "" {
		return "", nil, missing(r, "resource in its context")
	}
	if err := json.Unmarshal([]byte(r.Context[ctxHolders]), &holders); err != nil {
		return "", nil, missing(r, "holders in its context")
	}
	return resource, holders, nil
}

// normalizePolicy reads a resource's whole allow policy: a grant for every member that is an agent, or stands for agents. People,
// groups and accounts of others are nobody that this connection reads. In a service account's own policy, who may become the
// account from outside is a credential of the account's.
func normalizePolicy(r connectors.Record) (connectors.Reading, error) {
	var p allowPolicy
	if err := decode(r, &p); err != nil {
		return connectors.Reading{}, err
	}
	resource, holders, err := policyContext(r)
	if err != nil {
		return connectors.Reading{}, err
	}
	pools, err := poolsOf(r)
	if err != nil {
		return connectors.Reading{}, err
	}
	var reading connectors.Reading
	if r.Context[ctxPartial] == "" {
		reading.Replaces = []string{policyScope(resource)}
	}
	for _, b := range p.Bindings {
		for _, m := range b.Members {
			if own := r.Context[ctxUniqueID]; own != "" && b.Role == roleFederated && isOutside(m) {
				if e, ok := federated(m, pools); ok {
					e.Holder, e.Scope = own, policyScope(resource)
					reading.Entities = append(reading.Entities, e)
				}
				continue
			}
			d := delta{Role: b.Role, Member: m, Condition: b.Condition}
			if e, ok := d.grant(holders, resource); ok {
				reading.Entities = append(reading.Entities, e)
			}
		}
	}
	reading.Entities = onePerRef(reading.Entities)
	return reading, nil
}

// normalizeDelta reads what one log entry says of a policy.
func normalizeDelta(r connectors.Record) (connectors.Reading, error) {
	var body struct {
		Deltas []delta `json:"deltas"`
	}
	if err := decode(r, &body); err != nil {
		return connectors.Reading{}, err
	}
	resource, holders, err := policyContext(r)
	if err != nil {
		return connectors.Reading{}, err
	}
	var reading connectors.Reading
	for _, d := range body.Deltas {
		e, ok := d.grant(holders, resource)
		switch {
		case d.Role == roleFederated && isOutside(d.Member): // the policy itself tells of the credentials
		case !ok:
		case d.Action == "ADD":
			reading.Entities = append(reading.Entities, e)
		case d.Action == "REMOVE":
			reading.Tombstones = append(reading.Tombstones, connectors.Tombstone{Ref: e.Ref(), Reason: "taken out of the policy"})
		}
	}
	reading.Entities = onePerRef(reading.Entities)
	return reading, nil
}

// grant is what a member may do, if it is an agent or stands for agents. Bindings that differ in nothing but a condition's title are
// one grant.
func (d *delta) grant(holders map[string]string, resource string) (events.Entity, bool) {
	holder, native := holders[d.Member], ""
	if holder == "" {
		holder, native = stated(d.Member)
	}
	if holder == "" || d.Role == "" {
		return events.Entity{}, false
	}
	g := &events.Grant{Type: "iam_role", Role: d.Role, Resource: resource, Condition: d.Condition.text(), NativeStatus: native}
	key := events.Digest(g.Role, g.Resource, g.Condition)
	return events.Entity{Kind: events.KindGrant, Holder: holder, Key: key, Scope: policyScope(resource), Grant: g}, true
}

// What a grant's native status says of a member that is no agent of the connection's.
const (
	memberDeleted = "dangling: the service account was deleted"
	memberNowhere = "dangling: there is no such engine or service"
	memberSet     = "set: whoever is in it has the role"
	memberOutside = "outside: an identity from outside of Google Cloud"
)

// stated is the holder of a member that was not found to be an agent of the connection's, but stands for one that was, for a set of
// them, or for a workload elsewhere: the member as the policy states it. Who is in a set is not guessed.
func stated(member string) (holder, native string) {
	if len(member) > mostMember {
		return "", ""
	}
	if p, ok := canonicalPrincipal(member); ok {
		_, engine := engineOf(p)
		if _, service := runOf(p); engine || service {
			return p, memberNowhere
		}
		return p, ""
	}
	switch {
	case strings.HasPrefix(member, "deleted:"+accountMember):
		return member, memberDeleted
	case strings.HasPrefix(member, "principalSet://agents.global."):
		return member, memberSet
	case strings.HasPrefix(member, "principalSet://iam.googleapis.com/") && strings.Contains(member, "/workloadIdentityPools/"):
		return member, memberSet
	case strings.HasPrefix(member, "principal://iam.googleapis.com/") && strings.Contains(member, "/workloadIdentityPools/"):
		return member, memberOutside
	}
	return "", ""
}

// isOutside reports whether a member is an identity, or a set of them, from outside of Google's own accounts.
func isOutside(member string) bool {
	return poolMember.MatchString(member) || clusterMember.MatchString(member)
}

// mostMember is the longest member that can hold something.
const mostMember = 500

// onePerRef orders entities and leaves repetitions out.
func onePerRef(list []events.Entity) []events.Entity {
	slices.SortStableFunc(list, func(a, b events.Entity) int {
		return cmp.Or(cmp.Compare(a.Holder, b.Holder), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
	})
	return slices.CompactFunc(list, func(a, b events.Entity) bool { return a.Ref() == b.Ref() })
}
