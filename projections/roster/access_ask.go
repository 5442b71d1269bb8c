package roster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// AccessOfAgent answers what an agent may do. What it is called is as [Reader.Find] has it.
func (r Reader) AccessOfAgent(ctx context.Context, tenant, agent string) (Answer, error) {
	found, err := r.Find(ctx, tenant, agent)
	if err != nil {
		return Answer{}, err
	}
	w, err := r.world(ctx, found.Tenant)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{About: []Subject{{Kind: "agent", Tenant: found.Tenant, ID: found.ID, Name: found.Name}}, Access: []Access{}}
	var asked []*Identity
	for n := range found.Identities {
		i := w.by[found.Identities[n].at()]
		a.Access = append(a.Access, w.reach(i)...)
		asked = append(asked, w.circle(i)...)
	}
	a.Unknown = w.allDoubts(asked)
	a.finish()
	return a, nil
}

// UnmappedRoles are all roles and scopes of a tenant, or of all, that the table of levels does not know, with how many grants and
// delegations have them.
func (r Reader) UnmappedRoles(ctx context.Context, tenant string) ([]Unlevelled, error) {
	w, err := r.world(ctx, tenant)
	if err != nil {
		return nil, err
	}
	var a Answer
	for _, i := range w.identities {
		a.Access = append(a.Access, w.held(i, i, nil)...)
	}
	a.finish()
	return a.Unmapped, nil
}

// circle is an identity and all as whom it can act.
func (w *world) circle(i *Identity) []*Identity {
	out, seen := []*Identity{i}, map[*Identity]bool{i: true}
	for n := 0; n < len(out); n++ {
		for _, next := range w.next(out[n]) {
			if !seen[next.as] {
				seen[next.as] = true
				out = append(out, next.as)
			}
		}
	}
	return out
}

// once leaves repetitions out.
func once(list []*Identity) []*Identity {
	var out []*Identity
	seen := map[*Identity]bool{}
	for _, i := range list {
		if !seen[i] {
			seen[i] = true
			out = append(out, i)
		}
	}
	return out
}

// ErrNoPerson says that no person fits what was asked for.
var ErrNoPerson = errors.New("no such person")

// AccessForPerson answers which agents may act for a person, known by an id, a user name or an address at each of the connections where
// these are found. What agents may do for everybody there is in the answer, with [events.Everyone].
func (r Reader) AccessForPerson(ctx context.Context, tenant, person string) (Answer, error) {
	w, err := r.world(ctx, tenant)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{About: []Subject{}, Access: []Access{}}
	persons, where := map[at]bool{}, map[[2]string]bool{}
	for _, i := range w.identities {
		if i.Person != nil && i.isPerson(person) {
			persons[i.at()], where[[2]string{i.Tenant, i.Connection}] = true, true
			a.About = append(a.About, Subject{Kind: "person", Tenant: i.Tenant, Connection: i.Connection, ID: i.Holder})
		}
	}
	all := w.everything()
	for _, x := range all {
		if persons[at{x.Tenant, x.Connection, x.OnBehalf}] || x.OnBehalf == person && len(persons) == 0 { // one of whom nothing else is known
			where[[2]string{x.Tenant, x.Connection}] = true
			a.Access = append(a.Access, x)
		}
	}
	if len(where) == 0 {
		return Answer{}, fmt.Errorf("%w as %q: use an id, a user name or an address, as `rollcall agents get` and `--output json` show them", ErrNoPerson, person)
	}
	unsure := 0
	for _, x := range all {
		switch {
		case !where[[2]string{x.Tenant, x.Connection}]:
		case x.OnBehalf == events.Everyone:
			a.Access = append(a.Access, x)
		case x.OnBehalf == SomebodyUnknown:
			unsure++
		}
	}
	var asked []*Identity
	for _, i := range w.identities {
		if i.Agent != nil && i.status() != events.StatusDeleted && where[[2]string{i.Tenant, i.Connection}] {
			asked = append(asked, i)
		}
	}
	if len(a.About) == 0 {
		x := a.Access[0]
		a.About = append(a.About, Subject{Kind: "person", Tenant: x.Tenant, Connection: x.Connection, ID: person})
	}
	a.Unknown = w.doubts(asked, events.KindDelegation)
	if unsure > 0 {
		s := a.About[0]
		a.Unknown = append(a.Unknown, Doubt{Tenant: s.Tenant, Connection: s.Connection, Kind: events.KindDelegation, Identities: unsure,
			Why: "there are consents of one person each of which it is not known whose they are"})
	}
	a.finish()
	return a, nil
}

