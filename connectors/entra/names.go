package entra

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// names are what this process knows of the names of permissions and directory roles: records hold their ids alone. It is safe for
// concurrent use.
type names struct {
	mu    sync.Mutex
	known map[string]named // by the object id of a resource, or the id of a role definition
}

// named is what one object names: itself, and its permissions by their ids.
type named struct {
	App     string // a resource's appId
	Names   map[string]string
	Until   time.Time
	Missing bool // it is not there
}

const (
	// namesAge is how long names are believed: permissions are rarely renamed.
	namesAge = 24 * time.Hour

	// blankAge is how long what has no names to be seen is left alone.
	blankAge = time.Hour

	// defaultAccess is the appRoleId of a resource that has no roles of its own, and its name.
	defaultAccess     = "00000000-0000-0000-0000-000000000000"
	defaultAccessName = "Default Access"
)

const (
	pathResource = "/servicePrincipals/"
	pathRole     = "/roleManagement/directory/roleDefinitions/"

	queryResource = "?$select=id,appId,displayName,appRoles"
	queryRole     = "?$select=id,displayName"
)

// wireNamed is a resource or a role definition, as far as it names something.
type wireNamed struct {
	ID    string `json:"id"`
	AppID string `json:"appId"`
	Name  string `json:"displayName"`
	Roles []struct {
		ID    string `json:"id"`
		Name  string `json:"displayName"`
		Value string `json:"value"`
	} `json:"appRoles"`
}

// look finds names, asking for those that are not known. What may not be read has none; anything else that fails is an error.
func (c *client) look(ctx context.Context, path, query string, ids []string) (map[string]named, error) {
	out := map[string]named{}
	var ask []string
	c.names.mu.Lock()
	for _, id := range ids {
		n, ok := c.names.known[id]
		switch {
		case ok && c.now().Before(n.Until):
			out[id] = n
		case isGUID(id):
			ask = append(ask, path+id+query)
		}
	}
	c.names.mu.Unlock()
	answers, err := (&throttled{}).ask(ctx, c, "", sorted(ask), needDirectory)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		a, asked := answers[path+id+query]
		if !asked {
			continue
		}
		n, err := c.readNamed(a)
		if out[id], err = c.names.keep(id, n, err); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// keep keeps what was read of an object. Where that failed, what is known of old stands: a name must not come and go.
func (n *names) keep(id string, read named, err error) (named, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if old, ok := n.known[id]; ok && err != nil {
		return old, nil
	}
	if err == nil {
		n.known[id] = read
	}
	return read, err
}

func (c *client) readNamed(a answer) (named, error) {
	n := named{Names: map[string]string{}, Until: c.now().Add(blankAge)}
	err := c.check(a, call{})
	if isForbidden(err) || a.status == 400 {
		n.Missing = a.status == http.StatusNotFound
		return n, nil
	}
	if err != nil {
		return n, err
	}
	var w wireNamed
	if err := decode(a.body, &w); err != nil {
		return n, c.strange(a, "an object with a name")
	}
	n.App, n.Until = w.AppID, c.now().Add(namesAge)
	add := func(id, name string) {
		if id != "" && name != "" {
			n.Names[id] = name
		}
	}
	add(w.ID, w.Name)
	for _, r := range w.Roles {
		add(r.ID, r.Value)
		if r.Value == "" {
			add(r.ID, r.Name)
		}
	}
	return n, nil
}

// withNames puts the names of what records name by id into their context, sorted JSON, so that Normalize stays pure.
func (c *client) withNames(ctx context.Context, records []connectors.Record) error {
	var resources, roles []string
	for _, r := range records {
		a, b := idsIn(r)
		resources, roles = append(resources, a...), append(roles, b...)
	}
	known, err := c.look(ctx, pathResource, queryResource, sorted(resources))
	if err != nil {
		return err
	}
	definitions, err := c.look(ctx, pathRole, queryRole, sorted(roles))
	if err != nil {
		return err
	}
	maps.Copy(known, definitions)
	for i := range records {
		if err := putNames(&records[i], known); err != nil {
			return err
		}
	}
	return nil
}

// putNames writes into one record's context the names that it needs.
func putNames(r *connectors.Record, known map[string]named) error {
	resources, roles := idsIn(*r)
	about := map[string]string{}
	for _, id := range slices.Concat(resources, roles) {
		n := known[id]
		if name := n.Names[id]; name != "" {
			about[id] = name
		}
		for _, role := range permissionsIn(*r) {
			if name := n.Names[role]; name != "" {
				about[role] = name
			}
		}
	}
	if len(about) == 0 {
		return nil
	}
	text, err := events.Marshal(about)
	if err != nil {
		return err
	}
	context := map[string]string{contextNames: string(text)}
	maps.Copy(context, r.Context)
	r.Context = context
	return nil
}

// wireNaming are the members by which records name things elsewhere.
type wireNaming struct {
	Role       string `json:"appRoleId"`
	Resource   string `json:"resourceId"`
	Definition string `json:"roleDefinitionId"`
}

func namingIn(r connectors.Record) []wireNaming {
	var list struct {
		wireNaming
		Value []wireNaming `json:"value"`
	}
	switch r.Type {
	case recordRoles, recordConsents, recordConsent, recordDirectoryRoles, recordInherited:
	default:
		return nil
	}
	if decode(r.Body, &list) != nil {
		return nil
	}
	return append(list.Value, list.wireNaming)
}

// idsIn are the resources and the role definitions that a record names.
func idsIn(r connectors.Record) (resources, roles []string) {
	for _, n := range namingIn(r) {
		if n.Resource != "" {
			resources = append(resources, n.Resource)
		}
		if n.Definition != "" {
			roles = append(roles, n.Definition)
		}
	}
	return resources, roles
}

func permissionsIn(r connectors.Record) (ids []string) {
	for _, n := range namingIn(r) {
		ids = append(ids, n.Role)
	}
	return ids
}

// namesOf reads what putNames wrote.
func namesOf(r connectors.Record) map[string]string {
	out := map[string]string{defaultAccess: defaultAccessName}
	_ = decode([]byte(r.Context[contextNames]), &out) // without names the ids must do
	return out
}
