package okta

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// subject is an identity that a change can be made to: an AI agent, a service app or an API token.
type subject struct {
	agent *agent
	app   *app
	token *apiToken
}

func (t subject) id() string {
	switch {
	case t.agent != nil:
		return t.agent.ID
	case t.token != nil:
		return t.token.ID
	}
	return t.app.ID
}

func (t subject) name() string {
	switch {
	case t.agent != nil:
		return t.agent.Name
	case t.token != nil:
		return t.token.Name
	}
	return t.app.Label
}

func (t subject) native() string {
	switch {
	case t.agent != nil:
		return "ai_agent"
	case t.token != nil:
		return "api_token"
	}
	return "service_app"
}

func (t subject) status() string {
	switch {
	case t.agent != nil:
		return t.agent.Status
	case t.token != nil:
		return "ACTIVE"
	}
	return t.app.Status
}

// Mutate makes one change as the org's administrator would, with the log entries that Okta writes for it. Okta knows no
// restorable deletion, so agent.restore and agent.purge never find a target. A deletion deactivates first. Service apps
// have no owners here. An API token can only be created, which needs its native type, and deleted, which revokes it.
func (s *Sandbox) Mutate(c sandbox.Change) (sandbox.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	out, err := s.mutate(c)
	if err != nil {
		return sandbox.Outcome{}, fmt.Errorf("okta: %s: %w", c.Op, err)
	}
	out.Op = c.Op
	if out.At.IsZero() {
		out.At = s.st.Clock
	}
	return out, nil
}

func (s *Sandbox) mutate(c sandbox.Change) (sandbox.Outcome, error) {
	switch c.Op {
	case sandbox.CreateAgent:
		return s.create(c)
	case sandbox.DisableAgent:
		return s.change(c, func(t subject) bool { return t.status() == "ACTIVE" }, s.disable)
	case sandbox.EnableAgent:
		return s.change(c, func(t subject) bool {
			return t.status() != "ACTIVE" && (t.agent == nil || len(t.agent.Owners) > 0)
		}, s.enable)
	case sandbox.DeleteAgent:
		return s.delete(c)
	case sandbox.RenameAgent:
		return s.rename(c)
	case sandbox.AddOwner:
		return s.addOwner(c)
	case sandbox.RemoveOwner:
		return s.removeOwner(c)
	case sandbox.AddCredential:
		return s.change(c, func(t subject) bool { return t.agent == nil || len(t.agent.Keys) < maxKeys }, s.addCredential)
	case sandbox.RemoveCredential:
		return s.change(c, func(t subject) bool { return len(t.keys()) > 0 }, s.removeCredential)
	case sandbox.AddGrant:
		return s.change(c, func(t subject) bool { return t.agent != nil || len(t.app.lacksScope()) > 0 }, s.addGrant)
	case sandbox.RemoveGrant:
		return s.change(c, func(t subject) bool { return len(t.rights()) > 0 }, s.removeGrant)
	case sandbox.DisablePerson, sandbox.EnablePerson, sandbox.SuspendPerson:
		return s.movePerson(c)
	case sandbox.RenamePerson:
		return s.renamePerson(c)
	case sandbox.ActAgent:
		return s.act(c)
	case sandbox.ImportAgents:
		return s.importAgents()
	}
	return sandbox.Outcome{}, fmt.Errorf("okta has no such change: %w", sandbox.ErrNoTarget)
}

// pick finds the AI agent or service app that a change names, or one that it fits.
func (s *Sandbox) pick(c sandbox.Change, fits func(subject) bool) (subject, error) {
	return s.pickFrom(s.subjects(), c, fits)
}

// subjects are the AI agents and the service apps, to which most changes can be made.
func (s *Sandbox) subjects() []subject {
	var all []subject
	for _, a := range s.st.Agents {
		all = append(all, subject{agent: a})
	}
	for _, a := range s.st.Apps {
		if a.isAgent() {
			all = append(all, subject{app: a})
		}
	}
	return all
}

