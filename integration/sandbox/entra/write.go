package entra

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
)

// AdminToken returns a bearer token of an administrator, who may also write: PATCH of accountEnabled and displayName, DELETE,
// and restore and DELETE of deleted items. [Sandbox.Token] can only read and keep subscriptions.
func (s *Sandbox) AdminToken() string {
	return s.with(func(*state) string { return s.adminToken() })
}

func (s *Sandbox) adminToken() string {
	return "entra-sandbox-admin-" + hex.EncodeToString(s.sign("admin", nil))
}

// administrator marks what was done with the administrator's token.
var administrator = initiator{App: &appActor{DisplayName: "Tenant Administration"}}

// made is an answer with a status of its own, and a body or none.
type made struct {
	status int
	body   json.RawMessage
}

// write makes one of the writes that are imitated.
func (q *request) write() (any, error) {
	v, err := q.written()
	if err == nil {
		q.wrote.Store(true)
	}
	return v, err
}

func (q *request) written() (any, error) {
	if len(q.path) > 2 && q.path[0] == "directory" && q.path[1] == "deletedItems" {
		return q.writeDeleted(q.path[2], q.path[3:])
	}
	k, ok := baseOf(q.path[0])
	if !ok || len(q.path) < 2 || len(q.path) > 3 {
		return nil, notImitated()
	}
	o, err := q.byID(k, q.path[1])
	if err != nil {
		return nil, err
	}
	if len(q.path) == 3 {
		if cast, ok := castOf(q.path[2]); !ok || !cast.is(o.Type) {
			return nil, noSegment(q.path[2])
		}
	}
	switch q.method {
	case http.MethodPatch:
		return q.patch(o)
	case http.MethodDelete:
		return q.remove(o)
	}
	return nil, notImitated()
}

// notImitated is for writes that the vendor has and the sandbox has not.
func notImitated() *failure {
	return &failure{status: http.StatusNotImplemented, code: "NotImplemented",
		message: "The sandbox does not imitate this write: make the change by its control API."}
}

// patch sets what a body names, or nothing when it also names something else.
func (q *request) patch(o *object) (any, error) {
	var m map[string]any
	if json.Unmarshal(q.body, &m) != nil || len(m) == 0 {
		return nil, badQuery("Unable to read JSON request payload.")
	}
	var todo []func()
	for _, name := range keys(m) {
		on, isBool := m[name].(bool)
		text, isText := m[name].(string)
		switch {
		case name == "accountEnabled" && isBool && (o.base == "servicePrincipal" || o.base == "user"):
			todo = append(todo, func() { q.setEnabled(o, on, q.now(), administrator) })
		case name == "displayName" && isText && text != "" && o.base != "oAuth2PermissionGrant":
			todo = append(todo, func() { q.rename(o, text, q.now(), administrator) })
		default:
			return nil, bad("Invalid value specified for property '%s' of resource '%s'.", name, o.Type)
		}
	}
	for _, do := range todo {
		do()
	}
	return made{status: http.StatusNoContent}, nil
}

// remove soft-deletes an object; a blueprint takes along what belongs to it, and a grant is gone for good.
func (q *request) remove(o *object) (any, error) {
	now := q.now()
	switch {
	case o.base == "oAuth2PermissionGrant":
		about := []*object{q.ix.byID[o.text("resourceId")], q.ix.byID[o.text("clientId")]}
		q.bury(o)
		q.record(logged{at: now, verb: grantActivity(o, 1), about: about}, administrator)
	case q.parent(o.ID) != nil:
		q.binParent(o, now, administrator)
	default:
		q.bin(o, now)
		q.record(entryOf(now, "Delete", o), administrator)
	}
	return made{status: http.StatusNoContent}, nil
}

// writeDeleted answers POST /directory/deletedItems/{id}/restore and DELETE /directory/deletedItems/{id}.
func (q *request) writeDeleted(id string, rest []string) (any, error) {
	o := q.ix.byID[id]
	if o == nil || o.Deleted == nil || o.Purged {
		return nil, notFound(id)
	}
	switch {
	case q.method == http.MethodPost && slices.Equal(rest, []string{"restore"}):
		q.unbin(o)
		q.record(entryOf(q.now(), "Restore", o), administrator)
		m := q.show(row{o.Seq, o.Props, o}, kindOf("directoryObject"))
		m["@odata.context"] = q.base + "/$metadata#directoryObjects/$entity"
		return m, nil
	case q.method == http.MethodDelete && len(rest) == 0:
		q.bury(o)
		q.record(entryOf(q.now(), "Hard Delete", o), administrator)
		return made{status: http.StatusNoContent}, nil
	}
	return nil, notImitated()
}
