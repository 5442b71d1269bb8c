package entra

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// Mutate makes one change. For agent.delete, agent.restore, agent.purge, owner.add and owner.remove the change may also name a
// blueprint or a blueprint principal by its object id; after agent.delete its agents follow a while later, as
// [Nature.CascadeDelay] says. Person is a user's object id, its principal name, or the company's key; for the changes to
// persons it may be a group's. What Name says is told by each kind of change: a new name, a role, a resource, a scope.
func (s *Sandbox) Mutate(c sandbox.Change) (sandbox.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	do := map[sandbox.Op]func(sandbox.Change, time.Time) (sandbox.Outcome, error){
		sandbox.CreateAgent: s.createAgent, sandbox.DisableAgent: s.disableAgent, sandbox.EnableAgent: s.enableAgent,
		sandbox.DeleteAgent: s.deleteAgent, sandbox.RestoreAgent: s.restoreAgent, sandbox.PurgeAgent: s.purgeAgent,
		sandbox.RenameAgent: s.renameAgent, sandbox.AddOwner: s.addOwner, sandbox.RemoveOwner: s.removeOwner,
		sandbox.AddCredential: s.addCredential, sandbox.RemoveCredential: s.removeCredential,
		sandbox.AddGrant: s.addGrant, sandbox.RemoveGrant: s.removeGrant,
		sandbox.BlockAgent: s.blockAgent, sandbox.UnblockAgent: s.unblockAgent, sandbox.AddRole: s.addRole, sandbox.RemoveRole: s.removeRole,
		sandbox.AddInheritable: s.addInheritable, sandbox.RemoveInheritable: s.removeInheritable,
		sandbox.AddConsent: s.addConsent, sandbox.RemoveConsent: s.removeConsent, sandbox.DisablePerson: s.disablePerson,
		sandbox.EnablePerson: s.enablePerson, sandbox.RenamePerson: s.renamePerson,
		sandbox.ActAgent: s.act, sandbox.RaiseRisk: s.raiseRisk, sandbox.DismissRisk: s.dismissRisk,
	}[c.Op]
	if do == nil {
		return sandbox.Outcome{}, none(c, "Entra has no such operation")
	}
	now := s.now()
	out, err := do(c, now)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	out.Op = c.Op
	if out.At.IsZero() {
		out.At = now
	}
	return out, nil
}

// none says why a change fits nothing.
func none(c sandbox.Change, why string) error {
	return fmt.Errorf("entra sandbox: %s: agent %q, native %q: %s: %w", c.Op, c.Agent, c.Native, why, sandbox.ErrNoTarget)
}

// natives are the types that count as agents, by their name in a Truth.
var natives = map[string]string{"agentIdentity": "agent_identity", "agentUser": "agent_user"}

// target finds the agent that a change is about: the named one if it fits, or one that the generator picks.
func (s *Sandbox) target(c sandbox.Change, fits func(*object) bool) (*object, error) {
	if c.Agent != "" {
		o := s.ix.byID[c.Agent]
		if o == nil || natives[o.Type] == "" || c.Native != "" && natives[o.Type] != c.Native || !fits(o) {
			return nil, none(c, "there is no such agent in a state that allows it")
		}
		return o, nil
	}
	var all []*object
	for o := range s.each("", 0) {
		if n := natives[o.Type]; n != "" && (c.Native == "" || n == c.Native) && !o.Purged && fits(o) {
			all = append(all, o)
		}
	}
	if len(all) == 0 {
		return nil, none(c, "no agent is in a state that allows it")
	}
	return all[s.st.Rand.Pick(len(all))], nil
}

// person finds the user that a change names, or picks one that fits.
func (s *Sandbox) person(c sandbox.Change, fits func(*object) bool) (*object, error) {
	var all []*object
	for _, u := range s.ix.people {
		named := c.Person == "" || u.ID == c.Person || strings.EqualFold(u.text("userPrincipalName"), c.Person) ||
			strings.ReplaceAll(u.text("mailNickname"), ".", "-") == c.Person
		if named && u.live() && fits(u) {
			all = append(all, u)
		}
	}
	if len(all) == 0 {
		return nil, none(c, fmt.Sprintf("person %q: nobody fits", c.Person))
	}
	return all[s.st.Rand.Pick(len(all))], nil
}

// admin is who made a change: usually a person, sometimes the provisioning service.
func (s *Sandbox) admin() initiator {
	r := s.st.Rand
	if len(s.ix.people) == 0 || r.Chance(0.2) {
		id := s.st.Factory
		return initiator{App: &appActor{DisplayName: "Agent Factory", ServicePrincipalID: &id}}
	}
	u := s.ix.people[r.Pick(len(s.ix.people))]
	return actor(u)
}

// outcome describes a change; key is what came or went, when that is not the agent itself.
func outcome(o *object, key, text string, args ...any) (sandbox.Outcome, error) {
	return sandbox.Outcome{Agent: o.ID, Name: o.text("displayName"), Key: key, Text: fmt.Sprintf(text, args...)}, nil
}

// shown is the name of an object in an outcome's text.
func shown(o *object) string { return quote(o.text("displayName")) }