// tokens are the API tokens that are alive.
func (s *Sandbox) tokens() []subject {
	return each(s.st.liveTokens(), func(t *apiToken) subject { return subject{token: t} })
}

func (s *Sandbox) pickFrom(all []subject, c sandbox.Change, fits func(subject) bool) (subject, error) {
	all = where(all, func(t subject) bool {
		return (c.Agent == "" || t.id() == c.Agent) && (c.Native == "" || t.native() == c.Native) && fits(t)
	})
	if len(all) == 0 {
		return subject{}, sandbox.ErrNoTarget
	}
	return all[s.st.Rand.Pick(len(all))], nil
}

func (s *Sandbox) change(c sandbox.Change, fits func(subject) bool, do func(subject) sandbox.Outcome) (sandbox.Outcome, error) {
	t, err := s.pick(c, fits)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	return do(t), nil
}

// outcome tells of a change to an identity; At is when an AI agent's operation takes effect.
func (s *Sandbox) outcome(t subject, key, format string, args ...any) sandbox.Outcome {
	return sandbox.Outcome{Agent: t.id(), Name: t.name(), Key: key, Text: fmt.Sprintf(format, args...)}
}

func (s *Sandbox) delayed(t subject, o sandbox.Outcome) sandbox.Outcome {
	if t.agent != nil {
		o.At = s.st.Clock.Add(s.opt.OpDelay)
	}
	return o
}

func (s *Sandbox) create(c sandbox.Change) (sandbox.Outcome, error) {
	name := cmp.Or(c.Name, s.freshName())
	if s.nameTaken(name) || utf8.RuneCountInString(name) < 3 {
		return sandbox.Outcome{}, fmt.Errorf("the name %q is taken or too short: %w", name, sandbox.ErrNoTarget)
	}
	native := c.Native
	if native == "" {
		native = []string{"ai_agent", "ai_agent", "service_app"}[s.st.Rand.Pick(3)]
	}
	switch native {
	case "ai_agent":
		return s.createAgent(c, name)
	case "service_app":
		return s.createApp(name), nil
	case "api_token":
		return s.createToken(c.Person, name)
	}
	return sandbox.Outcome{}, fmt.Errorf("okta has no %s: %w", native, sandbox.ErrNoTarget)
}

// createAgent registers an agent with a first key. With an owner it is active, without one it stays staged.
func (s *Sandbox) createAgent(c sandbox.Change, name string) (sandbox.Outcome, error) {
	a := &agent{ID: s.st.id("wlp"), Status: "STAGED", Name: name, Description: "Registered by an administrator.", Keys: []*key{s.st.newKey(s.st.Clock)}}
	who, err := s.newOwner(c.Person)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	if who != nil {
		a.Bound, a.Owners, a.Status = true, []owner{{s.st.id("pri"), "users", who.ID}}, "ACTIVE"
	}
	by := s.actor()
	s.begin(&operation{Type: "ai-agent:Register", Agent: a.ID, New: a}, by)
	s.logAgent("workload_principal.ai_agent.credential.create", a, by,
		logTarget{ID: a.Keys[0].ID, Type: "WorkloadPrincipalCredential", DisplayName: a.Keys[0].kid()})
	text := fmt.Sprintf("AI agent %q registered without an owner", name)
	if who != nil {
		s.logOwners(a, by)
		s.logAgent("workload_principal.activate", a, by)
		text = fmt.Sprintf("AI agent %q registered for %s", name, who.name())
	}
	return sandbox.Outcome{Agent: a.ID, Name: name, Text: text, At: s.st.Clock.Add(s.opt.OpDelay + s.opt.Settle)}, nil
}

