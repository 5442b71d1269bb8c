package google

import (
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// rolesOn are what agents are given on the resources of a kind.
var rolesOn = map[string][]string{
	kindOrganization: {"roles/browser", "roles/cloudasset.viewer", "roles/logging.viewer", "roles/iam.securityReviewer"},
	kindFolder:       {"roles/browser", "roles/resourcemanager.folderViewer", "roles/logging.viewer", "roles/editor"},
	kindProject:      roles,
	kindEngine:       {"roles/aiplatform.user", "roles/aiplatform.viewer", "roles/aiplatform.admin"},
	kindAccount:      {"roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountUser", "roles/iam.serviceAccountKeyAdmin"},
	kindRun:          {"roles/run.invoker", "roles/run.viewer"},
	kindApp:          {"roles/discoveryengine.user", "roles/discoveryengine.viewer", "roles/discoveryengine.admin"},
	kindProvider:     {"roles/agentidentity.user", "roles/agentidentity.viewer"},
	kindPool:         {"roles/iam.workloadIdentityPoolViewer", "roles/iam.workloadIdentityPoolAdmin"},
}

// changePolicy changes one member's role in a policy, and logs that. by nil is whose turn it is.
func (c *change) changePolicy(key string, by *caller, action, role, member string, cond *expr) {
	c.rewritePolicy(key, by, delta{action, role, member, cond})
}

// rewritePolicy changes several members' roles in one call.
func (c *change) rewritePolicy(key string, by *caller, deltas ...delta) {
	p := c.policyOf(key)
	for i, d := range deltas {
		if d.action == "ADD" {
			p.grant(d.role, d.member, d.cond)
		} else {
			deltas[i].cond, _ = p.revoke(d.role, d.member)
		}
	}
	if g, ok := c.ground(key); ok {
		c.policyDeed(c.opt, c.now, g, by, deltas...)
	}
}

// rewrite gives up to three agents a role on one resource and takes up to three roles there away, in one call.
func (c *change) rewrite() (sandbox.Outcome, error) {
	in, places := c.chosen(), c.places()
	if len(in) == 0 || len(places) == 0 {
		return sandbox.Outcome{}, c.none("no agent with a principal, or no resource of the kind in name")
	}
	g := places[c.Rand.Pick(len(places))]
	var deltas []delta
	p, members := c.policyOf(g.key), map[string]bool{}
	for _, t := range in {
		members[t.member(c.state)] = true
	}
	for _, b := range p.Bindings {
		for _, m := range b.Members {
			if twice := slices.ContainsFunc(deltas, func(d delta) bool { return d.role == b.Role && d.member == m }); members[m] && len(deltas) < 3 && !twice {
				deltas = append(deltas, delta{"REMOVE", b.Role, m, nil})
			}
		}
	}
	for range 3 {
		member, role := c.any(in).member(c.state), rolesOn[g.kind][c.Rand.Pick(len(rolesOn[g.kind]))]
		taken := slices.ContainsFunc(deltas, func(d delta) bool { return d.member == member && d.role == role })
		if !taken && !slices.Contains(p.roles(member), role) {
			deltas = append(deltas, delta{"ADD", role, member, nil})
		}
	}
	if len(deltas) == 0 {
		return sandbox.Outcome{}, c.none("every agent that was tried has the role already")
	}
	c.rewritePolicy(g.key, nil, deltas...)
	return c.outcome("", g.kind, g.full, c.now, "%d roles changed on %s at once", len(deltas), g.full)
}

// places are the resources of the kind that the change names, or of any kind. Engines, accounts and what comes
// after them have a policy whether anybody has set it or not.
func (c *change) places() (out []ground) {
	add := func(kind, key string) {
		if c.Name == kind || c.Name == "" {
			if g, ok := c.ground(key); ok {
				out = append(out, g)
			}
		}
	}
	add(kindOrganization, organizationPolicyKey(c.Org))
	for _, f := range c.Folders {
		add(kindFolder, folderPolicyKey(f.Number))
	}
	for _, p := range c.Projects {
		add(kindProject, projectPolicyKey(p.ProjectID))
	}
	for _, e := range c.Engines {
		add(kindEngine, enginePolicyKey(e.name()))
	}
	for _, a := range c.Accounts {
		add(kindAccount, accountPolicyKey(a.UniqueID))
	}
	for _, r := range c.Runs {
		add(kindRun, runPolicyKey(r.host()))
	}
	for _, a := range c.Apps {
		add(kindApp, appPolicyKey(a.name()))
	}
	for _, p := range c.Providers {
		add(kindProvider, providerPolicyKey(p.name()))
	}
	for _, p := range c.Pools {
		add(kindPool, poolPolicyKey(p.name()))
	}
	return out
}

// chosen are the agents with a principal that the change may be about.
func (c *change) chosen() []target {
	return slices.DeleteFunc(c.holders(), func(t target) bool { return !c.wants(t.native(), t.id()) })
}

// addBinding gives an agent a role on a resource of the kind that Name says, or of any kind. Each fourth ends at a date.
func (c *change) addBinding() (sandbox.Outcome, error) {
	in, places := c.chosen(), c.places()
	if len(in) == 0 || len(places) == 0 {
		return sandbox.Outcome{}, c.none("no agent with a principal, or no resource of the kind in name")
	}
	for range 20 { // most agents lack most roles
		t, g := c.any(in), places[c.Rand.Pick(len(places))]
		member, role := t.member(c.state), rolesOn[g.kind][c.Rand.Pick(len(rolesOn[g.kind]))]
		if p := c.Policies[g.key]; p != nil && slices.Contains(p.roles(member), role) {
			continue
		}
		var cond *expr
		if c.Rand.Chance(0.25) {
			cond = untilTime(c.now.AddDate(0, 3, 0).Truncate(24 * time.Hour))
		}
		c.changePolicy(g.key, nil, "ADD", role, member, cond)
		return c.outcome(t.id(), t.title(), role+"@"+g.full, c.now, "%s on %s granted to %q", role, g.full, t.title())
	}
	return sandbox.Outcome{}, c.none("every agent that was tried has the role already")
}

// removeBinding takes a role on a resource of the kind that Name says, or of any, from an agent.
func (c *change) removeBinding() (sandbox.Outcome, error) {
	type held struct {
		ground ground
		role   string
		of     target
	}
	members := map[string]target{}
	for _, t := range c.chosen() {
		members[t.member(c.state)] = t
	}
	var all []held
	for _, g := range c.grounds(c.Name) {
		for _, b := range c.Policies[g.key].Bindings {
			for _, m := range b.Members {
				if t, ok := members[m]; ok {
					all = append(all, held{g, b.Role, t})
				}
			}
		}
	}
	if len(all) == 0 {
		return sandbox.Outcome{}, c.none("no agent has a role on a resource of the kind in name")
	}
	h := all[c.Rand.Pick(len(all))]
	c.changePolicy(h.ground.key, nil, "REMOVE", h.role, h.of.member(c.state), nil)
	return c.outcome(h.of.id(), h.of.title(), h.role+"@"+h.ground.full, c.now, "%s on %s taken from %q", h.role, h.ground.full, h.of.title())
}

// call lets an agent itself make a change: it gives another agent a role in its own project, now and then for a person.
func (c *change) call() (sandbox.Outcome, error) {
	in := slices.DeleteFunc(c.chosen(), func(t target) bool { return t.engine == nil && t.run == nil })
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no engine or Cloud Run service with an agent identity")
	}
	t := c.any(in)
	key, open := projectPolicyKey(t.home(c.state)), []string(nil)
	others := c.holders()
	other, ok := c.lacking(slices.DeleteFunc(others, func(o target) bool { return o.home(c.state) != t.home(c.state) }))
	if ok {
		open = c.open(other.member(c.state), t.home(c.state))
	}
	if len(open) == 0 {
		return sandbox.Outcome{}, c.none("no agent of its project lacks a role")
	}
	role := open[c.Rand.Pick(len(open))]
	c.changePolicy(key, t.itself(c.state, c.Rand.Chance(0.5)), "ADD", role, other.member(c.state), nil)
	return c.outcome(t.id(), t.title(), role+"@"+key, c.now, "agent %q gave %s to %q", t.title(), role, other.title())
}

