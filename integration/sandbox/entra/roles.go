package entra

import (
	"encoding/base64"
	"iter"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// roleDef is one role of the directory. Ids of built-in roles are the published ones, the same in every tenant.
type roleDef struct{ id, name, does, action string }

var roleDefs = []roleDef{
	{"88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "Directory Readers", "Can read basic directory information.", "microsoft.directory/users/standard/read"},
	{"4a5d8f65-41da-4de4-8968-e035b65339cf", "Reports Reader", "Can read sign-in and audit reports.", "microsoft.directory/auditLogs/allProperties/read"},
	{"5d6b6bb7-de71-4623-b4af-96380a352509", "Security Reader", "Can read security information and reports.", "microsoft.directory/identityProtection/allProperties/read"},
	{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b", "Message Center Reader", "Can read messages and updates for their organization.", "microsoft.office365.messageCenter/messages/read"},
	{"f2ef992c-3afb-46b9-b7cf-a126ee74c451", "Global Reader", "Can read everything that a Global Administrator can.", "microsoft.directory/applications/allProperties/read"},
	{"fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator", "Can manage all aspects of users and groups.", "microsoft.directory/users/basic/update"},
}

// definitions are the roles of this tenant: the built-in ones and one of its own, which no other tenant knows.
func (s *Sandbox) definitions() []roleDef {
	own := roleDef{s.derived("role", 1), "Agent Inventory Reader", "Reads agents for the yearly review.", "microsoft.directory/servicePrincipals/standard/read"}
	return append(slices.Clone(roleDefs), own)
}

func (s *Sandbox) definition(id string) (roleDef, bool) {
	all := s.definitions()
	i := slices.IndexFunc(all, func(d roleDef) bool { return d.id == id })
	if i < 0 {
		return roleDef{}, false
	}
	return all[i], true
}

func (d roleDef) builtIn() bool { return slices.Contains(roleDefs, d) }

func (d roleDef) props() map[string]any {
	return map[string]any{"id": d.id, "description": d.does, "displayName": d.name, "isBuiltIn": d.builtIn(), "isEnabled": true,
		"resourceScopes": []any{"/"}, "templateId": d.id, "version": "1",
		"rolePermissions": []any{map[string]any{"allowedResourceActions": []any{d.action}, "condition": nil}}}
}

// roleManagement answers /roleManagement/directory/roleAssignments and roleDefinitions.
func (q *request) roleManagement(rest []string) (any, error) {
	if len(rest) < 2 || rest[0] != "directory" {
		return nil, noSegment(append(rest, "roleManagement")[0])
	}
	var src source
	switch rest[1] {
	case "roleAssignments":
		src = q.assignments(func(*object) bool { return true })
	case "roleDefinitions":
		src = q.definitionList(q.definitions())
	default:
		return nil, noSegment(rest[1])
	}
	switch len(rest) {
	case 2:
		return q.list(src)
	case 3:
		return q.within(src, rest[2])
	case 4:
		return q.roleParty(rest[1:])
	}
	return nil, noSegment(rest[4])
}

// roleParty answers /roleAssignments/{id}/principal and /roleDefinition.
func (q *request) roleParty(rest []string) (any, error) {
	g := q.ix.byID[rest[1]]
	k := kindOf("unifiedRoleAssignment")
	if g == nil || g.Type != k.name || !q.assigned(g) {
		return nil, notFound(rest[1])
	}
	if rest[0] != "roleAssignments" || !slices.Contains(k.rels, rest[2]) {
		return nil, noSegment(rest[2])
	}
	src, err := q.related(g, rest[2])
	if err != nil {
		return nil, err
	}
	return q.single(src)
}

func (q *request) definitionList(defs []roleDef) source {
	return source{kind: kindOf("unifiedRoleDefinition"), context: "roleManagement/directory/roleDefinitions", size: 999,
		rows: func(after uint64) iter.Seq[row] {
			return func(yield func(row) bool) {
				for i, d := range defs {
					if n := uint64(i + 1); n > after && !yield(row{n, d.props(), nil}) {
						return
					}
				}
			}
		}}
}

// assignments are the role assignments whose principal the directory shows.
func (q *request) assignments(fits func(*object) bool) source {
	return source{kind: kindOf("unifiedRoleAssignment"), context: "roleManagement/directory/roleAssignments", rows: func(after uint64) iter.Seq[row] {
		return func(yield func(row) bool) {
			for g := range q.each("unifiedRoleAssignment", after) {
				if q.assigned(g) && fits(g) && !yield(row{g.Seq, g.Props, g}) {
					return
				}
			}
		}
	}}
}

func (q *request) assigned(g *object) bool {
	return g.live() && q.ix.byID[g.text("principalId")].live()
}

// newAssignment gives a principal a role in the whole directory; nil when it has that role already. The vendor makes the id
// of role and principal.
func (s *Sandbox) newAssignment(principal *object, d roleDef) *object {
	id := base64.RawURLEncoding.EncodeToString(append(guidBytes(d.id), guidBytes(principal.ID)...)) + "-1"
	if old := s.ix.byID[id]; old != nil && !old.Purged {
		return nil
	}
	return s.create("unifiedRoleAssignment", id, map[string]any{"principalId": principal.ID, "roleDefinitionId": d.id, "directoryScopeId": "/"})
}

// rolesOf are the assignments of a principal that were not taken away.
func (s *Sandbox) rolesOf(o *object) []*object {
	return slices.DeleteFunc(slices.Clone(s.ix.roles[o.ID]), func(g *object) bool { return g.Purged })
}

// addRole gives an agent identity a role; Name may be the role's name or id.
func (s *Sandbox) addRole(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.target(c, func(o *object) bool { return o.live() && o.Type == "agentIdentity" })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	defs := slices.DeleteFunc(s.definitions(), func(d roleDef) bool { return c.Name != "" && c.Name != d.name && c.Name != d.id })
	for len(defs) > 0 {
		i := s.st.Rand.Pick(len(defs))
		if g := s.newAssignment(o, defs[i]); g != nil {
			s.record(logged{at: now, verb: "Add member to role", about: []*object{o}, category: "RoleManagement",
				changes: []modified{change("Role.DisplayName", "", quote(defs[i].name))}}, s.admin())
			return outcome(o, g.ID, "role %s given to %s", quote(defs[i].name), shown(o))
		}
		defs = slices.Delete(defs, i, i+1)
	}
	return sandbox.Outcome{}, none(c, "there is no such role that it does not have")
}

func (s *Sandbox) removeRole(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.target(c, func(o *object) bool { return o.live() && len(s.rolesOf(o)) > 0 })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	all := s.rolesOf(o)
	g := all[s.st.Rand.Pick(len(all))]
	d, _ := s.definition(g.text("roleDefinitionId"))
	s.bury(g)
	s.record(logged{at: now, verb: "Remove member from role", about: []*object{o}, category: "RoleManagement",
		changes: []modified{change("Role.DisplayName", quote(d.name), "")}}, s.admin())
	return outcome(o, g.ID, "role %s taken from %s", quote(d.name), shown(o))
}
