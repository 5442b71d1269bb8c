package roster

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// ownID is the id of the agent that is this identity alone, and of a group of which it is the first.
func ownID(a at) string { return "agt_" + events.Digest(a.tenant, a.connection, a.holder)[:20] }

// regroup brings the documents up to date after a change to the identity at a: its own, and, if what it is linked to has
// changed, those of the group that it left and the group that it came into.
func (r *Roster) regroup(a at) {
	i := r.identities[a]
	if i.Agent == nil {
		r.put(HolderKey(a.tenant, a.connection, a.holder), func() ([]byte, error) { return events.Marshal(i) })
		return
	}
	if _, housed := r.home[a]; !housed && i.FirstSequence != i.Sequence {
		r.drop(HolderKey(a.tenant, a.connection, a.holder)) // until now it was not known to be an agent
	}
	before := r.links.group(a)
	if !r.links.set(a, linking(i)) {
		r.house(before)
		return
	}
	left := slices.DeleteFunc(before, func(b at) bool { return b == a })
	for _, b := range append(left, a) {
		r.house(r.links.group(b))
	}
}

// house puts a group under one roof: the document of the identity that was seen first. The ids of the others point there.
func (r *Roster) house(group []at) {
	first := r.first(group)
	id := ownID(first)
	for _, a := range group {
		own := ownID(a)
		if moved := r.home[a] != id; moved && a != first {
			pointer := Agent{ID: own, Tenant: a.tenant, Successor: id}
			r.put(AgentKey(a.tenant, own), func() ([]byte, error) { return events.Marshal(pointer) })
		}
		r.home[a] = id
	}
	r.put(AgentKey(first.tenant, id), func() ([]byte, error) { return events.Marshal(r.agent(first)) })
}

func (r *Roster) first(group []at) at { return slices.MinFunc(group, r.order) }

// order puts what stands by itself before a user account that an agent acts as, which is never there without it, and then what
// was seen first. So the group's name and id do not depend on which of two feeds was quicker when the roll was first called.
func (r *Roster) order(a, b at) int {
	i, j := r.identities[a], r.identities[b]
	return cmp.Or(cmp.Compare(rank(i), rank(j)), cmp.Compare(i.FirstSequence, j.FirstSequence), a.compare(b))
}

func rank(i *Identity) int {
	if slices.Equal(i.Agent.Models, []events.Model{events.ModelUser}) {
		return 1
	}
	return 0
}

// agent makes the document of the group that first leads.
func (r *Roster) agent(first at) Agent {
	group := r.links.group(first)
	slices.SortFunc(group, r.order)
	d := Agent{ID: ownID(first), Tenant: first.tenant, Status: events.StatusDeleted, Class: events.ClassUnknown}
	for _, a := range group {
		i := r.identities[a]
		d.Identities = append(d.Identities, *i)
		d.Name = cmp.Or(d.Name, i.Agent.Name)
		d.Description = cmp.Or(d.Description, i.Agent.Description)
		d.Status = mostAlive(i.Agent.Status, d.Status)
		d.Class = mostCertain(i.Agent.Class, d.Class)
		d.Models = append(d.Models, i.Agent.Models...)
		if d.FirstSeen.IsZero() || i.FirstSeen.Before(d.FirstSeen) {
			d.FirstSeen = i.FirstSeen
		}
		d.LastChange = later(d.LastChange, i.LastChange)
		d.Sequence = max(d.Sequence, i.Sequence)
	}
	slices.Sort(d.Models)
	d.Models = slices.Compact(d.Models)
	d.Links = r.evidence(group)
	return d
}

// evidence lists the names that two or more of the group share.
func (r *Roster) evidence(group []at) []Link {
	var out []Link
	seen := map[name]bool{}
	for _, a := range group {
		for _, n := range r.links.names[a] {
			if seen[n] || len(r.links.shared[n]) < 2 {
				continue
			}
			seen[n] = true
			l := Link{Type: n.id.Type, Value: n.id.Value}
			for b := range r.links.shared[n] {
				l.Identities = append(l.Identities, b.connection+"/"+b.holder)
			}
			slices.Sort(l.Identities)
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b Link) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value)) })
	return out
}

// Check implements [projections.Projection].
func (r *Roster) Check() error {
	for a, i := range r.identities {
		if i.at() != a {
			return fmt.Errorf("identity %v lies at %v", i.at(), a)
		}
		if i.Agent == nil {
			continue
		}
		group := r.links.group(a)
		if id := ownID(r.first(group)); r.home[a] != id {
			return fmt.Errorf("identity %v is at home in %s, and its group is %s", a, r.home[a], id)
		}
		for _, b := range group {
			if b.tenant != a.tenant {
				return fmt.Errorf("identities %v and %v of two tenants are joined", a, b)
			}
		}
	}
	for a := range r.home {
		if i := r.identities[a]; i == nil || i.Agent == nil {
			return fmt.Errorf("agent %s holds %v, which is no agent", r.home[a], a)
		}
	}
	return nil
}

var _ projections.Projection = (*Roster)(nil)
