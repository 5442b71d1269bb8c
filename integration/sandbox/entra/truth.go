package entra

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// steward are the words of a truth for the relations to stewards.
var steward = map[string]string{"owners": "owner", "sponsors": "sponsor", "manager": "manager"}

// Truth is every agent identity and agent user that is not purged. Relations of a soft-deleted agent are listed too, since
// the directory keeps them for a restoration. People are the users and groups that own, sponsor or manage an agent which is
// not deleted; stewards of blueprints alone are not among them.
func (s *Sandbox) Truth() sandbox.Truth {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	t := sandbox.Truth{Vendor: s.Name(), Agents: []sandbox.TruthAgent{}, People: s.truePeople()}
	for o := range s.each("", 0) {
		switch {
		case o.Purged:
		case natives[o.Type] != "":
			t.Agents = append(t.Agents, s.truthOf(o))
		case s.leads(o):
			t.Blueprints = append(t.Blueprints, s.trueBlueprint(o))
		}
	}
	slices.SortFunc(t.Agents, func(a, b sandbox.TruthAgent) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(t.Blueprints, func(a, b sandbox.TruthBlueprint) int { return cmp.Compare(a.ID, b.ID) })
	return t
}

func (s *Sandbox) truthOf(o *object) sandbox.TruthAgent {
	a := sandbox.TruthAgent{ID: o.ID, Native: natives[o.Type], Name: o.text("displayName"), Status: status(o),
		Stewards: s.stewards(o), Credentials: []string{}, Grants: []string{}, LinkedTo: o.text("identityParentId"),
		Roles: idsOf(s.rolesOf(o)), Inherited: s.inheritance(o), Consents: s.consents(o), Risk: s.riskLevel(o)}
	if o.blocked() {
		a.DisabledBy = "vendor"
	}
	for _, g := range s.grantsOf(o) {
		a.Grants = append(a.Grants, g.ID)
	}
	slices.Sort(a.Grants)
	return a
}

// status is what the vendor lets an object do. Either switch turns an agent off: accountEnabled is the customer's,
// disabledByMicrosoftStatus the vendor's own.
func status(o *object) string {
	switch {
	case o.Deleted != nil:
		return "deleted"
	case !o.enabled() || o.blocked():
		return "disabled"
	}
	return "active"
}

// stewards are role:id of everybody whom the directory still shows.
func (s *Sandbox) stewards(o *object) []string {
	out := []string{}
	for rel, role := range steward {
		for _, id := range o.Links[rel] {
			if s.ix.byID[id].live() {
				out = append(out, role+":"+id)
			}
		}
	}
	slices.Sort(out)
	return out
}

func idsOf(list []*object) []string {
	var out []string
	for _, o := range list {
		out = append(out, o.ID)
	}
	slices.Sort(out)
	return out
}

// inheritance is what an identity has through its blueprint, as ids.
func (s *Sandbox) inheritance(o *object) []string {
	var out []string
	if o.Type == "agentIdentity" {
		for _, typ := range []string{"appRoleAssignment", "oAuth2PermissionGrant"} {
			for _, g := range s.inheritedGrants(o, typ) {
				id, _ := g["id"].(string)
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	return out
}

// consents are the single scopes of an identity's own delegated grants.
func (s *Sandbox) consents(o *object) []string {
	var out []string
	for _, g := range s.grantsOf(o) {
		for scope := range strings.FieldsSeq(g.text("scope")) {
			out = append(out, scope+"@"+g.text("resourceId")+" for "+cmp.Or(g.text("principalId"), "all"))
		}
	}
	slices.Sort(out)
	return out
}

// leads tells whether an object stands for a blueprint in a truth: the application, or the principal of one that another
// tenant publishes.
func (s *Sandbox) leads(o *object) bool {
	return o.Type == "agentIdentityBlueprint" ||
		o.Type == "agentIdentityBlueprintPrincipal" && o.text("appOwnerOrganizationId") != s.st.Tenant
}

func (s *Sandbox) trueBlueprint(o *object) sandbox.TruthBlueprint {
	b := sandbox.TruthBlueprint{ID: o.ID, Name: o.text("displayName"), Status: status(o), Stewards: s.stewards(o),
		Credentials: append([]string{}, credentialIDs(o)...), Inheritable: []string{}}
	for _, x := range s.ix.byApp[o.text("appId")] {
		if x.base == "servicePrincipal" && !x.Purged {
			b.Principal = x.ID
		}
	}
	for _, p := range o.Parts["inheritablePermissions"] {
		id, _ := p["resourceAppId"].(string)
		b.Inheritable = append(b.Inheritable, id+"="+inheritableOf(p).String())
	}
	slices.Sort(b.Credentials)
	slices.Sort(b.Inheritable)
	return b
}

// responsible are the users and groups that answer for an agent now, by id.
func (s *Sandbox) responsible() []*object {
	seen := map[string]bool{}
	var out []*object
	for a := range s.each("", 0) {
		if natives[a.Type] == "" || !a.live() {
			continue
		}
		for rel := range steward {
			for _, id := range a.Links[rel] {
				if p := s.ix.byID[id]; !seen[id] && p.live() && (p.Type == "user" || p.Type == "group") {
					seen[id] = true
					out = append(out, p)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b *object) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (s *Sandbox) truePeople() []sandbox.TruthPerson {
	out := []sandbox.TruthPerson{}
	for _, p := range s.responsible() {
		out = append(out, sandbox.TruthPerson{ID: p.ID, Native: p.Type, Name: p.text("displayName"), Status: status(p)})
	}
	return out
}
