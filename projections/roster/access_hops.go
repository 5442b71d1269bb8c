package roster

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// reach is all that an identity may do: as itself, and as everybody as whom it can act. via is how it came to be asked.
func (w *world) reach(i *Identity, via ...Hop) []Access {
	var out []Access
	seen := map[at]bool{}
	for todo := (ways{{to: i, via: via}}); len(todo) > 0; {
		now := heap.Pop(&todo).(way)
		if seen[now.to.at()] {
			continue
		}
		seen[now.to.at()] = true
		out = append(out, w.held(i, now.to, now.via)...)
		for _, n := range w.next(now.to) {
			if !seen[n.as.at()] {
				heap.Push(&todo, now.on(n))
			}
		}
	}
	return out
}

// way is how one comes to act as an identity.
type way struct {
	to         *Identity
	via        []Hop
	conditions int // hops that hold under a condition, or until some time
}

func (v *way) on(n next) way {
	out := way{n.as, append(slices.Clone(v.via), n.hop), v.conditions}
	if n.hop.Condition != "" || !n.hop.Until.IsZero() {
		out.conditions++
	}
	return out
}

// ways are a heap of ways, the one under the fewest conditions first, and of these the shortest.
type ways []way

func (w ways) Len() int      { return len(w) }
func (w ways) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w *ways) Push(v any)   { *w = append(*w, v.(way)) }
func (w ways) Less(i, j int) bool {
	a, b := &w[i], &w[j]
	return cmp.Or(a.conditions-b.conditions, len(a.via)-len(b.via), a.to.at().compare(b.to.at())) < 0
}

func (w *ways) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}

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
