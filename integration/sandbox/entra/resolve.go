package entra

import (
	"iter"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// resolve follows the path of a read, segment by segment. Only the administrator's token may write.
func (q *request) resolve() (any, error) {
	if len(q.path) == 0 {
		return nil, noSegment("")
	}
	if strings.Join(q.path, "/") == "directoryObjects/getByIds" && q.method == http.MethodPost {
		return q.getByIDs()
	}
	if q.method != http.MethodGet && q.method != http.MethodHead {
		if q.admin {
			return q.write()
		}
		return nil, q.noWrite()
	}
	head, rest := q.path[0], q.path[1:]
	switch head {
	case "auditLogs":
		return q.audits(rest)
	case "directory":
		return q.deletedItems(rest)
	case "directoryObjects":
		return q.directoryObject(rest)
	case "organization":
		return q.organization(rest)
	case "identityProtection":
		return q.protection(rest)
	case "roleManagement":
		return q.roleManagement(rest)
	}
	set, key := keyOf(head)
	k, ok := baseOf(set)
	if !ok || set == "organization" {
		return nil, noSegment(head)
	}
	if key != "" {
		o, err := q.byKey(k, key)
		if err != nil {
			return nil, err
		}
		return q.object(o, k, rest)
	}
	return q.collection(k, rest)
}

// noWrite is 405 where nothing can be written by anybody, and a missing privilege everywhere else.
func (q *request) noWrite() error {
	if last := q.path[len(q.path)-1]; strings.HasPrefix(last, "inherited") {
		return &failure{status: http.StatusMethodNotAllowed, code: "Request_BadRequest",
			message: "Specified HTTP method is not allowed for the request target."}
	}
	return denied()
}

var keyForm = regexp.MustCompile(`^(\w+)\((.*)\)$`)

// keyOf reads applications(appId='…') or users('…').
func keyOf(segment string) (set, key string) {
	if m := keyForm.FindStringSubmatch(segment); m != nil {
		return m[1], m[2]
	}
	return segment, ""
}

// byKey finds an object by the key in parentheses: an alternate key or the id.
func (q *request) byKey(k kind, key string) (*object, error) {
	name, value, named := strings.Cut(key, "=")
	if !named {
		name, value = "id", key
	}
	value = strings.TrimSuffix(strings.TrimPrefix(value, "'"), "'")
	switch {
	case name == "id":
		return q.byID(k, value)
	case name == "appId" && (k.name == "application" || k.name == "servicePrincipal"):
		if o := q.byApp(k.name, value); o != nil {
			return o, nil
		}
		return nil, notFound(value)
	}
	return nil, bad("The key '%s' is not an alternate key of this resource.", name)
}

var guidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// byID finds a live object of an entity set. Users are found by their principal name too.
func (q *request) byID(k kind, id string) (*object, error) {
	o := q.ix.byID[strings.ToLower(id)]
	switch {
	case k.set == "oauth2PermissionGrants":
		o = q.ix.byID[id]
	case k.set == "users" && !guidForm.MatchString(id):
		o = q.byUPN(id)
	case !guidForm.MatchString(id):
		return nil, bad("Invalid object identifier '%s'.", id)
	}
	if !o.live() || o.base != k.base {
		return nil, notFound(id)
	}
	return o, nil
}

// collection answers what follows an entity set: nothing, $count, delta, a cast, or an id.
func (q *request) collection(k kind, rest []string) (any, error) {
	if len(rest) == 0 {
		return q.list(q.all(k))
	}
	if slices.Contains(deltaNames, rest[0]) && len(rest) == 1 && k.base == k.name {
		return q.delta(k)
	}
	if rest[0] == "$count" && len(rest) == 1 {
		return q.countOnly(q.all(k))
	}
	if cast, ok := castOf(rest[0]); ok {
		if cast.base != k.base || k.name != k.base {
			return nil, noSegment(rest[0])
		}
		return q.collection(cast, rest[1:])
	}
	if strings.HasPrefix(rest[0], "$") || strings.ContainsAny(rest[0], "()") {
		return nil, noSegment(rest[0])
	}
	o, err := q.byID(k, rest[0])
	if err == nil && !k.is(o.Type) {
		err = notFound(rest[0])
	}
	if err != nil {
		return nil, err
	}
	return q.object(o, k, rest[1:])
}

// all are the live objects of a type.
func (q *request) all(k kind) source {
	context := k.set
	if k.name != k.base {
		context += "/" + namespace + k.name
	}
	return source{kind: k, context: context, directory: true, rows: func(after uint64) iter.Seq[row] {
		return func(yield func(row) bool) {
			for o := range q.each(k.base, after) {
				if o.live() && k.is(o.Type) && !yield(row{o.Seq, o.Props, o}) {
					return
				}
			}
		}
	}}
}

// object answers what follows one object: nothing, a cast, or a relation. k is the type as the path declares it.
func (q *request) object(o *object, k kind, rest []string) (any, error) {
	if len(rest) == 0 {
		return q.entity(o, k)
	}
	if cast, ok := castOf(rest[0]); ok {
		if !cast.is(o.Type) || cast.base != k.base {
			return nil, notFound(o.ID)
		}
		return q.object(o, cast, rest[1:])
	}
	return q.relation(o, k, rest[0], rest[1:])
}

// entity answers one object.
func (q *request) entity(o *object, k kind) (any, error) {
	if err := q.checkNames(source{kind: k}); err != nil {
		return nil, err
	}
	m := q.show(row{o.Seq, o.Props, o}, k)
	context := k.set
	if k.name != k.base {
		context += "/" + namespace + k.name
	}
	if q.opt.sel != nil {
		context += "(" + strings.Join(q.opt.sel, ",") + ")"
	}
	m["@odata.context"] = q.base + "/$metadata#" + context + "/$entity"
	return m, nil
}
