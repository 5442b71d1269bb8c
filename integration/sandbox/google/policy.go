package google

import (
	"fmt"
	"hash/fnv"
	"slices"
)

// policyJSON is a Policy of google.iam.v1.
type policyJSON struct {
	Version  int        `json:"version"`
	Etag     string     `json:"etag"`
	Bindings []*binding `json:"bindings,omitempty"`
}

// Keys of state.Policies.
func organizationPolicyKey(number string) string { return kindOrganization + "/" + number }
func folderPolicyKey(number string) string       { return kindFolder + "/" + number }
func projectPolicyKey(id string) string          { return kindProject + "/" + id }
func enginePolicyKey(name string) string         { return kindEngine + "/" + name }
func accountPolicyKey(uniqueID string) string    { return kindAccount + "/" + uniqueID }
func runPolicyKey(host string) string            { return kindRun + "/" + host }
func appPolicyKey(name string) string            { return kindApp + "/" + name }
func providerPolicyKey(name string) string       { return kindProvider + "/" + name }
func poolPolicyKey(name string) string           { return kindPool + "/" + name }

// policyOf is the policy behind a key, made when nobody has set one.
func (s *state) policyOf(key string) *policy {
	if s.Policies[key] == nil {
		s.Policies[key] = &policy{}
	}
	return s.Policies[key]
}

// policyJSON shows a policy as a caller asked for it. A caller who did not ask for version 3 gets conditional bindings
// without their conditions, under a role name that says so: writing that back would do harm, which is why readers must
// ask for 3.
func (c *call) policyJSON(key string, version int) (any, *apiError) {
	if !slices.Contains([]int{0, 1, 3}, version) {
		return nil, invalid("options.requested_policy_version",
			"Invalid requested policy version %d. Valid values are 0, 1, and 3.", version)
	}
	p := c.Policies[key]
	if p == nil {
		return policyJSON{Version: 1, Etag: "ACAB"}, nil // what a policy that was never set has
	}
	out := policyJSON{Version: 1, Etag: etag("policy", key, p.Revision)}
	for _, b := range p.Bindings {
		if b.Condition != nil && version < 3 {
			b = &binding{Role: b.Role + "_withcond_" + conditionDigest(b.Condition), Members: b.Members}
		} else if b.Condition != nil {
			out.Version = 3
		}
		out.Bindings = append(out.Bindings, b)
	}
	return out, nil
}

// bodyPolicy is policyJSON for the services that take the version in the body.
func (c *call) bodyPolicy(key string) (any, *apiError) {
	var body struct {
		Options struct {
			RequestedPolicyVersion int `json:"requestedPolicyVersion"`
		} `json:"options"`
	}
	if e := c.decode(&body); e != nil {
		return nil, e
	}
	return c.policyJSON(key, body.Options.RequestedPolicyVersion)
}

// queryPolicy is policyJSON for the services that take the version as a query parameter.
func (c *call) queryPolicy(key string) (any, *apiError) {
	version, e := c.query.number("options.requestedPolicyVersion", 0)
	if e != nil {
		return nil, e
	}
	return c.policyJSON(key, version)
}

// conditionDigest is the twenty hexadecimal digits that the vendor appends to such a role.
func conditionDigest(e *expr) string {
	h := fnv.New128a()
	fmt.Fprintf(h, "%s/%s", e.Title, e.Expression)
	return fmt.Sprintf("%x", h.Sum(nil))[:20]
}

// grant adds a member to a role, to the binding with the same condition when there is one.
func (p *policy) grant(role, member string, cond *expr) {
	p.Revision++
	for _, b := range p.Bindings {
		if b.Role == role && sameCondition(b.Condition, cond) {
			if !slices.Contains(b.Members, member) {
				b.Members = append(b.Members, member)
			}
			return
		}
	}
	p.Bindings = append(p.Bindings, &binding{role, []string{member}, cond})
	slices.SortStableFunc(p.Bindings, func(a, b *binding) int {
		if a.Role < b.Role {
			return -1
		} else if a.Role > b.Role {
			return 1
		}
		return 0
	})
}

// revoke takes a member out of a role, whatever the condition, and returns the condition it had.
func (p *policy) revoke(role, member string) (cond *expr, found bool) {
	for _, b := range p.Bindings {
		if i := slices.Index(b.Members, member); b.Role == role && i >= 0 {
			b.Members = slices.Delete(b.Members, i, i+1)
			cond, found = b.Condition, true
		}
	}
	p.Bindings = slices.DeleteFunc(p.Bindings, func(b *binding) bool { return len(b.Members) == 0 })
	if found {
		p.Revision++
	}
	return cond, found
}

// rename gives a member another spelling everywhere in the policy, as deleting a service account does.
func (p *policy) rename(from, to string) {
	for _, b := range p.Bindings {
		if i := slices.Index(b.Members, from); i >= 0 {
			b.Members[i] = to
			p.Revision++
		}
	}
}

// roles are the roles that a member has in the policy.
func (p *policy) roles(member string) []string {
	var out []string
	for _, b := range p.Bindings {
		if slices.Contains(b.Members, member) {
			out = append(out, b.Role)
		}
	}
	return out
}

func sameCondition(a, b *expr) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
