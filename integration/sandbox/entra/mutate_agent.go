package entra

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// newNames are what agents are called that somebody creates without a name.
var newNames = []string{
	"Travel Planner", "Vendor Onboarding", "Meeting Scribe", "Incident Summarizer", "Quote Builder", "Stock Watcher",
	"Policy Navigator", "Release Notes Writer", "Lead Qualifier", "Returns Handler", "Contract Comparer", "Access Reviewer",
}

func (s *Sandbox) newName(c sandbox.Change) string {
	if c.Name != "" {
		return c.Name
	}
	return fmt.Sprintf("%s %s", newNames[s.st.Rand.Pick(len(newNames))], s.st.Rand.Digits(3))
}

// createAgent creates an agent identity under one of this tenant's blueprints, with its creator as owner and sponsor; or,
// asked for (or now and then), a user account for an identity that has none.
func (s *Sandbox) createAgent(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	if c.Agent != "" || c.Native != "" && c.Native != "agent_identity" && c.Native != "agent_user" {
		return sandbox.Outcome{}, none(c, "a new agent is an agent_identity or an agent_user, and gets its id from the directory")
	}
	by, err := s.person(c, func(*object) bool { return true })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	var o *object
	if c.Native == "agent_user" || c.Native == "" && s.st.Rand.Chance(0.15) {
		o = s.createUser(c, by, now)
	}
	if o == nil && c.Native != "agent_user" {
		o = s.createIdentity(c, by, now)
	}
	if o == nil {
		return sandbox.Outcome{}, none(c, "no blueprint principal has room, or no agent identity is without a user")
	}
	out, _ := outcome(o, "", "agent %s created by %s", shown(o), by.text("displayName"))
	out.At = now.Add(s.hide(o, now))
	return out, nil
}

// hide keeps a new object from readers for the vendor's own lag and returns how long.
func (s *Sandbox) hide(o *object, now time.Time) time.Duration {
	if lag := s.Nature.NewObjectLag; lag > 0 {
		o.Hidden = true
		s.later(pending{Due: now.Add(lag), Do: "appear", ID: o.ID})
	}
	return s.Nature.NewObjectLag
}

func (s *Sandbox) createIdentity(c sandbox.Change, by *object, now time.Time) *object {
	var principals []*object
	for o := range s.each("servicePrincipal", 0) {
		if o.Type == "agentIdentityBlueprintPrincipal" && o.live() && s.byApp("application", o.text("appId")) != nil {
			principals = append(principals, o)
		}
	}
	if len(principals) == 0 {
		return nil
	}
	p := principals[s.st.Rand.Pick(len(principals))]
	o := s.newIdentity(s.newName(c), "", p, stamp(now))
	s.link(o, "owners", by.ID)
	s.link(o, "sponsors", by.ID)
	s.record(entryOf(now, "Add", o, change("DisplayName", "[]", list(o.text("displayName")))), actor(by))
	return o
}

func (s *Sandbox) createUser(c sandbox.Change, by *object, now time.Time) *object {
	var free []*object
	for o := range s.each("servicePrincipal", 0) {
		if o.Type == "agentIdentity" && o.live() && s.userOf(o.ID) == nil {
			free = append(free, o)
		}
	}
	if len(free) == 0 {
		return nil
	}
	o := s.newUser(s.newName(c), free[s.st.Rand.Pick(len(free))].ID, stamp(now))
	s.link(o, "sponsors", by.ID)
	s.record(entryOf(now, "Add", o), actor(by))
	return o
}

// actor is a person as the log names one.
func actor(u *object) initiator {
	return initiator{User: &userActor{ID: u.ID, UserPrincipalName: u.text("userPrincipalName"), IPAddress: "198.51.100.7"}}
}

func (s *Sandbox) disableAgent(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.target(c, func(o *object) bool { return o.live() && o.enabled() })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	s.setEnabled(o, false, now, s.admin())
	return outcome(o, "", "agent %s disabled", shown(o))
}

func (s *Sandbox) enableAgent(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.target(c, func(o *object) bool { return o.live() && !o.enabled() })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	s.setEnabled(o, true, now, s.admin())
	return outcome(o, "", "agent %s enabled", shown(o))
}

func (s *Sandbox) setEnabled(o *object, on bool, now time.Time, by initiator) {
	s.set(o, "accountEnabled", on)
	l := entryOf(now, "Update", o, change("AccountEnabled", fmt.Sprintf("[%t]", !on), fmt.Sprintf("[%t]", on)),
		change("Included Updated Properties", "", `"AccountEnabled"`))
	if o.base == "user" {
		l.verb = map[bool]string{true: "Enable account", false: "Disable account"}[on]
	}
	s.record(l, by)
}

func (s *Sandbox) rename(o *object, to string, now time.Time, by initiator) {
	before := o.text("displayName")
	s.set(o, "displayName", to)
	s.record(entryOf(now, "Update", o, change("DisplayName", list(before), list(to))), by)
}

func (s *Sandbox) renameAgent(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.target(c, (*object).live)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	before, after := o.text("displayName"), s.newName(c)
	if before == after {
		return sandbox.Outcome{}, none(c, "it has that name already")
	}
	s.rename(o, after, now, s.admin())
	return outcome(o, "", "agent %s renamed to %s", quote(before), quote(after))
}

// parent finds a blueprint or a blueprint principal by its object id.
func (s *Sandbox) parent(id string) *object {
	o := s.ix.byID[id]
	if o != nil && (o.Type == "agentIdentityBlueprint" || o.Type == "agentIdentityBlueprintPrincipal") && !o.Purged {
		return o
	}
	return nil
}

func (s *Sandbox) deleteAgent(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	if p := s.parent(c.Agent); p != nil && p.live() {
		s.binParent(p, now, s.admin())
		return outcome(p, "", "blueprint %s deleted, its agents follow", shown(p))
	}
	o, err := s.target(c, (*object).live)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	s.bin(o, now)
	s.record(entryOf(now, "Delete", o), s.admin())
	return outcome(o, "", "agent %s deleted", shown(o))
}

// binParent soft-deletes a blueprint and its principal; the agents follow when the background job runs.
func (s *Sandbox) binParent(p *object, now time.Time, by initiator) {
	for _, o := range slices.Clone(s.ix.byApp[p.text("appId")]) {
		if o.live() && (o == p || p.Type == "agentIdentityBlueprint") {
			s.bin(o, now)
			s.record(entryOf(now, "Delete", o), by)
		}
	}
	s.later(pending{Due: now.Add(s.Nature.CascadeDelay), Do: "cascade", ID: p.ID, Since: now})
}

func (s *Sandbox) restoreAgent(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o := s.parent(c.Agent)
	if o == nil || o.Deleted == nil {
		var err error
		if o, err = s.target(c, func(o *object) bool { return o.Deleted != nil && !o.Purged }); err != nil {
			return sandbox.Outcome{}, err
		}
	}
	s.unbin(o)
	s.record(entryOf(now, "Restore", o), s.admin())
	return outcome(o, "", "agent %s restored", shown(o))
}

func (s *Sandbox) purgeAgent(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o := s.parent(c.Agent)
	if o == nil || o.Deleted == nil {
		var err error
		if o, err = s.target(c, func(o *object) bool { return o.Deleted != nil && !o.Purged }); err != nil {
			return sandbox.Outcome{}, err
		}
	}
	s.bury(o)
	s.record(entryOf(now, "Hard Delete", o), s.admin())
	return outcome(o, "", "agent %s deleted for good", shown(o))
}