func (i *Identity) isPerson(what string) bool {
	p := i.Person
	return i.Holder == what || what != "" && (strings.EqualFold(p.UserName, what) ||
		slices.ContainsFunc(p.Emails, func(e string) bool { return strings.EqualFold(e, what) }))
}

// ErrNoCredential says that no credential fits what was asked for.
var ErrNoCredential = errors.New("no such credential")

// AccessByCredential answers what whoever has a credential can do: as its holder, or, if that is a blueprint, as the blueprint's principal
// and as every agent that is made of it. The credential is known by its key, the beginning of it, or its name.
func (r Reader) AccessByCredential(ctx context.Context, tenant, credential string) (Answer, error) {
	w, err := r.world(ctx, tenant)
	if err != nil {
		return Answer{}, err
	}
	holder, found, err := w.credential(credential)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{About: []Subject{{Kind: "credential", Tenant: holder.Tenant, Connection: holder.Connection, ID: found.Key, Holder: holder.Holder, Name: found.Value.Name}}, Access: []Access{}}
	asked := w.circle(holder)
	a.Access = append(a.Access, w.reach(holder)...)
	bear := func(i *Identity, how string) {
		if i == holder || i.status() == events.StatusDeleted {
			return
		}
		a.Access = append(a.Access, w.reach(i, Hop{How: how, Holder: holder.Holder, Name: holder.title(), Status: holder.status()})...)
		asked = append(asked, w.circle(i)...)
	}
	ids := holder.called()
	for _, i := range w.identities {
		switch {
		case i.Tenant != holder.Tenant || i.Connection != holder.Connection:
		case holder.Blueprint != nil && i.Blueprint != nil && slices.ContainsFunc(i.called(), func(id string) bool { return slices.Contains(ids, id) }):
			bear(i, HowPrincipal) // both are known by their application's id
		case holder.Blueprint != nil && i.Agent != nil && slices.Contains(ids, i.Agent.Blueprint):
			bear(i, HowBlueprint)
		case holder.Agent != nil && w.home[i.at()] == w.home[holder.at()] && i.Agent != nil:
			bear(i, HowSame)
		}
	}
	a.Unknown = w.allDoubts(asked)
	a.finish()
	return a, nil
}

// credential finds the one credential that a person means.
func (w *world) credential(what string) (*Identity, *Item[events.Credential], error) {
	type hit struct {
		of *Identity
		c  *Item[events.Credential]
	}
	for _, fits := range []func(c *Item[events.Credential]) bool{
		func(c *Item[events.Credential]) bool { return c.Key == what },
		func(c *Item[events.Credential]) bool {
			return c.Value.Name != "" && strings.EqualFold(c.Value.Name, what)
		},
		func(c *Item[events.Credential]) bool { return len(what) >= 4 && strings.HasPrefix(c.Key, what) },
	} {
		var hits []hit
		for _, i := range w.identities {
			for n := range i.Credentials {
				if c := &i.Credentials[n]; fits(c) {
					hits = append(hits, hit{i, c})
				}
			}
		}
		if len(hits) == 1 {
			return hits[0].of, hits[0].c, nil
		}
		if len(hits) > 1 {
			var b strings.Builder
			for _, h := range hits[:min(len(hits), 10)] {
				fmt.Fprintf(&b, "\n  %s  of %s (%s)", h.c.Key, h.of.title(), h.of.Connection)
			}
			return nil, nil, fmt.Errorf("%q fits %d credentials: use a key that fits one%s", what, len(hits), b.String())
		}
	}
	return nil, nil, fmt.Errorf("%w as %q: `rollcall agents get` and `rollcall blueprints`, with --output json, show their keys", ErrNoCredential, what)
}
