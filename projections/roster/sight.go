package roster

import (
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// Shown is the document that says that a connection has ever told of a sign-in, or of a token that was given. Until it has, that it tells
// none of an agent says nothing of the agent.
type Shown struct {
	Tenant     string `json:"tenant"`
	Connection string `json:"connection"`
	SignIn     string `json:"sign_in"` // id of the first such event
	Sequence   uint64 `json:"sequence"`
}

// sight is what the feeds of a connection can see.
type sight struct {
	coverage []Coverage // ordered by feed
	shown    *Shown     // nil: never
	stewards bool       // who answers for its agents is known
	signIns  bool       // what its agents log in is told
}

func (r *Roster) sees(tenant, connection string) *sight {
	a := at{tenant, connection, ""}
	s := r.sight[a]
	if s == nil {
		s = &sight{}
		r.sight[a] = s
	}
	return s
}

func (s *sight) find(feed string) (int, bool) {
	return slices.BinarySearchFunc(s.coverage, feed, func(c Coverage, feed string) int { return strings.Compare(c.Feed, feed) })
}

func (s *sight) set(c Coverage) {
	if n, found := s.find(c.Feed); found {
		s.coverage[n] = c
	} else {
		s.coverage = slices.Insert(s.coverage, n, c)
	}
	s.look()
}

func (s *sight) remove(feed string) {
	if n, found := s.find(feed); found {
		s.coverage = slices.Delete(s.coverage, n, n+1)
	}
	s.look()
}

func (s *sight) look() {
	complete := func(is func(Coverage) bool) bool {
		return slices.ContainsFunc(s.coverage, is) &&
			!slices.ContainsFunc(s.coverage, func(c Coverage) bool { return is(c) && c.State != events.CoverageComplete })
	}
	s.stewards = complete(func(c Coverage) bool { return slices.Contains(c.Kinds, events.KindStewardship) })
	s.signIns = s.shown != nil && complete(func(c Coverage) bool { return c.SignIns })
}

// cover takes in what a feed can see.
func (r *Roster) cover(m *events.Message) {
	e := &m.Event
	c := Coverage{Tenant: e.Tenant, Connection: e.Connection, Coverage: *e.Data.Entity.Coverage, Since: e.Time, Sequence: m.Position.Sequence}
	key := projections.Key(coveragePrefix, e.Tenant, e.Connection, c.Feed)
	s := r.sees(e.Tenant, e.Connection)
	if n, found := s.find(c.Feed); found && s.coverage[n].Sequence >= c.Sequence {
		return
	}
	stewards, signIns := s.stewards, s.signIns
	if e.Live() {
		s.set(c)
		r.put(key, func() ([]byte, error) { return events.Marshal(c) })
	} else {
		s.remove(c.Feed)
		r.drop(key)
	}
	if s.stewards != stewards || s.signIns != signIns {
		r.lookAtConnection(e.Tenant, e.Connection)
	}
}

// isSignIn reports whether an activity shows that an identity is used.
func isSignIn(a *events.Activity) bool { return a.Type == "sign_in" || a.Type == "token_issued" }

// show takes note that a connection tells of sign-ins.
func (r *Roster) show(m *events.Message) {
	e := &m.Event
	s := r.sees(e.Tenant, e.Connection)
	if s.shown != nil {
		return
	}
	s.shown = &Shown{Tenant: e.Tenant, Connection: e.Connection, SignIn: e.ID, Sequence: m.Position.Sequence}
	shown := *s.shown
	r.put(projections.Key(shownPrefix, e.Tenant, e.Connection), func() ([]byte, error) { return events.Marshal(shown) })
	if s.look(); s.signIns {
		r.lookAtConnection(e.Tenant, e.Connection)
	}
}

// lookAtConnection looks at all agents of a connection whose facts have changed by what it sees now.
func (r *Roster) lookAtConnection(tenant, connection string) {
	var changed []*node
	for a, n := range r.nodes {
		if a.tenant == tenant && a.connection == connection && n.Agent != nil && r.facts(n) != n.facts {
			changed = append(changed, n)
		}
	}
	r.lookAt(changed)
}

// facts are what the findings about a whole agent depend on.
func (r *Roster) facts(n *node) facts {
	s := r.sees(n.Tenant, n.Connection)
	f := facts{connection: n.Connection, native: n.Agent.Native, status: n.Agent.Status, answered: AnsweredByNobody, watched: s.signIns}
	switch {
	case len(n.Stewards) > 0:
		f.answered = AnsweredBySomebody
	case !s.stewards || slices.Contains(n.Unknown, events.KindStewardship):
		f.answered = AnsweredUnknown
	}
	return f
}
