package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// ErrNoResource says that no grant and no delegation names what was asked for.
var ErrNoResource = errors.New("no grant or delegation names such a resource")

// AccessOnResource answers who can act on a resource: known by its id, its name, its path or the last part of that; an identity is known as a
// resource by whatever it is called. What is granted on the project that a Google resource lies in is in the answer, as inherited from there.
func (r Reader) AccessOnResource(ctx context.Context, tenant, resource string) (Answer, error) {
	w, err := r.world(ctx, tenant)
	if err != nil {
		return Answer{}, err
	}
	all := w.everything()
	a := Answer{About: []Subject{}, Access: []Access{}}
	meant := w.resources(all, resource)
	above := map[resourceAt][]string{} // a project, and the hosts of what is meant in it
	for _, m := range meant {
		a.About = append(a.About, m.subject())
		if p := projectOf(m.id); p != "" {
			at := resourceAt{m.tenant, m.connection, p}
			above[at] = append(above[at], hostOf(m.id))
		}
	}
	if len(meant) == 0 && strings.HasPrefix(resource, "//") { // it has no grants of its own; its project may have
		for _, x := range all {
			if p := projectOf(resource); p != "" && x.Resource == p {
				above[resourceAt{x.Tenant, x.Connection, p}] = []string{hostOf(resource)}
			}
		}
		for at := range above {
			a.About = append(a.About, Subject{Kind: "resource", Tenant: at.tenant, Connection: at.connection, ID: resource})
		}
	}
	if len(a.About) == 0 {
		return Answer{}, fmt.Errorf("%w as %q: that nobody can act on it is not said by that", ErrNoResource, resource)
	}
	order(a.About, func(x, y *Subject) int {
		return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.Connection, y.Connection), cmp.Compare(x.ID, y.ID))
	})
	for _, x := range all {
		at := resourceAt{x.Tenant, x.Connection, x.Resource}
		if slices.ContainsFunc(meant, func(m meantResource) bool { return m.resourceAt == at }) {
			a.Access = append(a.Access, x)
		} else if slices.ContainsFunc(above[at], func(host string) bool { return concerns(&x, host) }) {
			x.Inherited = cmp.Or(x.Inherited, x.Resource)
			a.Access = append(a.Access, x)
		}
	}
	a.Unknown = w.resourceDoubts(a.About, all, len(above) > 0)
	if len(meant) == 0 {
		for at := range above {
			a.Unknown = append(a.Unknown, Doubt{Tenant: at.tenant, Connection: at.connection, Kind: events.KindGrant,
				Why: "no grant names the resource itself, and whether those on it are read is not known"})
		}
		order(a.Unknown, (*Doubt).compare)
	}
	a.finish()
	return a, nil
}

// resourceAt is a resource of a connection's.
type resourceAt struct{ tenant, connection, id string }

// meantResource is a resource that a question means, with what grants call it.
type meantResource struct {
	resourceAt
	name string
}

func (m meantResource) subject() Subject {
	return Subject{Kind: "resource", Tenant: m.tenant, Connection: m.connection, ID: m.id, Name: m.name}
}

// resources are those that a person means, by the most exact way in which it names any.
func (w *world) resources(all []Access, what string) []meantResource {
	called := map[resourceAt]bool{} // ids of identities that are called that
	for _, i := range w.identities {
		if ids := i.called(); slices.Contains(ids, what) || i.title() != "" && strings.EqualFold(i.title(), what) {
			for _, id := range ids {
				called[resourceAt{i.Tenant, i.Connection, id}] = true
			}
		}
	}
	for _, fits := range []func(x *Access) bool{
		func(x *Access) bool { return x.Resource == what },
		func(x *Access) bool { return x.ResourceName != "" && strings.EqualFold(x.ResourceName, what) },
		func(x *Access) bool { return pathOf(x.Resource) == strings.TrimPrefix(what, "/") },
		func(x *Access) bool {
			return slices.ContainsFunc([]string{x.Resource, pathOf(x.Resource), lastOf(x.Resource)}, func(id string) bool {
				return called[resourceAt{x.Tenant, x.Connection, id}]
			})
		},
		func(x *Access) bool { return lastOf(x.Resource) == what },
	} {
		var out []meantResource
		seen := map[resourceAt]bool{}
		for n := range all {
			x := &all[n]
			at := resourceAt{x.Tenant, x.Connection, x.Resource}
			if x.Resource != "" && !seen[at] && fits(x) {
				seen[at] = true
				out = append(out, meantResource{at, x.ResourceName})
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// resourceDoubts are what may be missing from an answer about resources: grants that are not known at their connections, and, where
// projects is set, those on what a project lies in.
func (w *world) resourceDoubts(about []Subject, all []Access, projects bool) []Doubt {
	where := map[[2]string]bool{}
	for _, s := range about {
		where[[2]string{s.Tenant, s.Connection}] = true
	}
	var asked []*Identity
	for _, i := range w.identities {
		if where[[2]string{i.Tenant, i.Connection}] && i.status() != events.StatusDeleted && (i.Agent != nil || i.Blueprint != nil) {
			asked = append(asked, i)
		}
	}
	out := w.doubts(asked, events.KindGrant, events.KindDelegation)
	counts := map[[2]string]int{}
	for _, x := range all {
		path := pathOf(x.Resource)
		if at := [2]string{x.Tenant, x.Connection}; projects && where[at] && len(x.Via) == 0 && (strings.HasPrefix(path, "folders/") || strings.HasPrefix(path, "organizations/")) {
			counts[at]++
		}
	}
	for at, n := range counts {
		out = append(out, Doubt{Tenant: at[0], Connection: at[1], Kind: events.KindGrant,
			Why: fmt.Sprintf("%d grants are on folders and organizations, and whether the resource lies in these is not known", n)})
	}
	order(out, (*Doubt).compare)
	return out
}

// cloud is the host of Google's projects, folders and organizations in full resource names.
const cloud = "//cloudresourcemanager.googleapis.com/"

// hostOf is the service in a full resource name, "bigquery" of "//bigquery.googleapis.com/...".
func hostOf(resource string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(resource, "//"), ".")
	return host
}

// pathOf is a full resource name without its host; other names stay.
func pathOf(resource string) string {
	if rest, ok := strings.CutPrefix(resource, "//"); ok {
		_, path, _ := strings.Cut(rest, "/")
		return path
	}
	return resource
}

func lastOf(resource string) string { return resource[strings.LastIndexAny(resource, ":/")+1:] }

// projectOf is the full name of the project that a full resource name lies in; empty where it is none, or is in none.
func projectOf(resource string) string {
	path, ok := strings.CutPrefix(pathOf(resource), "projects/")
	project, _, beneath := strings.Cut(path, "/")
	if !ok || !beneath || !strings.HasPrefix(resource, "//") {
		return ""
	}
	return cloud + "projects/" + project
}

// concerns reports whether a grant on a project reaches a service's resource in it: a basic role, one of that service's, one that gives
// out roles, or one of which that is not known.
func concerns(x *Access, host string) bool {
	role, predefined := strings.CutPrefix(x.Role, "roles/")
	service, _, ofService := strings.Cut(role, ".")
	return !predefined || !ofService || service == host || x.Privileged
}
