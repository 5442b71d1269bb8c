package google

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// jobs name the agents that come later than the seed.
var jobs = []string{"Freight estimator", "Refund checker", "Churn scout", "Payroll explainer", "Supplier onboarding",
	"Incident summarizer", "Access reviewer", "Price watcher", "Claims intake", "Tender reader", "Meeting scribe", "Stock planner"}

// create makes an agent in the governed project: an engine, which Agent Registry picks up, or a service account. Of a
// registry_agent it makes the engine too, and names the registry's entry.
func (c *change) create() (sandbox.Outcome, error) {
	if c.Agent != "" {
		return sandbox.Outcome{}, c.none("Google chooses the ids; leave agent empty")
	}
	native, natives := c.Native, []string{nativeRegistry, nativeEngine, nativeAccount}
	if native == "" {
		native = natives[c.Rand.Pick(len(natives))]
	} else if further := []string{nativeRun, nativeGemini, nativeManaged}; slices.Contains(further, native) {
		return c.createFurther()
	} else if !slices.Contains(natives, native) {
		return sandbox.Outcome{}, c.none("want one of " + strings.Join(natives, ", "))
	}
	name := c.Name
	if name == "" {
		name = fmt.Sprintf("%s %d", jobs[c.Rand.Pick(len(jobs))], c.Serial)
	}
	text := "Made by " + c.Admin
	p := c.Projects[governed]
	if native == nativeAccount {
		a := c.newAccount(c.opt, c.now, p, accountSlug(name), name, text)
		return c.outcome(a.UniqueID, a.Title, "", c.now, "service account %q created", a.Title)
	}
	e := c.newEngine(c.opt, c.now, p, regions[c.Rand.Pick(len(regions))], name, text, "")
	r := c.registerEngine(c.now.Add(c.opt.RegistryLag), e)
	if native == nativeEngine {
		return c.outcome(e.name(), name, "", c.now, "reasoning engine %q created", name)
	}
	return c.outcome(r.urn(), name, "", r.Created, "agent %q created, for Agent Registry to pick up", name)
}

// accountSlug makes an account's key of a name.
func accountSlug(name string) string {
	b := []byte(label(name))
	for i, ch := range b {
		if (ch < 'a' || ch > 'z') && (ch < '0' || ch > '9') {
			b[i] = '-'
		}
	}
	return string(b)
}

// remove deletes a service account, or the host of a registered agent, or an engine and what stands for it.
func (c *change) remove() (sandbox.Outcome, error) {
	in := c.targets(func(target) bool { return true })
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no such agent")
	}
	t := c.any(in)
	id, name, at := t.id(), t.title(), c.now
	switch {
	case t.account != nil:
		c.deleteAccount(t.account)
	case t.engine != nil:
		c.deleteHost(t.engine.name())
	case t.registered != nil:
		c.deleteHost(t.registered.Host)
		at = t.registered.Gone
	default:
		c.removeFurther(t)
	}
	return c.outcome(id, name, "", at, "agent %q deleted", name)
}

// deleteAccount gives the account's bindings the spelling of a deleted member. It can be restored for 30 days.
func (c *change) deleteAccount(a *account) {
	c.accountDeed(c.opt, c.now, a, "DeleteServiceAccount", "serviceAccounts.delete", nil)
	was := a.member()
	a.Deleted = c.now
	c.ix.accountsIn.drop(a.Project, a.UniqueID)
	c.renameMember(was, a.member())
}

// renameMember gives a member another spelling in all policies.
func (c *change) renameMember(from, to string) {
	for _, p := range c.Policies {
		p.rename(from, to)
	}
}

// deleteHost deletes an engine, a Cloud Run service or a registration, for good. The registry's entry goes after the
// lag; bindings of the principal stay behind, as the vendor documents no clean-up.
func (c *change) deleteHost(host string) {
	switch {
	case c.engine(host) != nil:
		c.engineDeed(c.opt, c.now, c.engine(host), "Delete")
		delete(c.Policies, enginePolicyKey(host))
		c.ix.dropEngine(c.engine(host))
		c.Engines = slices.DeleteFunc(c.Engines, func(e *engine) bool { return e.name() == host })
	case c.run(host) != nil:
		c.runDeed(c.opt, c.now, c.run(host), "Delete")
		delete(c.Policies, runPolicyKey(host))
		delete(c.ix.runs, host)
		c.Runs = slices.DeleteFunc(c.Runs, func(r *runService) bool { return r.host() == host })
	case c.manual(host) != nil:
		c.manualDeed(c.opt, c.now, c.manual(host), "Delete")
		delete(c.ix.manuals, host)
		c.Manual = slices.DeleteFunc(c.Manual, func(m *manual) bool { return m.host() == host })
	}
	if r := c.registered(host); r != nil {
		r.Gone = c.now.Add(c.opt.RegistryLag)
		delete(c.ix.registered, host)
	}
	c.Registered = slices.DeleteFunc(c.Registered, func(r *registered) bool {
		old := !r.Gone.IsZero() && c.now.Sub(r.Gone) > time.Hour // nobody sees it any more
		if old {
			c.ix.registeredIn.drop(r.Project+"/"+r.Location, r.ID)
		}
		return old
	})
}

// rename gives an account or a host another display name; the registry follows its host.
func (c *change) rename() (sandbox.Outcome, error) {
	in := c.targets(func(t target) bool {
		named := t.run == nil && t.managed == nil // which have no display name
		return named && (t.registered == nil || t.registered.Service != serviceRun)
	})
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no such agent, or one that has no display name")
	}
	t := c.any(in)
	old, name := t.title(), c.Name
	if name == "" {
		name = fmt.Sprintf("%s %d", jobs[c.Rand.Pick(len(jobs))], c.Serial)
	}
	switch {
	case t.account != nil:
		t.account.Title = cutBytes(name, 100)
		c.accountDeed(c.opt, c.now, t.account, "PatchServiceAccount", "serviceAccounts.update",
			map[string]any{"update_mask": map[string]any{"paths": []string{"display_name"}}})
	case t.engine != nil:
		c.renameHost(t.engine.name(), name)
	case t.gemini != nil:
		t.gemini.Title, t.gemini.Updated = name, c.now
		c.geminiDeed(c.opt, c.now, t.app, t.gemini, "Update")
	default:
		c.renameHost(t.registered.Host, name)
	}
	return c.outcome(t.id(), t.title(), "", c.now, "agent %q renamed to %q", old, t.title())
}

func (c *change) renameHost(host, name string) {
	if m := c.manual(host); m != nil {
		name = cutBytes(name, 63)
		m.Title, m.Updated = name, c.now
		c.manualDeed(c.opt, c.now, m, "Update")
	}
	if e := c.engine(host); e != nil {
		e.Title, e.Updated = name, c.now
		e.Revision++
		c.engineDeed(c.opt, c.now, e, "Update")
	}
	if r := c.registered(host); r != nil {
		r.Title, r.Updated = name, c.now
	}
}
