package entra

import (
	"fmt"
	"strings"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// perBlueprint is how many agent identities of one department share a blueprint, unless a tenant is made with more.
const perBlueprint = 6

// foreignTenant publishes a multitenant blueprint: this tenant has its principal and agents, but not the blueprint itself.
const foreignTenant = "4e0f7f1c-52a4-4b0e-9d39-6a0b6f1d8c55"

// addAgents creates one object for each seed. An agent user belongs to one of the agent identities, each of which has one at
// most; should there be more users than identities, the rest name a parent that no longer exists.
func (b *builder) addAgents(seeds []sandbox.Seed) {
	var identities []*object
	for i, d := range seeds {
		if d.Native != "agent_user" {
			identities = append(identities, b.addIdentity(i, d))
		}
	}
	users := 0
	for _, d := range seeds {
		if d.Native != "agent_user" {
			continue
		}
		parent := b.st.Rand.UUID()
		if users < len(identities) {
			parent = identities[users].ID
		}
		users++
		b.addUser(d, parent)
	}
}

func (b *builder) addIdentity(i int, d sandbox.Seed) *object {
	var bp *object
	if i%11 == 10 && (b.per == perBlueprint || b.guests < b.per) {
		b.guests++
		bp = b.foreignBlueprint()
	} else {
		bp = b.blueprintFor(d)
	}
	o := b.newIdentity(d.Name, d.Description, bp, stamp(b.ago(300)))
	r := b.st.Rand
	switch {
	case i%13 == 5:
		o.Props["accountEnabled"] = false
	case i%17 == 7:
		o.Props["disabledByMicrosoftStatus"] = "NotDisabled"
	}
	if owner := b.people[d.Owner]; owner != "" {
		b.link(o, "owners", owner)
		b.link(o, "sponsors", owner)
		if len(b.groups) > 0 && r.Chance(0.3) {
			b.link(o, "sponsors", b.groups[r.Pick(len(b.groups))])
		}
		if r.Chance(0.07) {
			b.link(o, "owners", b.factory.ID)
		}
	}
	for range r.Pick(4) {
		b.addSomeGrant(o)
	}
	return o
}

// newIdentity creates an agent identity of a blueprint's principal. The application id equals the object id.
func (s *Sandbox) newIdentity(name, description string, principal *object, created string) *object {
	id := s.st.Rand.UUID()
	tags := []any{"prod"}
	if s.st.Rand.Chance(0.2) {
		tags = []any{"pilot"}
	}
	props := map[string]any{
		"accountEnabled": true, "agentIdentityBlueprintId": principal.text("appId"), "appId": id,
		"appOwnerOrganizationId": s.st.Tenant, "appRoleAssignmentRequired": false, "createdByAppId": principal.text("appId"),
		"createdDateTime": created, "displayName": name, "servicePrincipalNames": []any{id},
		"servicePrincipalType": "ServiceIdentity", "tags": tags,
	}
	if description != "" {
		props["description"] = description
	}
	return s.create("agentIdentity", id, props)
}

func (b *builder) addUser(d sandbox.Seed, parent string) {
	u := b.newUser(d.Name, parent, stamp(b.ago(200)))
	u.Props["department"] = d.Purpose
	if owner := b.people[d.Owner]; owner != "" {
		b.link(u, "sponsors", owner)
		if b.st.Rand.Chance(0.6) {
			b.link(u, "manager", owner)
		}
	}
}

// newUser creates the user account of an agent identity.
func (s *Sandbox) newUser(name, parent, created string) *object {
	nick := strings.ToLower(strings.Join(strings.FieldsFunc(name, notLetter), "-"))
	upn := nick + "@" + s.st.Domain
	for n := 2; s.byUPN(upn) != nil; n++ {
		upn = fmt.Sprintf("%s-%d@%s", nick, n, s.st.Domain)
	}
	return s.create("agentUser", s.st.Rand.UUID(), map[string]any{
		"accountEnabled": true, "businessPhones": []any{}, "createdDateTime": created, "displayName": name,
		"identityParentId": parent, "mail": upn, "mailNickname": nick, "usageLocation": "DE", "userPrincipalName": upn,
		"userType": "Member",
	})
}

func notLetter(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
}

// blueprintFor finds the principal of a blueprint of the seed's department with room for one more, or makes a blueprint.
func (b *builder) blueprintFor(d sandbox.Seed) *object {
	used := b.used[d.Purpose]
	b.used[d.Purpose]++
	if used%b.per > 0 {
		return b.current[d.Purpose]
	}
	name := d.Purpose + " Agents"
	if used > 0 {
		name = fmt.Sprintf("%s %d", name, used/b.per+1)
	}
	b.current[d.Purpose] = b.addBlueprint(d, name)
	return b.current[d.Purpose]
}

// foreignBlueprint is the principal of the one blueprint that another tenant publishes.
func (b *builder) foreignBlueprint() *object {
	const name = "Northlight Agent Platform"
	if b.foreign == nil {
		b.foreign = b.newPrincipal(name, b.st.Rand.UUID(), foreignTenant, stamp(b.ago(250)))
	}
	return b.foreign
}

// byUPN finds a user by its principal name, in any case.
func (s *Sandbox) byUPN(upn string) *object {
	if u := s.ix.upns[strings.ToLower(upn)]; u != nil && !u.Purged {
		return u
	}
	return nil
}