// newOwner finds the person asked for, or picks one; one agent in eight gets nobody.
func (s *Sandbox) newOwner(person string) (*user, error) {
	if person != "" {
		u := s.st.user(person)
		if u == nil {
			return nil, nobody(person)
		}
		return u, nil
	}
	if s.st.Rand.Chance(0.125) {
		return nil, nil
	}
	return s.anyActive(), nil
}

// anyActive picks an active person, or the administrator if nobody is.
func (s *Sandbox) anyActive() *user {
	active := where(s.st.Users, func(u *user) bool { return u.Status == "ACTIVE" })
	if len(active) == 0 {
		return s.actor()
	}
	return active[s.st.Rand.Pick(len(active))]
}

func nobody(name string) error {
	return fmt.Errorf("nobody is called %q: %w", name, sandbox.ErrNoTarget)
}

func (s *Sandbox) createApp(name string) sandbox.Outcome {
	a := s.st.newService(s.st.Rand.Pick(6), name, s.st.Clock)
	a.Grants = append(a.Grants, s.st.newGrant(a, s.st.Clock))
	s.st.addApp(a)
	by := s.actor()
	s.logApp("application.lifecycle.create", a, by)
	s.logApp("app.oauth2.client.lifecycle.create", a, by)
	s.logApp("app.oauth2.admin.consent.grant", a, by, logTarget{ID: a.Grants[0].ID, Type: "scope", DisplayName: a.Grants[0].Scope})
	return sandbox.Outcome{Agent: a.ID, Name: name, Text: fmt.Sprintf("service app %q created", name), At: s.st.Clock.Add(s.opt.Settle)}
}

// freshName varies the name of something that exists, which keeps names believable.
func (s *Sandbox) freshName() string {
	base := "Assistant"
	if n := len(s.st.Agents); n > 0 {
		base = s.st.Agents[s.st.Rand.Pick(n)].Name
	}
	base = strings.TrimRight(base, " 0123456789")
	for {
		if name := base + " " + s.st.Rand.Digits(4); !s.nameTaken(name) {
			return name
		}
	}
}

func (s *Sandbox) nameTaken(name string) bool {
	return find(s.st.Agents, func(a *agent) bool { return a.Name == name }) != nil ||
		find(s.st.Apps, func(a *app) bool { return a.Label == name }) != nil ||
		find(s.st.Operations, func(o *operation) bool { return o.New != nil && o.New.Name == name }) != nil
}

func (s *Sandbox) disable(t subject) sandbox.Outcome {
	return s.switchTo(t, "INACTIVE", "ai-agent:Deactivate", "deactivate")
}

func (s *Sandbox) enable(t subject) sandbox.Outcome {
	return s.switchTo(t, "ACTIVE", "ai-agent:Activate", "activate")
}

func (s *Sandbox) switchTo(t subject, status, operationType, verb string) sandbox.Outcome {
	if t.agent != nil {
		s.begin(&operation{Type: operationType, Agent: t.agent.ID}, s.actor())
	} else {
		t.app.Status, t.app.Updated = status, later(s.st.Clock, t.app.Updated)
		s.logApp("application.lifecycle."+verb, t.app, s.actor())
		s.logApp("app.oauth2.client.lifecycle."+verb, t.app, s.actor())
	}
	return s.delayed(t, s.outcome(t, "", "%q %sd", t.name(), verb))
}

func (s *Sandbox) delete(c sandbox.Change) (sandbox.Outcome, error) {
	t, err := s.pickFrom(append(s.subjects(), s.tokens()...), c, func(subject) bool { return true })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	return s.remove(t), nil
}

func (s *Sandbox) remove(t subject) sandbox.Outcome {
	if t.token != nil {
		s.revoke(t.token)
		return s.outcome(t, t.id(), "API token %q revoked", t.name())
	}
	if t.status() == "ACTIVE" {
		s.disable(t)
	}
	if t.agent != nil {
		s.begin(&operation{Type: "ai-agent:Delete", Agent: t.agent.ID}, s.actor())
	} else {
		s.st.dropApp(t.app)
		s.logApp("application.lifecycle.delete", t.app, s.actor())
		s.logApp("app.oauth2.client.lifecycle.delete", t.app, s.actor())
	}
	return s.delayed(t, s.outcome(t, "", "%q deleted", t.name()))
}

