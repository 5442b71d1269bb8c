package google

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// createProvider makes an auth provider of three-legged OAuth in the governed project.
func (c *change) createProvider() (sandbox.Outcome, error) {
	id := fmt.Sprintf("provider-%d", c.Serial)
	a := &authProvider{Project: c.Projects[governed].ProjectID, Location: regions[c.Rand.Pick(len(regions))], ID: id, Kind: "threeLeggedOauth",
		Text: "Made by " + c.Admin, Issuer: "https://" + id + ".idp.example", Scopes: []string{"read", "write"}, Created: c.now, Updated: c.now}
	c.Providers = append(c.Providers, a)
	c.providerDeed(c.opt, c.now, a, "CreateAuthProvider")
	return c.outcome("", id, a.name(), c.now, "auth provider %s created", id)
}

// onProvider changes one of the providers that fit, or the one that Agent names by its resource name.
func (c *change) onProvider(verb string, fits func(*authProvider) bool, do func(*authProvider)) (sandbox.Outcome, error) {
	var in []*authProvider
	for _, p := range c.Providers {
		if fits(p) && (c.Agent == "" || c.Agent == p.name()) {
			in = append(in, p)
		}
	}
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no auth provider is in the other state")
	}
	p := in[c.Rand.Pick(len(in))]
	do(p)
	p.Updated = c.now
	c.providerDeed(c.opt, c.now, p, verb+"AuthProvider")
	return c.outcome("", p.ID, p.name(), c.now, "auth provider %s: %s", p.ID, strings.ToLower(verb))
}

func (c *change) disableProvider() (sandbox.Outcome, error) {
	return c.onProvider("Disable", func(p *authProvider) bool { return !p.Disabled && p.Deleted.IsZero() }, func(p *authProvider) { p.Disabled = true })
}

func (c *change) enableProvider() (sandbox.Outcome, error) {
	return c.onProvider("Enable", func(p *authProvider) bool { return p.Disabled && p.Deleted.IsZero() }, func(p *authProvider) { p.Disabled = false })
}

func (c *change) deleteProvider() (sandbox.Outcome, error) {
	return c.onProvider("Delete", func(p *authProvider) bool { return p.Deleted.IsZero() }, func(p *authProvider) { p.Deleted = c.now })
}

func (c *change) restoreProvider() (sandbox.Outcome, error) {
	return c.onProvider("Undelete", func(p *authProvider) bool { return !p.Deleted.IsZero() && c.now.Sub(p.Deleted) < retention },
		func(p *authProvider) { p.Deleted = time.Time{} })
}

// addConsent lets a person, or the one that Person names by e-mail, consent to a provider of three-legged OAuth, and an agent
// use that at once. The consent itself is no administrator's call and so is not in the log.
func (c *change) addConsent() (sandbox.Outcome, error) {
	in := slices.DeleteFunc(c.chosen(), func(t target) bool { return t.engine == nil && t.run == nil })
	var providers []*authProvider
	for _, p := range c.Providers {
		if p.Kind == "threeLeggedOauth" && p.Deleted.IsZero() && !p.Disabled && len(p.Scopes) > 0 {
			providers = append(providers, p)
		}
	}
	if len(in) == 0 || len(providers) == 0 {
		return sandbox.Outcome{}, c.none("no agent with an identity, or no provider to consent to")
	}
	t, p, user := c.any(in), providers[c.Rand.Pick(len(providers))], c.Person
	if user == "" {
		user = fmt.Sprintf("colleague.%d@%s", c.Rand.Pick(40), c.Domain)
	}
	scopes := slices.Clone(p.Scopes[:1+c.Rand.Pick(len(p.Scopes))])
	own := pick(c.Consents, func(a *consent) bool { return a.Provider == p.name() && a.User == user })
	if own == nil {
		own = &consent{Provider: p.name(), ID: "auth-" + c.hexadecimal(16), User: user, Created: c.now}
		c.Consents = append(c.Consents, own)
	}
	own.Scopes, own.Updated, own.Suspended = merged(own.Scopes, scopes), c.now, false
	hour := c.now.Truncate(time.Hour)
	use := pick(c.Summaries, func(a *accessSummary) bool {
		return a.Provider == p.name() && a.User == user && a.Workload == t.member(c.state)
	})
	if use == nil {
		use = &accessSummary{Project: p.Project, Location: p.Location, ID: "sum-" + c.hexadecimal(16), Provider: p.name(), User: user,
			Workload: t.member(c.state), First: hour}
		c.Summaries = append(c.Summaries, use)
	}
	use.Scopes, use.Last = merged(use.Scopes, scopes), hour
	return c.outcome(t.id(), t.title(), consentKey(use, scopes[0]), c.now, "%s lets %q use %s", user, t.title(), p.ID)
}