// redeploy deletes an engine and makes another of the same name: another id, another principal. What the old one was given
// stays behind. So it does with a service account, when the change names one or their kind: the new one has the same e-mail,
// and the old one cannot be restored any more. The outcome's agent is the new one, its key the old one.
func (c *change) redeploy() (sandbox.Outcome, error) {
	in := c.targets(func(t target) bool { return t.engine != nil || t.account != nil && c.Native+c.Agent != "" })
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("only reasoning engines and service accounts are made anew")
	}
	t := c.any(in)
	if a := t.account; a != nil {
		c.deleteAccount(a)
		again := c.addAccount(c.opt, c.now, &account{Project: a.Project, UniqueID: "1" + c.Rand.Digits(20), Email: a.Email, Title: a.Title,
			Description: a.Description, Created: c.now})
		return c.outcome(again.UniqueID, a.Title, a.UniqueID, c.now, "account %s made anew: %s instead of %s", a.Email, again.UniqueID, a.UniqueID)
	}
	old := t.engine
	listed := c.registered(old.name()) != nil
	c.deleteHost(old.name())
	e := c.newEngine(c.opt, c.now, c.project(old.Project), old.Location, old.Title, old.Description, "")
	if listed {
		c.registerEngine(c.now.Add(c.opt.RegistryLag), e)
	}
	return c.outcome(e.name(), e.Title, old.name(), c.now, "engine %q deployed anew: %s instead of %s", e.Title, e.name(), old.name())
}