func (s *Sandbox) rename(c sandbox.Change) (sandbox.Outcome, error) {
	t, err := s.pick(c, func(subject) bool { return true })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	from, to := t.name(), cmp.Or(c.Name, s.freshName())
	if s.nameTaken(to) || utf8.RuneCountInString(to) < 3 {
		return sandbox.Outcome{}, fmt.Errorf("the name %q is taken or too short: %w", to, sandbox.ErrNoTarget)
	}
	if t.agent != nil {
		s.begin(&operation{Type: "ai-agent:Patch", Agent: t.agent.ID, Name: &to}, s.actor())
	} else {
		t.app.Label = to
		s.touch(t.app)
	}
	out := s.delayed(t, s.outcome(t, "", "%q renamed to %q", from, to))
	out.Name = to
	return out, nil
}

// touch notes that an app was changed, and logs it.
func (s *Sandbox) touch(a *app) {
	a.Updated = later(s.st.Clock, a.Updated)
	s.logApp("application.lifecycle.update", a, s.actor())
}

// maxOwners is how many people may own an agent; a group owns alone.
const maxOwners = 5

func (s *Sandbox) addOwner(c sandbox.Change) (sandbox.Outcome, error) {
	t, err := s.pick(c, func(t subject) bool {
		return t.agent != nil && len(t.agent.Owners) < maxOwners && !t.agent.ownedByGroup() && !t.agent.ownedBy(s.st.user(c.Person))
	})
	if err != nil {
		return sandbox.Outcome{}, err
	}
	u := s.st.user(c.Person)
	if c.Person == "" {
		free := where(s.st.Users, func(u *user) bool { return u.Status == "ACTIVE" && !t.agent.ownedBy(u) })
		if len(free) == 0 {
			return sandbox.Outcome{}, fmt.Errorf("nobody is active who does not own it: %w", sandbox.ErrNoTarget)
		}
		u = free[s.st.Rand.Pick(len(free))]
	}
	if u == nil {
		return sandbox.Outcome{}, nobody(c.Person)
	}
	t.agent.Bound = true
	t.agent.Owners = append(t.agent.Owners, owner{s.st.id("pri"), "users", u.ID})
	s.logOwners(t.agent, s.actor())
	return s.outcome(t, u.ID, "%s owns %q now", u.name(), t.name()), nil
}

func (a *agent) ownedByGroup() bool { return len(a.Owners) > 0 && a.Owners[0].Type == "groups" }

func (a *agent) ownedBy(u *user) bool {
	return u != nil && slices.ContainsFunc(a.Owners, func(o owner) bool { return o.ID == u.ID })
}

// removeOwner takes away the person asked for, who may be a group, or one of the owners.
func (s *Sandbox) removeOwner(c sandbox.Change) (sandbox.Outcome, error) {
	id := c.Person
	if u := s.st.user(id); u != nil {
		id = u.ID
	} else if g := s.st.group(id); g != nil {
		id = g.ID
	}
	is := func(o owner) bool { return id == "" || o.ID == id }
	t, err := s.pick(c, func(t subject) bool { return t.agent != nil && slices.ContainsFunc(t.agent.Owners, is) })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	fitting := where(t.agent.Owners, is)
	gone := fitting[s.st.Rand.Pick(len(fitting))]
	t.agent.Owners = without(t.agent.Owners, gone)
	s.logOwners(t.agent, s.actor())
	return s.outcome(t, gone.ID, "%q lost its owner %s", t.name(), gone.ID), nil
}

func (s *Sandbox) logOwners(a *agent, by *user) {
	s.logAgent("resource.owner.update", a, by)
}
