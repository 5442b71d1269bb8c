package entra

import (
	"iter"
	"slices"
)

// audits answers /auditLogs/directoryAudits, newest first unless asked otherwise.
func (q *request) audits(rest []string) (any, error) {
	if len(rest) > 0 && rest[0] == "signIns" {
		return q.signIns(rest[1:])
	}
	if len(rest) == 0 || rest[0] != "directoryAudits" {
		return nil, noSegment(append(rest, "auditLogs")[0])
	}
	k := kindOf("directoryAudit")
	src := source{kind: k, context: "auditLogs/directoryAudits", size: k.max(), order: []order{{"activityDateTime", true}},
		rows: func(after uint64) iter.Seq[row] {
			return func(yield func(row) bool) {
				for _, e := range q.st.Audits {
					if e.Seq > after && !yield(row{e.Seq, q.told(e), nil}) {
						return
					}
				}
			}
		}}
	if f := q.opt.filter; f != nil {
		for _, op := range f.ops {
			if !slices.Contains([]string{"eq", "ge", "gt", "le", "lt", "startswith", "and", "or"}, op) {
				return nil, invalid("'%s' is not supported on this resource.", op)
			}
		}
	}
	switch len(rest) {
	case 1:
		return q.list(src)
	case 2:
		return q.within(src, rest[1])
	}
	return nil, noSegment(rest[2])
}

// binTypes are the casts that /directory/deletedItems knows of what this tenant holds.
var binTypes = []string{"servicePrincipal", "application", "user", "group"}

// deletedItems answers the recycle bin: a list needs a cast, one item does not.
func (q *request) deletedItems(rest []string) (any, error) {
	if len(rest) == 0 || rest[0] != "deletedItems" {
		return nil, noSegment(append(rest, "directory")[0])
	}
	if len(rest) == 1 {
		return nil, badQuery("The type of the deleted items is missing: name microsoft.graph.servicePrincipal, application, user or group.")
	}
	cast, ok := castOf(rest[1])
	if ok && slices.Contains(binTypes, cast.name) && len(rest) == 2 {
		return q.list(q.deleted(cast))
	}
	if ok || len(rest) > 3 {
		return nil, noSegment(rest[1])
	}
	o := q.ix.byID[rest[1]]
	if o == nil || o.Deleted == nil || o.Purged {
		return nil, notFound(rest[1])
	}
	m := q.show(row{o.Seq, o.Props, o}, kindOf("directoryObject"))
	m["@odata.context"] = q.base + "/$metadata#directoryObjects/$entity"
	return m, nil
}

func (q *request) deleted(k kind) source {
	return source{kind: k, context: k.set, directory: true, rows: func(after uint64) iter.Seq[row] {
		return func(yield func(row) bool) {
			for o := range q.each(k.name, after) {
				if o.Deleted != nil && !o.Purged && !yield(row{o.Seq, o.Props, o}) {
					return
				}
			}
		}
	}}
}

// ungathered are the types that /directoryObjects does not find.
var ungathered = []string{"oAuth2PermissionGrant", "appRoleAssignment", "unifiedRoleAssignment"}

// directoryObject answers /directoryObjects/{id}.
func (q *request) directoryObject(rest []string) (any, error) {
	if len(rest) != 1 {
		return nil, noSegment("directoryObjects")
	}
	o := q.ix.byID[rest[0]]
	if !o.live() || slices.Contains(ungathered, o.Type) {
		return nil, notFound(rest[0])
	}
	m := q.show(row{o.Seq, o.Props, o}, kindOf("directoryObject"))
	m["@odata.context"] = q.base + "/$metadata#directoryObjects/$entity"
	return m, nil
}

// organization answers /organization with the tenant itself.
func (q *request) organization(rest []string) (any, error) {
	if len(rest) > 0 {
		return nil, noSegment(rest[0])
	}
	props := map[string]any{"id": q.st.Tenant, "displayName": q.st.Company, "createdDateTime": stamp(q.st.Founded),
		"tenantType": "AAD", "verifiedDomains": []any{map[string]any{"capabilities": "Email, OfficeCommunicationsOnline",
			"isDefault": true, "isInitial": true, "name": q.st.Domain, "type": "Managed"}}}
	return q.list(source{kind: kindOf("organization"), context: "organization", rows: func(after uint64) iter.Seq[row] {
		return func(yield func(row) bool) { _ = after > 0 || yield(row{1, props, nil}) }
	}})
}
