package roster

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// world is what questions about access are answered from: all identities, and how they hang together.
type world struct {
	agents     []Agent
	identities []*Identity // all that may have something, in a fixed order
	by         map[at]*Identity
	home       map[at]*Agent      // of agent identities
	called     map[at][]*Identity // by any id that an identity is known by
	accounts   map[at][]*Identity // Google's service accounts, by their project's id
	coverage   []Coverage
}

func (r Reader) world(ctx context.Context, tenant string) (*world, error) {
	w := &world{by: map[at]*Identity{}, home: map[at]*Agent{}, called: map[at][]*Identity{}, accounts: map[at][]*Identity{}}
	var err error
	if w.agents, err = r.Agents(ctx, tenant); err != nil {
		return nil, err
	}
	holders, err := r.Holders(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if w.coverage, err = r.Coverage(ctx, tenant); err != nil {
		return nil, err
	}
	for n := range w.agents {
		a := &w.agents[n]
		for m := range a.Identities {
			w.add(&a.Identities[m])
			w.home[a.Identities[m].at()] = a
		}
	}
	for n := range holders {
		w.add(&holders[n])
	}
	return w, nil
}

func (w *world) add(i *Identity) {
	w.identities = append(w.identities, i)
	w.by[i.at()] = i
	for _, id := range i.called() {
		at := at{i.Tenant, i.Connection, id}
		w.called[at] = append(w.called[at], i)
	}
	if isAccount(i) {
		for _, id := range i.Agent.Identifiers {
			if _, domain, _ := strings.Cut(id.Value, "@"); id.Type == events.IDEmail && strings.HasSuffix(domain, accountDomain) {
				in := at{i.Tenant, i.Connection, strings.TrimSuffix(domain, accountDomain)}
				w.accounts[in] = append(w.accounts[in], i)
			}
		}
	}
}

// called are all ids that an identity is known by at its connection, each once.
func (i *Identity) called() []string {
	out := []string{i.Holder}
	var ids []events.Identifier
	switch {
	case i.Agent != nil:
		ids = i.Agent.Identifiers
	case i.Blueprint != nil:
		ids = i.Blueprint.Identifiers
	}
	for _, id := range ids {
		if id.Value != "" {
			out = append(out, id.Value)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// title is what an identity is called; persons are not called by name.
func (i *Identity) title() string {
	switch {
	case i.Agent != nil:
		return i.Agent.Name
	case i.Blueprint != nil:
		return i.Blueprint.Name
	}
	return ""
}

func (i *Identity) kind() events.Kind {
	switch {
	case i.Agent != nil:
		return events.KindAgent
	case i.Blueprint != nil:
		return events.KindBlueprint
	case i.Person != nil:
		return events.KindPerson
	}
	return ""
}

func (i *Identity) status() events.Status {
	switch {
	case i.Agent != nil:
		return i.Agent.Status
	case i.Blueprint != nil:
		return i.Blueprint.Status
	case i.Person != nil:
		return i.Person.Status
	}
	return events.StatusUnknown
}

// everything is all that everybody may do who is not deleted.
func (w *world) everything() []Access {
	var out []Access
	for _, i := range w.identities {
		if i.status() != events.StatusDeleted {
			out = append(out, w.reach(i)...)
		}
	}
	return out
}

// held are the grants and delegations of own, as i uses them.
func (w *world) held(i, own *Identity, via []Hop) []Access {
	who := Access{Tenant: i.Tenant, Connection: i.Connection, Vendor: i.Vendor, Name: i.title(), Holder: i.Holder, HolderKind: i.kind(), Status: i.status(), Via: via, own: own}
	if a := w.home[i.at()]; a != nil {
		who.Agent, who.Name = a.ID, cmp.Or(who.Name, a.Name)
	}
	var out []Access
	add := func(a Access) {
		for _, h := range via {
			if a.Until.IsZero() || !h.Until.IsZero() && h.Until.Before(a.Until) {
				a.Until = h.Until
			}
		}
		out = append(out, a)
	}
	for _, g := range own.Grants {
		add(w.grant(who, &g))
	}
	for _, d := range own.Delegations {
		a, v := who, &d.Value
		a.Kind, a.Scopes, a.Resource, a.ResourceName = events.KindDelegation, v.Scopes, v.Resource, v.ResourceName
		a.Level, a.unmapped = LevelOfDelegation(own.Vendor, v), UnmappedInDelegation(own.Vendor, v)
		a.OnBehalf, a.Source, a.ConsentedBy = cmp.Or(v.Person, SomebodyUnknown), v.Source, consentedBy(v)
		a.Until, a.GrantStatus, a.NativeStatus = v.Expires, v.Status, v.NativeStatus
		a.Key, a.Since, a.Event, a.consent = d.Key, d.Since, d.Event, &consented{own.Holder, d.Key, d.Event}
		add(a)
	}
	return out
}

func (w *world) grant(a Access, g *Item[events.Grant]) Access {
	v := &g.Value
	a.Kind, a.Type, a.Role, a.RoleName, a.Scopes = events.KindGrant, v.Type, v.Role, v.RoleName, v.Scopes
	a.Resource, a.ResourceName, a.Inherited, a.Condition = v.Resource, v.ResourceName, v.Inherited, v.Condition
	a.Level, a.Privileged, a.unmapped = LevelOf(a.own.Vendor, v), Privileged(a.own.Vendor, v), Unmapped(a.own.Vendor, v)
	a.Until, a.GrantStatus, a.NativeStatus = v.Expires, v.Status, v.NativeStatus
	a.Key, a.Since, a.Event = g.Key, g.Since, g.Event
	if a.Until.IsZero() {
		a.Until = endOf(v.Condition)
	}
	if v.Type == "oauth_scope" && v.Inherited != "" { // a consent that the blueprint's principal was given flows to its agents
		a.Source, a.Condition = sourceOf[v.Condition], ""
		a.OnBehalf = SomebodyUnknown
		if v.Condition == consentOfAll {
			a.OnBehalf = events.Everyone
		}
		if d := w.delegation(at{a.Tenant, a.Connection, v.Inherited}, strings.TrimPrefix(g.Key, "inherited:")); d != nil {
			a.OnBehalf, a.ConsentedBy, a.consent = d.Value.Person, consentedBy(&d.Value), &consented{v.Inherited, d.Key, d.Event}
		}
	}
	return a
}

// consentOfAll is Entra's word for a consent on behalf of everybody. Of the other type it is one person's.
const consentOfAll = "AllPrincipals"

var sourceOf = map[string]string{consentOfAll: "admin_consent", "Principal": "user_consent"}

func (w *world) delegation(of at, key string) *Item[events.Delegation] {
	i := w.by[of]
	if i == nil {
		return nil
	}
	for n := range i.Delegations {
		if i.Delegations[n].Key == key {
			return &i.Delegations[n]
		}
	}
	return nil
}

// consentedBy is who consented, where the delegation itself tells: the person, if it is the person's own consent.
func consentedBy(d *events.Delegation) string {
	if own := d.Source == "user_consent" || d.Source == "threeLeggedOauth"; own && d.Person != events.Everyone {
		return d.Person
	}
	return ""
}

// ending is a condition that says nothing but until when the grant holds.
var ending = regexp.MustCompile(`^\s*request\.time\s*<=?\s*timestamp\(\s*["']([^"']+)["']\s*\)\s*$`)

func endOf(condition string) time.Time {
	if m := ending.FindStringSubmatch(condition); m != nil {
		if end, err := time.Parse(time.RFC3339, m[1]); err == nil {
			return end
		}
	}
	return time.Time{}
}
