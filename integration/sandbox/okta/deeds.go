package okta

import (
	"cmp"
	"slices"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// act lets an agent do something that only the log tells: get a token, sign in, act as an administrator. An API token acts only
// when it is asked for. The outcome's key is the uuid of the entry.
func (s *Sandbox) act(c sandbox.Change) (sandbox.Outcome, error) {
	all := s.subjects()
	if c.Agent != "" || c.Native == "api_token" {
		all = append(all, s.tokens()...)
	}
	t, err := s.pickFrom(all, c, func(t subject) bool { return t.status() == "ACTIVE" })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	e := s.record(s.deed(t)).Event
	return s.outcome(t, e.UUID, "%q: %s, %s", t.name(), e.DisplayMessage, e.Outcome.Result), nil
}

// deed chooses something that an identity can do, and does it. Targets come in no order that one could rely on.
func (s *Sandbox) deed(t subject) logEvent {
	var e logEvent
	switch {
	case t.token != nil:
		e = s.tokenDeed(t.token)
	case t.app != nil:
		e = s.appDeed(t.app)
	default:
		e = s.agentDeed(t.agent)
	}
	n := s.st.Rand.Pick(len(e.Target))
	e.Target = slices.Concat(e.Target[n:], e.Target[:n])
	return e
}

// agentDeed uses one of the agent's connections, if the draw falls on one, or does what needs none.
func (s *Sandbox) agentDeed(a *agent) logEvent {
	usable := where(a.Connections, func(n *connection) bool { return n.Status == "ACTIVE" })
	if i := s.st.Rand.Pick(len(usable) + 3); i < len(usable) {
		return s.exchange(a, usable[i])
	} else if i == len(usable) {
		return s.accessToken(a)
	} else if i == len(usable)+1 {
		return s.signOn(a)
	}
	return s.administer(s.st.agentActor(a), a.clientID())
}

// clientID is the OAuth client of an agent: that of its app, if it shares one, or else its own.
func (a *agent) clientID() string { return cmp.Or(a.AppID, a.ID) }

// grantTypes are the exchanges that each kind of connection is for.
var grantTypes = map[string][]string{
	toApp:     {"app.oauth2.token.grant.id_jag", "app.oauth2.token.grant.oauth_sts"},
	toServer:  {"app.oauth2.token.grant.id_jag"},
	toSecret:  {"app.oauth2.token.grant.vaulted_secret"},
	toAccount: {"app.oauth2.token.grant.service_account"},
}

// exchange trades a person's token for one that reaches what a connection leads to. One time in six Okta refuses.
func (s *Sandbox) exchange(a *agent, n *connection) logEvent {
	types := grantTypes[n.Type]
	e := s.onBehalf(a, types[s.st.Rand.Pick(len(types))], s.st.connectionTarget(n))
	s.overTokenEndpoint(&e, a.clientID(), "urn:ietf:params:oauth:grant-type:token-exchange")
	if s.st.Rand.Chance(1.0 / 6) {
		return e.failed("access_denied")
	}
	e.Target = append(e.Target, s.tokenTarget("urn:ietf:params:oauth:token-type:id-jag"))
	return e
}

// accessToken is the last leg: a custom authorization server takes the assertion and gives an access token.
func (s *Sandbox) accessToken(a *agent) logEvent {
	server := s.st.Servers[s.st.Rand.Pick(len(s.st.Servers))]
	e := s.onBehalf(a, "app.oauth2.as.token.grant.access_token", server.target(), s.tokenTarget("access_token"))
	s.overTokenEndpoint(&e, a.clientID(), "urn:ietf:params:oauth:grant-type:jwt-bearer")
	return e
}

// signOn lets an agent sign in to an app for somebody.
func (s *Sandbox) signOn(a *agent) logEvent {
	p := s.st.Apps[s.st.Rand.Pick(len(s.st.Apps))]
	e := s.onBehalf(a, "user.authentication.sso", appTarget(p))
	e.Client.ID = new(a.clientID())
	return e
}

// onBehalf is an entry about an agent and the person that it works for. Either may be the actor; the other is a target.
func (s *Sandbox) onBehalf(a *agent, eventType string, more ...logTarget) logEvent {
	u := s.callerOf(a)
	if s.st.Rand.Chance(0.5) {
		return entry(eventType, u.actor(), append(more, s.st.agentTarget(a.ID, a.Name))...)
	}
	return entry(eventType, s.st.agentActor(a), append(more, u.target())...)
}

// callerOf is for whom an agent works: an owner, if there is an active one, or anybody.
func (s *Sandbox) callerOf(a *agent) *user {
	for _, o := range a.Owners {
		if u := s.st.user(o.ID); u != nil && u.Status == "ACTIVE" {
			return u
		}
	}
	return s.anyActive()
}

func (st *state) agentActor(a *agent) logActor {
	return logActor{ID: a.ID, Type: "WorkloadPrincipal", AlternateID: "unknown", DisplayName: a.Name, DetailEntry: map[string]any{"orn": st.agentORN(a.ID)}}
}

// overTokenEndpoint marks an entry as a call of a client at a token endpoint. The debug data holds a secret, as it may at Okta,
// so that a reader can prove that it drops it.
func (s *Sandbox) overTokenEndpoint(e *logEvent, client, grantType string) {
	e.Client = logClient{ID: &client, IPAddress: new("198.51.100.23"), Device: new("Unknown"), Zone: new("null"),
		UserAgent: &logUserAgent{Raw: "agent-runtime/1.4", OS: "Unknown", Browser: "UNKNOWN"}}
	e.Authentication.CredentialType = new("JWT")
	e.DebugContext.Data = map[string]any{
		"requestUri": "/oauth2/v1/token", "grantType": grantType, "clientAuthType": "private_key_jwt",
		"url": "/oauth2/v1/token?client_assertion=sandbox-secret-" + s.st.Noise.Base62(40),
	}
}

func (st *state) connectionTarget(n *connection) logTarget {
	switch n.Type {
	case toServer:
		if a := st.server(n.Target); a != nil {
			return a.target()
		}
	case toApp:
		if a := st.app(n.Target); a != nil {
			return appTarget(a)
		}
	case toSecret:
		return logTarget{ID: n.Account, Type: "Secret", DisplayName: n.Name}
	case toAccount:
		return logTarget{ID: n.Account, Type: "ServiceAccount", DisplayName: n.Name}
	}
	return logTarget{ID: n.Target, Type: "AppInstance", DisplayName: "unknown"} // what it led to is gone
}

func (a *authServer) target() logTarget {
	return logTarget{ID: a.ID, Type: "AuthorizationServer", AlternateID: a.Audience, DisplayName: a.Name}
}

// tokenTarget is the token that was given out, by id and hash.
func (s *Sandbox) tokenTarget(kind string) logTarget {
	return logTarget{ID: "AT." + s.st.Noise.Base62(20), Type: kind, DisplayName: "Access Token", DetailEntry: map[string]any{
		"expires": stamp(s.st.Clock.Add(tokenLife)), "hash": s.st.Noise.Base62(22),
	}}
}

// appDeed lets a service app get a token for itself or, if it is an administrator, use its right.
func (s *Sandbox) appDeed(a *app) logEvent {
	actor := logActor{ID: a.ID, Type: "PublicClientApp", AlternateID: a.ID, DisplayName: a.Label}
	if len(a.Roles) > 0 && s.st.Rand.Chance(0.5) {
		return s.administer(actor, a.ID)
	}
	server := s.st.Servers[s.st.Rand.Pick(len(s.st.Servers))]
	e := entry("app.oauth2.as.token.grant.access_token", actor, server.target(), s.tokenTarget("access_token"))
	s.overTokenEndpoint(&e, a.ID, "client_credentials")
	e.DebugContext.Data["clientAuthType"] = a.AuthMethod
	return e
}

// tokenDeed uses an API token: the log names its holder as the actor, and the token beside the transaction.
func (s *Sandbox) tokenDeed(t *apiToken) logEvent {
	t.use(s.st.Clock)
	e := s.administer(s.st.user(t.User).actor(), "")
	e.Transaction.Detail = map[string]any{"requestApiTokenId": t.ID, "rootApiTokenId": t.ID}
	return e
}

// administer really suspends somebody, or lets them in again.
func (s *Sandbox) administer(by logActor, client string) logEvent {
	them := where(s.st.Users, func(u *user) bool {
		_, able := fitting(switches, u)
		return able && u.ID != s.st.Admin && u.ID != by.ID
	})
	if len(them) == 0 { // all others have left the company: the administrator's own profile is touched
		return entry("user.account.update_profile", by, s.actor().target())
	}
	u := them[s.st.Rand.Pick(len(them))]
	m, _ := fitting(switches, u)
	s.move(u, m)
	e := entry(m.event, by, u.target())
	e.DebugContext.Data["requestUri"] = "/api/v1/users/" + u.ID + "/lifecycle"
	if client != "" {
		e.Client.ID = &client
	}
	return e
}

// switches are the moves that an agent makes as an administrator.
var switches = []move{suspension, unsuspension}
