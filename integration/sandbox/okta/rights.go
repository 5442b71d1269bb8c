package okta

import (
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

func (t subject) keys() []*key {
	switch {
	case t.agent != nil:
		return t.agent.Keys
	case t.app != nil:
		return t.app.Keys
	}
	return nil
}

// credentials are the kids of an identity's keys; an API token is a credential itself.
func (t subject) credentials() []string {
	if t.token != nil {
		return []string{t.token.ID}
	}
	if t.app != nil && t.app.KeysURI != "" {
		return []string{"jwks_uri"}
	}
	return each(t.keys(), (*key).kid)
}

func (s *Sandbox) addCredential(t subject) sandbox.Outcome {
	k := s.st.newKey(s.st.Clock)
	if t.agent != nil {
		s.addKey(t.agent, k, s.actor())
	} else {
		t.app.Keys, t.app.KeysURI = append(t.app.Keys, k), "" // an app has keys of its own or an address of them
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
	switch {
	case t.token != nil:
		return []string{} // it may do what its holder may
	case t.agent != nil:
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
