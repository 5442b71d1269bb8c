package google

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// createFurther makes a Cloud Run service with an agent identity, a Gemini Enterprise agent or a managed identity, in the
// governed project.
func (c *change) createFurther() (sandbox.Outcome, error) {
	name, p := c.Name, c.Projects[governed]
	if name == "" {
		name = fmt.Sprintf("%s %d", jobs[c.Rand.Pick(len(jobs))], c.Serial)
	}
	var t target
	switch c.Native {
	case nativeRun:
		t.run = c.newRun(c.opt, c.now, p, regions[c.Rand.Pick(len(regions))], accountSlug(name), "Made by "+c.Admin)
	case nativeGemini:
		if len(c.Apps) == 0 {
			return sandbox.Outcome{}, c.none("no Gemini Enterprise app")
		}
		t.app = c.Apps[0]
		t.gemini = &geminiAgent{ID: c.Rand.Digits(16), Title: name, Text: "Made by " + c.Admin, State: "ENABLED", Scope: "RESTRICTED",
			Created: c.now, Updated: c.now}
		if len(c.Engines) > 0 && c.Rand.Chance(0.5) {
			t.gemini.Engine = c.Engines[c.Rand.Pick(len(c.Engines))].name()
		}
		if n := len(c.Authorizations); n > 0 && c.Serial%2 == 0 {
			t.gemini.ToolAuth = c.Authorizations[c.Serial/2%n].name()
		}
		t.app.Agents = append(t.app.Agents, t.gemini)
		c.geminiDeed(c.opt, c.now, t.app, t.gemini, "Create")
	default:
		if len(c.Namespaces) == 0 {
			return sandbox.Outcome{}, c.none("no namespace")
		}
		t.managed = &managedIdentity{Namespace: c.Namespaces[0].name(), ID: fmt.Sprintf("%.20s-%d", strings.Trim(accountSlug(name), "-"), c.Serial),
			Text: "Made by " + c.Admin}
		c.Managed = append(c.Managed, t.managed)
		c.managedDeed(c.opt, c.now, t.managed, "Create")
	}
	return c.outcome(t.id(), t.title(), "", c.now, "%s %q created", strings.ReplaceAll(t.native(), "_", " "), t.title())
}

// removeFurther deletes one: a managed identity so that it can be restored for 30 days.
func (c *change) removeFurther(t target) {
	switch {
	case t.run != nil:
		c.deleteHost(t.run.host())
	case t.gemini != nil:
		c.geminiDeed(c.opt, c.now, t.app, t.gemini, "Delete")
		t.app.Agents = slices.DeleteFunc(t.app.Agents, func(g *geminiAgent) bool { return g == t.gemini })
	default:
		t.managed.Deleted = c.now
		c.managedDeed(c.opt, c.now, t.managed, "Delete")
	}
}

// off tells whether users are kept from the agent.
func (g *geminiAgent) off() bool { return g.State == "DISABLED" || g.State == "SUSPENDED" }

func (c *change) switchFurther(t target, off bool) (sandbox.Outcome, error) {
	if t.gemini != nil {
		t.gemini.State, t.gemini.Reason, t.gemini.Updated = map[bool]string{true: "DISABLED", false: "ENABLED"}[off], "", c.now
		c.geminiDeed(c.opt, c.now, t.app, t.gemini, "Update")
	} else {
		t.managed.Disabled = off
		c.managedDeed(c.opt, c.now, t.managed, "Update")
	}
	return c.outcome(t.id(), t.title(), "", c.now, "agent %q %s", t.title(), map[bool]string{true: "disabled", false: "enabled"}[off])
}

// suspend takes a Gemini Enterprise agent from its users for a while, with a reason; resume gives it back.
func (c *change) suspend() (sandbox.Outcome, error) { return c.setSuspended(true) }

func (c *change) resume() (sandbox.Outcome, error) { return c.setSuspended(false) }

func (c *change) setSuspended(on bool) (sandbox.Outcome, error) {
	var in []target
	for _, t := range c.further() {
		if t.gemini != nil && c.wants(nativeGemini, t.id()) && (t.gemini.State == "SUSPENDED") != on {
			in = append(in, t)
		}
	}
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no Gemini Enterprise agent is in the other state")
	}
	t := c.any(in)
	t.gemini.State, t.gemini.Reason, t.gemini.Updated = "ENABLED", "", c.now
	if on {
		t.gemini.State, t.gemini.Reason = "SUSPENDED", "policy review"
	}
	c.geminiDeed(c.opt, c.now, t.app, t.gemini, "Update")
	return c.outcome(t.id(), t.title(), "", c.now, "agent %q is %s", t.title(), strings.ToLower(t.gemini.State))
}

func (c *change) undeleteManaged() (sandbox.Outcome, error) {
	var in []target
	for _, m := range c.Managed {
		if !m.Deleted.IsZero() && c.now.Sub(m.Deleted) < retention && c.wants(nativeManaged, m.name()) {
			in = append(in, target{managed: m})
		}
	}
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no managed identity was deleted in the last 30 days")
	}
	t := c.any(in)
	t.managed.Deleted = time.Time{}
	c.managedDeed(c.opt, c.now, t.managed, "Undelete")
	return c.outcome(t.id(), t.title(), "", c.now, "managed identity %q restored", t.title())
}
