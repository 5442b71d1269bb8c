package okta

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// statuses says what the status of an identity is in the words of the truth, and personStatus what that of a person is.
var (
	statuses     = map[string]string{"ACTIVE": "active", "INACTIVE": "disabled", "STAGED": "pending"}
	personStatus = map[string]string{
		"ACTIVE": "active", "LOCKED_OUT": "active", "PASSWORD_EXPIRED": "active", "RECOVERY": "active",
		"SUSPENDED": "disabled", "DEPROVISIONED": "disabled", "STAGED": "pending", "PROVISIONED": "pending",
	}
)

// Truth lists the AI agents, service apps and API tokens as they are now, whether the API shows them yet or not, and the
// people who own an agent or hold a token. Credentials are the keys, and of a token itself; client secrets are not among them,
// since reading them is an audited act that a roster has no need for; of keys elsewhere only that there is an address
// ("jwks_uri"). Grants are connections
// and delegation links of agents, scope grants and admin roles of apps; a token has none, it may do what its holder may.
func (s *Sandbox) Truth() sandbox.Truth {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	truth := sandbox.Truth{Vendor: "okta", People: s.st.truePeople()}
	for _, t := range append(s.subjects(), s.tokens()...) {
		truth.Agents = append(truth.Agents, t.truth())
	}
	slices.SortFunc(truth.Agents, func(a, b sandbox.TruthAgent) int { return strings.Compare(a.ID, b.ID) })
	return truth
}

func (t subject) truth() sandbox.TruthAgent {
	v := sandbox.TruthAgent{
		ID: t.id(), Native: t.native(), Name: t.name(), Status: statuses[t.status()], Credentials: t.credentials(), Grants: t.rights(),
		Stewards: each(t.stewards(), func(id string) string { return fmt.Sprintf("owner:%s", id) }),
	}
	slices.Sort(v.Stewards)
	slices.Sort(v.Credentials)
	slices.Sort(v.Grants)
	return v
}

// stewards are the ids of the people behind an identity. An app has none here.
func (t subject) stewards() []string {
	switch {
	case t.agent != nil:
		return each(t.agent.Owners, func(o owner) string { return o.ID })
	case t.token != nil:
		return []string{t.token.User}
	}
	return nil
}

// responsible are the users and groups that own an agent or hold an API token now, each once, by id.
func (st *state) responsible() (users []*user, groups []*group) {
	seen := map[string]bool{}
	add := func(id string) {
		if seen[id] {
			return
		}
		seen[id] = true
		if u := st.user(id); u != nil {
			users = append(users, u)
		} else if g := st.group(id); g != nil {
			groups = append(groups, g)
		}
	}
	for _, a := range st.Agents {
		for _, o := range a.Owners {
			add(o.ID)
		}
	}
	for _, t := range st.liveTokens() {
		add(t.User)
	}
	slices.SortFunc(users, func(a, b *user) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(groups, func(a, b *group) int { return strings.Compare(a.ID, b.ID) })
	return users, groups
}

func (st *state) truePeople() []sandbox.TruthPerson {
	users, groups := st.responsible()
	all := append(each(users, func(u *user) sandbox.TruthPerson {
		return sandbox.TruthPerson{ID: u.ID, Native: "user", Name: u.name(), Status: personStatus[u.Status]}
	}), each(groups, func(g *group) sandbox.TruthPerson {
		return sandbox.TruthPerson{ID: g.ID, Native: "group", Name: g.Name, Status: "active"}
	})...)
	slices.SortFunc(all, func(a, b sandbox.TruthPerson) int { return strings.Compare(a.ID, b.ID) })
	return all
}