// removeConsent revokes all that a person has consented to at a provider. What agents have used of it before stays on record.
// The outcome's agent is one that had used it.
func (c *change) removeConsent() (sandbox.Outcome, error) {
	used := map[string]target{}
	for _, t := range c.chosen() {
		used[t.member(c.state)] = t
	}
	var in []*accessSummary
	for _, a := range c.Summaries {
		p := pick(c.Providers, func(p *authProvider) bool { return p.name() == a.Provider })
		if _, ok := used[a.Workload]; ok && c.standing(a) != " (revoked)" && p != nil && p.Deleted.IsZero() && (c.Person == "" || c.Person == a.User) {
			in = append(in, a)
		}
	}
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no agent has used anybody's consent")
	}
	a := in[c.Rand.Pick(len(in))]
	p := pick(c.Providers, func(p *authProvider) bool { return p.name() == a.Provider })
	t := used[a.Workload]
	c.Consents = slices.DeleteFunc(c.Consents, func(x *consent) bool { return x.Provider == a.Provider && x.User == a.User })
	c.providerDeed(c.opt, c.now, p, "RevokeAuthorization")
	return c.outcome(t.id(), t.title(), a.User+"@"+a.Provider, c.now, "%s revoked what they let agents do with %s", a.User, p.ID)
}

// merged are the scopes of both, sorted.
func merged(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// connect lets an agent of the registry call another, half of the time with what people have delegated to a provider.
func (c *change) connect() (sandbox.Outcome, error) {
	in := c.targets(func(t target) bool { return t.registered != nil })
	all := (&change{state: c.state, now: c.now}).targets(func(t target) bool { return t.registered != nil })
	if len(in) == 0 || len(all) < 2 {
		return sandbox.Outcome{}, c.none("no two agents in the registry")
	}
	from, to := c.any(in).registered, all[c.Rand.Pick(len(all))].registered
	if from == to {
		to = all[(slices.IndexFunc(all, func(t target) bool { return t.registered == from })+1)%len(all)].registered
	}
	b := &registryBinding{Project: from.Project, Location: from.Location, ID: "binding-" + c.hexadecimal(12),
		Title: cutBytes(from.Title+" calls "+to.Title, 63), Source: from.urn(), Target: to.urn(), Created: c.now}
	if len(c.Providers) > 0 && c.Rand.Chance(0.5) {
		p := c.Providers[c.Rand.Pick(len(c.Providers))]
		b.Provider, b.Scopes = p.name(), p.Scopes
	}
	c.Bindings = append(c.Bindings, b)
	c.bindingDeed(c.opt, c.now, b, "Create")
	return c.outcome(from.urn(), from.Title, b.name(), c.now, "%q may call %q", from.Title, to.Title)
}

func (c *change) disconnect() (sandbox.Outcome, error) {
	var in []int
	for i, b := range c.Bindings {
		if c.Agent == "" || c.Agent == b.Source {
			in = append(in, i)
		}
	}
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no agent may call another")
	}
	i := in[c.Rand.Pick(len(in))]
	b := c.Bindings[i]
	c.Bindings = slices.Delete(c.Bindings, i, i+1)
	c.bindingDeed(c.opt, c.now, b, "Delete")
	return c.outcome(b.Source, b.Title, b.name(), c.now, "no longer: %s", b.Title)
}
