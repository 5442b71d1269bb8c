package okta

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// move is one step in somebody's life at Okta.
type move struct {
	event, to, done string
	from            []string
}

var (
	deactivation = move{"user.lifecycle.deactivate", "DEPROVISIONED", "deactivated", []string{"ACTIVE", "SUSPENDED", "STAGED", "PROVISIONED"}}
	activation   = move{"user.lifecycle.activate", "ACTIVE", "activated", []string{"DEPROVISIONED", "STAGED", "PROVISIONED"}}
	suspension   = move{"user.lifecycle.suspend", "SUSPENDED", "suspended", []string{"ACTIVE"}}
	unsuspension = move{"user.lifecycle.unsuspend", "ACTIVE", "unsuspended", []string{"SUSPENDED"}}
)

// moves are what each change may come down to.
var moves = map[sandbox.Op][]move{
	sandbox.DisablePerson: {deactivation},
	sandbox.EnablePerson:  {activation, unsuspension},
	sandbox.SuspendPerson: {suspension},
}

// fitting is the move that somebody's status allows.
func fitting(moves []move, u *user) (move, bool) {
	i := slices.IndexFunc(moves, func(m move) bool { return slices.Contains(m.from, u.Status) })
	if i < 0 {
		return move{}, false
	}
	return moves[i], true
}

// movePerson makes a step in the life of the person named or, if nobody is, of somebody who owns an agent or holds an API
// token. The administrator is only moved when named.
func (s *Sandbox) movePerson(c sandbox.Change) (sandbox.Outcome, error) {
	may := func(u *user) bool {
		_, ok := fitting(moves[c.Op], u)
		return ok && (u.ID != s.st.Admin || c.Person != "")
	}
	users, _, err := s.persons(c)
	users = where(users, may)
	switch {
	case err != nil:
		return sandbox.Outcome{}, err
	case len(users) == 0:
		return sandbox.Outcome{}, fmt.Errorf("nobody has the status for it: %w", sandbox.ErrNoTarget)
	}
	u := users[s.st.Rand.Pick(len(users))]
	m, _ := fitting(moves[c.Op], u)
	s.move(u, m)
	s.log(m.event, s.actor(), u.target())
	return sandbox.Outcome{Name: u.name(), Key: u.ID, Text: fmt.Sprintf("%s %s", u.name(), m.done)}, nil
}

// move changes somebody's status. The caller logs it.
func (s *Sandbox) move(u *user, m move) {
	u.Updated = later(s.st.Clock, latest(u.Created, u.Updated))
	u.Status, u.Changed = m.to, u.Updated
}

// persons are the users and groups that a change may be about.
func (s *Sandbox) persons(c sandbox.Change) (users []*user, groups []*group, err error) {
	users, groups = s.st.responsible()
	if c.Person != "" {
		users, groups = nil, nil
		if u := s.st.user(c.Person); u != nil {
			users = []*user{u}
		} else if g := s.st.group(c.Person); g != nil {
			groups = []*group{g}
		} else {
			return nil, nil, nobody(c.Person)
		}
	}
	switch c.Native {
	case "user":
		groups = nil
	case "group":
		users = nil
	case "":
	default:
		return nil, nil, fmt.Errorf("okta has no person that is a %s: %w", c.Native, sandbox.ErrNoTarget)
	}
	return users, groups, nil
}

// renamePerson gives a user another name, as after a marriage, or a group. Logins and addresses stay.
func (s *Sandbox) renamePerson(c sandbox.Change) (sandbox.Outcome, error) {
	users, groups, err := s.persons(c)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	n := len(users) + len(groups)
	if n == 0 {
		return sandbox.Outcome{}, sandbox.ErrNoTarget
	}
	i := s.st.Rand.Pick(n)
	if i < len(users) {
		return s.renameUser(users[i], c.Name)
	}
	return s.renameGroup(groups[i-len(users)], c.Name)
}

func (s *Sandbox) renameUser(u *user, to string) (sandbox.Outcome, error) {
	if to == "" {
		to = u.First + " " + s.otherLastName(u)
	}
	from := u.name()
	if to == from || !strings.Contains(to, " ") {
		return sandbox.Outcome{}, fmt.Errorf("%q is no new first and last name: %w", to, sandbox.ErrNoTarget)
	}
	u.First, u.Last = cutName(to)
	u.Updated = later(s.st.Clock, latest(u.Created, u.Updated))
	s.log("user.account.update_profile", s.actor(), u.target())
	return sandbox.Outcome{Name: to, Key: u.ID, Text: fmt.Sprintf("%s is called %s now", from, to)}, nil
}

// otherLastName is a colleague's last name.
func (s *Sandbox) otherLastName(u *user) string {
	others := where(s.st.Users, func(o *user) bool { return o.Last != u.Last })
	return others[s.st.Rand.Pick(len(others))].Last
}

func (s *Sandbox) renameGroup(g *group, to string) (sandbox.Outcome, error) {
	from := g.Name
	to = cmp.Or(to, strings.TrimRight(from, " 0123456789")+" "+s.st.Rand.Digits(2))
	if to == from {
		return sandbox.Outcome{}, fmt.Errorf("the group is called %q already: %w", to, sandbox.ErrNoTarget)
	}
	g.Name, g.Updated = to, later(s.st.Clock, latest(g.Created, g.Updated))
	s.log("group.profile.update", s.actor(), logTarget{ID: g.ID, Type: "UserGroup", DisplayName: to})
	return sandbox.Outcome{Name: to, Key: g.ID, Text: fmt.Sprintf("group %q is called %q now", from, to)}, nil
}
