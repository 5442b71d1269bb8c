package entra

import (
	"slices"
	"sort"
	"time"
)

// binDays is how long a soft-deleted object stays restorable.
const binDays = 30

// pending is something that the tenant does by itself at a later time.
type pending struct {
	Due   time.Time `json:"due"`
	Do    string    `json:"do"` // appear, touch, cascade, purge, log
	ID    string    `json:"id,omitempty"`
	Props []string  `json:"props,omitempty"`
	Entry *entry    `json:"entry,omitempty"`
	Since time.Time `json:"since,omitzero"` // for cascade and purge: the deletion that they belong to
}

// later puts an effect in its place in the queue; effects of the same moment keep their order.
func (s *Sandbox) later(p pending) {
	q := s.st.Pending
	at := sort.Search(len(q), func(i int) bool { return q[i].Due.After(p.Due) })
	s.st.Pending = slices.Insert(q, at, p)
}

// settle lets everything happen that is due. Each reading and each change begins with it.
func (s *Sandbox) settle() {
	now := s.now()
	s.tend(now)
	for len(s.st.Pending) > 0 && !s.st.Pending[0].Due.After(now) {
		p := s.st.Pending[0]
		s.st.Pending = slices.Delete(s.st.Pending, 0, 1)
		s.happen(p)
	}
}

func (s *Sandbox) happen(p pending) {
	o := s.ix.byID[p.ID]
	switch p.Do {
	case "appear":
		o.Hidden = false
		s.announce(o, []string{life})
		s.mark(o, append(keys(o.Props), life))
	case "touch":
		s.mark(o, p.Props)
	case "log":
		s.publish(p.Entry)
	case "purge":
		if o.Deleted != nil && o.Deleted.Equal(p.Since) && !o.Purged {
			s.bury(o)
		}
	case "cascade":
		if o.Deleted != nil && o.Deleted.Equal(p.Since) {
			s.cascade(o, p.Due)
		}
	}
}

// cascade soft-deletes the agents of a deleted blueprint or principal, and their users.
func (s *Sandbox) cascade(parent *object, at time.Time) {
	for _, child := range s.children(parent) {
		if child.Deleted == nil && !child.Purged {
			s.bin(child, at)
			s.record(entryOf(at, "Delete", child), directorySync)
		}
	}
}

// children are the agent identities of a blueprint or its principal, each followed by its user.
func (s *Sandbox) children(parent *object) []*object {
	var out []*object
	for o := range s.each("servicePrincipal", 0) {
		if o.Type == "agentIdentity" && o.text("agentIdentityBlueprintId") == parent.text("appId") {
			out = append(out, o)
			if u := s.userOf(o.ID); u != nil && !s.Nature.OrphanUsers {
				out = append(out, u)
			}
		}
	}
	return out
}

// userOf finds the agent user of an agent identity; there is one at most.
func (s *Sandbox) userOf(identity string) *object {
	if u := s.ix.users[identity]; u != nil && !u.Purged {
		return u
	}
	return nil
}

// bin soft-deletes an object: it can be restored until it is purged, by hand or after thirty days.
func (s *Sandbox) bin(o *object, at time.Time) {
	o.Deleted, o.Props["deletedDateTime"] = &at, stamp(at)
	s.touch(o, life)
	s.later(pending{Due: at.AddDate(0, 0, binDays), Do: "purge", ID: o.ID, Since: at})
}

// unbin takes an object out of the recycle bin.
func (s *Sandbox) unbin(o *object) {
	o.Deleted = nil
	delete(o.Props, "deletedDateTime")
	s.touch(o, append(keys(o.Props), life)...)
}

// bury removes an object for good, with its grants and roles. Delta keeps knowing that it was there.
func (s *Sandbox) bury(o *object) {
	o.Purged, o.Parts = true, nil
	s.touch(o, life)
	for _, g := range slices.Concat(s.ix.holder[o.ID], s.ix.roles[o.ID]) {
		if !g.Purged {
			s.bury(g)
		}
	}
}
