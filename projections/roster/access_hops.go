package roster

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// next is an identity as which another acts, and how.
type next struct {
	as  *Identity
	hop Hop
}

// next are those as whom an identity can act by what the roster knows: the service account that it runs as, those that a role lets it
// become, and the groups that it is in.
func (w *world) next(i *Identity) []next {
	out, _ := w.hops(i)
	return out
}

// hops are those as whom an identity can act, and the grants that lead to somebody whom the roster does not know.
func (w *world) hops(i *Identity) (out []next, nowhere []*events.Grant) {
	add := func(how string, as *Identity, g *Item[events.Grant]) {
		if as == i || as.status() == events.StatusDeleted {
			return
		}
		h := Hop{How: how, Holder: as.Holder, Name: as.title(), Status: as.status()}
		if g != nil {
			h.Role, h.Condition, h.Until, h.Event = g.Value.Role, g.Value.Condition, g.Value.Expires, g.Event
			if h.Until.IsZero() {
				h.Until = endOf(h.Condition)
			}
		}
		out = append(out, next{as, h})
	}
	for _, a := range w.accountsOf(i) {
		add(HowRunsAs, a, nil)
	}
	for n := range i.Grants {
		g := &i.Grants[n]
		switch {
		case g.Value.Status != "" && g.Value.Status != events.StatusActive && g.Value.Status != events.StatusUnknown:
		case g.Value.Type == "group":
			groups := w.called[at{i.Tenant, i.Connection, cmp.Or(g.Value.Resource, g.Value.Role)}]
			for _, group := range groups {
				add(HowMember, group, g)
			}
			if len(groups) == 0 {
				nowhere = append(nowhere, &g.Value)
			}
		case becoming[g.Value.Role]:
			accounts := w.accountsIn(i, g.Value.Resource)
			for _, a := range accounts {
				add(HowImpersonates, a, g)
			}
			if len(accounts) == 0 {
				nowhere = append(nowhere, &g.Value)
			}
		}
	}
	return out, nowhere
}

// becoming are the roles by which one becomes a service account, makes a key of it, or lets something run as it. Who may change the
// account's own policy could become it as well: such roles are privileged.
// (https://cloud.google.com/iam/docs/service-account-permissions)
var becoming = map[string]bool{
	"roles/iam.serviceAccountTokenCreator": true, "roles/iam.serviceAccountOpenIdTokenCreator": true,
	"roles/iam.serviceAccountUser": true, "roles/iam.workloadIdentityUser": true, "roles/iam.serviceAccountKeyAdmin": true,
}

const (
	nativeAccount = "service_account"
	accountDomain = ".iam.gserviceaccount.com"
)

func isAccount(i *Identity) bool { return i.Agent != nil && i.Agent.Native == nativeAccount }

// accountsOf is the service account that something else runs as, by the address that it carries.
func (w *world) accountsOf(i *Identity) []*Identity {
	if i.Agent == nil || isAccount(i) {
		return nil
	}
	var out []*Identity
	for _, id := range i.Agent.Identifiers {
		if id.Type == events.IDEmail {
			out = append(out, w.called[at{i.Tenant, i.Connection, id.Value}]...)
		}
	}
	return slices.DeleteFunc(out, func(a *Identity) bool { return !isAccount(a) })
}

// accountsIn are the service accounts that a resource is or holds: an account's own name, or a project's.
func (w *world) accountsIn(i *Identity, resource string) []*Identity {
	path := pathOf(resource)
	if _, account, ok := strings.Cut(path, "/serviceAccounts/"); ok {
		return slices.DeleteFunc(slices.Clone(w.called[at{i.Tenant, i.Connection, account}]), func(a *Identity) bool { return !isAccount(a) })
	}
	project, _ := strings.CutPrefix(path, "projects/")
	return w.accounts[at{i.Tenant, i.Connection, project}]
}
