package okta

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

func (t subject) keys() []*key {
	if t.agent != nil {
		return t.agent.Keys
	}
	return t.app.Keys
}

func (s *Sandbox) addCredential(t subject) sandbox.Outcome {
	k := s.st.newKey(s.st.Clock)
	if t.agent != nil {
		s.addKey(t.agent, k, s.actor())
	} else {
		t.app.Keys = append(t.app.Keys, k)
		t.app.Updated = later(s.st.Clock, t.app.Updated)
		s.logApp("app.oauth2.credentials.lifecycle.create", t.app, s.actor(), logTarget{ID: k.ID, Type: "OAuthClientCredential", DisplayName: k.kid()})
	}
	return s.outcome(t, k.ID, "credential %s added to %q", k.ID, t.name())
}

func (s *Sandbox) removeCredential(t subject) sandbox.Outcome {
	keys := t.keys()
	k := keys[s.st.Rand.Pick(len(keys))]
	if t.agent != nil {
		s.removeKey(t.agent, k, s.actor())
	} else {
		t.app.Keys = without(t.app.Keys, k)
		t.app.Updated = later(s.st.Clock, t.app.Updated)
		s.logApp("app.oauth2.credentials.lifecycle.delete", t.app, s.actor(), logTarget{ID: k.ID, Type: "OAuthClientCredential", DisplayName: k.kid()})
	}
	return s.outcome(t, k.ID, "credential %s removed from %q", k.ID, t.name())
}

// rights are the ids of all that an identity may do: connections and delegation links, or grants and roles.
func (t subject) rights() []string {
	if t.agent != nil {
		return append(each(t.agent.Connections, func(n *connection) string { return n.ID }),
			each(t.agent.Links, func(l *delegationLink) string { return l.ID })...)
	}
	return append(each(t.app.Grants, func(g *grant) string { return g.ID }),
		each(t.app.Roles, func(r *role) string { return r.ID })...)
}

// addGrant gives an agent a connection or, one time in three, lets somebody call it; an app gets a scope or a role.
func (s *Sandbox) addGrant(t subject) sandbox.Outcome {
	other := s.st.Rand.Chance(0.33)
	switch {
	case t.agent != nil && other:
		l := s.st.newDelegation(t.agent)
		s.delegate(t.agent, l, s.actor())
		return s.outcome(t, l.ID, "%s may call %q now", l.ClientOrn, t.name())
	case t.agent != nil:
		n := s.st.newConnection()
		s.connect(t.agent, n, s.actor())
		return s.outcome(t, n.ID, "%q may reach a %s now", t.name(), strings.ToLower(n.Type))
	case other && len(t.app.lacksRole()) > 0:
		r := s.st.newRole(t.app, s.st.Clock)
		t.app.Roles = append(t.app.Roles, r)
		s.logApp("app.oauth2.client.privilege.grant", t.app, s.actor(), logTarget{ID: r.ID, Type: "ROLE", DisplayName: r.Label})
		return s.outcome(t, r.ID, "%q is %s now", t.name(), r.Label)
	}
	g := s.st.newGrant(t.app, s.st.Clock)
	t.app.Grants = append(t.app.Grants, g)
	s.logApp("app.oauth2.admin.consent.grant", t.app, s.actor(), logTarget{ID: g.ID, Type: "scope", DisplayName: g.Scope})
	return s.outcome(t, g.ID, "scope %s granted to %q", g.Scope, t.name())
}

func (s *Sandbox) removeGrant(t subject) sandbox.Outcome {
	all := t.rights()
	id := all[s.st.Rand.Pick(len(all))]
	if t.agent != nil {
		s.dropAgentRight(t.agent, id)
	} else {
		s.dropAppRight(t.app, id)
	}
	return s.outcome(t, id, "right %s taken from %q", id, t.name())
}

func (s *Sandbox) dropAgentRight(a *agent, id string) {
	if n := find(a.Connections, func(n *connection) bool { return n.ID == id }); n != nil {
		s.disconnect(a, n, s.actor())
	} else if l := find(a.Links, func(l *delegationLink) bool { return l.ID == id }); l != nil {
		s.undelegate(a, l, s.actor())
	}
}

func (s *Sandbox) dropAppRight(a *app, id string) {
	if g := find(a.Grants, func(g *grant) bool { return g.ID == id }); g != nil {
		a.Grants = without(a.Grants, g)
		s.logApp("app.oauth2.admin.consent.revoke", a, s.actor(), logTarget{ID: g.ID, Type: "scope", DisplayName: g.Scope})
		return
	}
	a.Roles = slices.DeleteFunc(a.Roles, func(r *role) bool { return r.ID == id })
	s.logApp("app.oauth2.client.privilege.revoke", a, s.actor())
}

var statuses = map[string]string{"ACTIVE": "active", "INACTIVE": "disabled", "STAGED": "pending"}

// Truth lists the AI agents and service apps as they are now, whether the API shows them yet or not. Credentials are the
// keys; client secrets are not among them, since reading them is an audited act that a roster has no need for. Grants are
// connections and delegation links of agents, scope grants and admin roles of apps.
func (s *Sandbox) Truth() sandbox.Truth {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	truth := sandbox.Truth{Vendor: "okta"}
	add := func(t subject, owners []owner) {
		v := sandbox.TruthAgent{
			ID: t.id(), Native: t.native(), Name: t.name(), Status: statuses[t.status()],
			Stewards:    each(owners, func(o owner) string { return fmt.Sprintf("owner:%s", o.ID) }),
			Credentials: each(t.keys(), (*key).kid), Grants: t.rights(),
		}
		slices.Sort(v.Stewards)
		slices.Sort(v.Credentials)
		slices.Sort(v.Grants)
		truth.Agents = append(truth.Agents, v)
	}
	for _, a := range s.st.Agents {
		add(subject{agent: a}, a.Owners)
	}
	for _, a := range where(s.st.Apps, (*app).isAgent) {
		add(subject{app: a}, nil)
	}
	slices.SortFunc(truth.Agents, func(a, b sandbox.TruthAgent) int { return strings.Compare(a.ID, b.ID) })
	return truth
}
