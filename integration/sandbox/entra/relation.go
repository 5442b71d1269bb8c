package entra

import (
	"iter"
	"slices"
	"strings"
)

// relation answers a relation of an object, and what may follow it. Sponsors and inheritable permissions belong to derived
// types, so their address needs the cast.
func (q *request) relation(o *object, k kind, rel string, rest []string) (any, error) {
	if q.version == "beta" && k.name == "agentIdentity" && len(rest) == 0 {
		switch rel {
		case "inheritedAppRoleAssignments":
			return q.inherited(o, "appRoleAssignment")
		case "inheritedOauth2PermissionGrants":
			return q.inherited(o, "oAuth2PermissionGrant")
		}
	}
	if !slices.Contains(k.rels, rel) && !slices.Contains(k.castRels, rel) {
		return nil, noSegment(rel)
	}
	src, err := q.related(o, rel)
	if err != nil {
		return nil, err
	}
	switch {
	case slices.Contains(singles, rel) && len(rest) == 0:
		return q.single(src)
	case len(rest) == 0:
		return q.list(src)
	case len(rest) == 1 && rest[0] == "$count":
		return q.countOnly(src)
	case len(rest) == 1:
		return q.within(src, rest[0])
	}
	return nil, noSegment(rest[1])
}

// within narrows a relation to one type by a cast, or finds one part of it by id.
func (q *request) within(src source, segment string) (any, error) {
	if cast, ok := castOf(segment); ok && src.kind.name == "directoryObject" {
		inner := src.rows
		src.kind, src.context = cast, src.context+"/"+namespace+cast.name
		src.rows = func(after uint64) iter.Seq[row] {
			return func(yield func(row) bool) {
				for r := range inner(after) {
					if cast.is(r.Type) && !yield(r) {
						return
					}
				}
			}
		}
		return q.list(src)
	}
	for r := range src.rows(0) {
		if (r.props["id"] == segment || r.props["resourceAppId"] == segment) && src.kind.name != "directoryObject" {
			m := q.show(r, src.kind)
			m["@odata.context"] = q.base + "/$metadata#" + src.context + "/$entity"
			return m, nil
		}
	}
	return nil, notFound(segment)
}

// single answers a relation to one object, which is a 404 when there is none.
func (q *request) single(src source) (any, error) {
	if err := q.checkNames(src); err != nil {
		return nil, err
	}
	for r := range src.rows(0) {
		m := q.show(r, src.kind)
		m["@odata.context"] = q.base + "/$metadata#" + src.context + "/$entity"
		return m, nil
	}
	return nil, notFound(q.path[len(q.path)-1])
}

// related is the list behind a relation's name.
func (q *request) related(o *object, rel string) (source, error) {
	switch rel {
	case "owners", "sponsors", "manager", "members", "transitiveMembers":
		return q.objects(o.Links[strings.Replace(rel, "transitiveM", "m", 1)], nil), nil
	case "memberOf", "transitiveMemberOf":
		return q.objects(q.holding("group", "members", o.ID), nil), nil
	case "ownedObjects":
		return q.objects(q.holding("", "owners", o.ID), nil), nil
	case "sponsorOf":
		return q.objects(q.holding("", "sponsors", o.ID), nil), nil
	case "directReports":
		return q.objects(q.holding("user", "manager", o.ID), nil), nil
	case "createdObjects":
		return q.objects(q.createdBy(o), nil), nil
	case "appRoleAssignments", "appRoleAssignedTo":
		return q.grants(o, rel), nil
	case "oauth2PermissionGrants":
		return q.grants(o, rel), nil
	case "federatedIdentityCredentials", "inheritablePermissions":
		return q.parts(o, rel), nil
	case "principal":
		return q.objects([]string{o.text("principalId")}, nil), nil
	case "roleDefinition":
		d, _ := q.definition(o.text("roleDefinitionId"))
		return q.definitionList([]roleDef{d}), nil
	}
	return source{}, noSegment(rel)
}

// singles are the relations that lead to one object instead of a list.
var singles = []string{"manager", "principal", "roleDefinition"}

// objects lists directory objects by id, in the given order; those that are not live are left out.
func (q *request) objects(ids []string, fits func(*object) bool) source {
	return source{kind: kindOf("directoryObject"), context: "directoryObjects", directory: true, rows: func(after uint64) iter.Seq[row] {
		return func(yield func(row) bool) {
			for i, id := range ids {
				o := q.ix.byID[id]
				if n := uint64(i + 1); n > after && o.live() && (fits == nil || fits(o)) && !yield(row{n, o.Props, o}) {
					return
				}
			}
		}
	}}
}

// holding finds the live objects that have an id in a relation.
func (q *request) holding(base, rel, id string) []string {
	var out []string
	for o := range q.each(base, 0) {
		if o.live() && slices.Contains(o.Links[rel], id) {
			out = append(out, o.ID)
		}
	}
	return out
}

func (q *request) createdBy(o *object) []string {
	var out []string
	for x := range q.each("", 0) {
		if x.live() && x.text("createdByAppId") == o.text("appId") && o.text("appId") != "" {
			out = append(out, x.ID)
		}
	}
	return out
}

// grants lists assignments and delegated grants: those that an object holds, or for appRoleAssignedTo those of its roles.
func (q *request) grants(o *object, rel string) source {
	k := kindOf("appRoleAssignment")
	if rel == "oauth2PermissionGrants" {
		k = kindOf("oAuth2PermissionGrant")
	}
	every := q.each(k.name, 0)
	if rel != "appRoleAssignedTo" && o.base != "user" {
		every = slices.Values(q.ix.holder[o.ID])
	}
	return source{kind: k, context: rel, rows: func(after uint64) iter.Seq[row] {
		return func(yield func(row) bool) {
			for g := range every {
				held := g.Type == k.name && q.holds(o, g)
				if rel == "appRoleAssignedTo" {
					held = g.text("resourceId") == o.ID && q.ix.byID[g.text("principalId")].live()
				}
				if held && g.Seq > after && g.live() && !yield(row{g.Seq, g.Props, g}) {
					return
				}
			}
		}
	}}
}

// holds tells whether a grant is the object's: as its client, or for a user as the one on whose behalf it acts.
func (q *request) holds(o, g *object) bool {
	if g.Type == "oAuth2PermissionGrant" && o.base != "user" {
		return g.text("clientId") == o.ID
	}
	return g.text("principalId") == o.ID
}

// parts lists what an object contains.
func (q *request) parts(o *object, rel string) source {
	typ := strings.TrimSuffix(rel, "s")
	return source{kind: kindOf(typ), context: kindOf(o.Type).set + "('" + o.ID + "')/" + rel, rows: func(after uint64) iter.Seq[row] {
		return func(yield func(row) bool) {
			for i, p := range o.Parts[rel] {
				if n := uint64(i + 1); n > after && !yield(row{n, p, nil}) {
					return
				}
			}
		}
	}}
}
