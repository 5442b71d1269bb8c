package google

import (
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// maxKeys is how many user-managed keys an account may have.
const maxKeys = 10

func (c *change) disable() (sandbox.Outcome, error) { return c.setDisabled(true) }

func (c *change) enable() (sandbox.Outcome, error) { return c.setDisabled(false) }

func (c *change) setDisabled(off bool) (sandbox.Outcome, error) {
	in := c.targets(func(t target) bool {
		return t.account != nil && t.account.Disabled != off || t.gemini != nil && t.gemini.off() != off ||
			t.managed != nil && t.managed.Disabled != off
	})
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no service account is in the other state; nothing else has one")
	}
	t := c.any(in)
	if t.account == nil {
		return c.switchFurther(t, off)
	}
	a := t.account
	a.Disabled = off
	method, permission, verb := "EnableServiceAccount", "serviceAccounts.enable", "enabled"
	if off {
		method, permission, verb = "DisableServiceAccount", "serviceAccounts.disable", "disabled"
	}
	c.accountDeed(c.opt, c.now, a, method, permission, nil)
	return c.outcome(a.UniqueID, a.Title, "", c.now, "service account %q %s", a.Title, verb)
}

// deleted are the accounts in the trash that the change may be about.
func (c *change) deleted(fits func(*account) bool) []*account {
	var out []*account
	for _, a := range c.Accounts {
		if !a.Deleted.IsZero() && c.wants(nativeAccount, a.UniqueID) && fits(a) {
			out = append(out, a)
		}
	}
	return out
}

// undelete brings a service account back, with its unique id, keys and bindings.
func (c *change) undelete() (sandbox.Outcome, error) {
	if c.Native == nativeManaged || strings.Contains(c.Agent, "/managedIdentities/") {
		return c.undeleteManaged()
	}
	in := c.deleted(func(a *account) bool { return c.now.Sub(a.Deleted) < retention && c.account(a.Email) == a })
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no service account was deleted in the last 30 days; engines do not come back")
	}
	a := in[c.Rand.Pick(len(in))]
	was := a.member()
	a.Deleted = time.Time{}
	c.ix.add(a)
	c.renameMember(was, a.member())
	c.accountDeed(c.opt, c.now, a, "UndeleteServiceAccount", "serviceAccounts.undelete", nil)
	return c.outcome(a.UniqueID, a.Title, "", c.now, "service account %q restored", a.Title)
}

// purge forgets a deleted service account, as Google does after 30 days, without a log entry.
func (c *change) purge() (sandbox.Outcome, error) {
	in := c.deleted(func(*account) bool { return true })
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no deleted service account; engines are gone for good at once")
	}
	a := in[c.Rand.Pick(len(in))]
	c.Accounts = slices.DeleteFunc(c.Accounts, func(b *account) bool { return b == a })
	delete(c.ix.accounts, a.UniqueID)
	if c.account(a.Email) == a {
		delete(c.ix.accounts, a.Email)
		for _, b := range c.Accounts { // one that had the e-mail before
			if b.Email == a.Email {
				c.ix.accounts[a.Email] = b
			}
		}
	}
	delete(c.Policies, accountPolicyKey(a.UniqueID))
	return c.outcome(a.UniqueID, a.Title, "", c.now, "service account %q purged", a.Title)
}

func (c *change) addKey() (sandbox.Outcome, error) {
	in := c.targets(func(t target) bool { return t.account != nil && len(t.account.Keys) < maxKeys })
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no service account with room for a key; nothing else has keys")
	}
	a := c.any(in).account
	before := never
	if c.Rand.Chance(0.5) {
		before = c.now.AddDate(0, 0, 10+c.Rand.Pick(170)).Truncate(time.Second)
	}
	k := c.newKey(c.opt, a, c.now.Truncate(time.Second), before)
	return c.outcome(a.UniqueID, a.Title, k.ID, c.now, "key %s added to %q", k.ID, a.Title)
}

func (c *change) removeKey() (sandbox.Outcome, error) {
	in := c.targets(func(t target) bool { return t.account != nil && len(t.account.Keys) > 0 })
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no service account with a user-managed key")
	}
	a := c.any(in).account
	i := c.Rand.Pick(len(a.Keys))
	k := a.Keys[i]
	a.Keys = slices.Delete(a.Keys, i, i+1)
	c.keyDeed(c.opt, c.now, a, k, "DeleteServiceAccountKey", "serviceAccountKeys.delete")
	return c.outcome(a.UniqueID, a.Title, k.ID, c.now, "key %s of %q deleted", k.ID, a.Title)
}

// disableKey disables a key: on request, or since Google found it in public.
func (c *change) disableKey() (sandbox.Outcome, error) { return c.setKey(true) }

func (c *change) enableKey() (sandbox.Outcome, error) { return c.setKey(false) }

func (c *change) setKey(off bool) (sandbox.Outcome, error) {
	fits := func(k *accountKey) bool { return k.Disabled != off }
	in := c.targets(func(t target) bool { return t.account != nil && slices.ContainsFunc(t.account.Keys, fits) })
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no user-managed key is in the other state")
	}
	a := c.any(in).account
	k := a.Keys[slices.IndexFunc(a.Keys, fits)]
	k.Disabled, k.Reason = off, ""
	method, permission, verb := "EnableServiceAccountKey", "serviceAccountKeys.enable", "enabled"
	if off {
		method, permission, verb = "DisableServiceAccountKey", "serviceAccountKeys.disable", "disabled"
		k.Reason = []string{"SERVICE_ACCOUNT_KEY_DISABLE_REASON_USER_INITIATED", "SERVICE_ACCOUNT_KEY_DISABLE_REASON_EXPOSED"}[c.Rand.Pick(2)]
	}
	c.keyDeed(c.opt, c.now, a, k, method, permission)
	return c.outcome(a.UniqueID, a.Title, k.ID, c.now, "key %s of %q %s", k.ID, a.Title, verb)
}

// addGrant gives an agent a role in a project that it does not have there yet: mostly its own, sometimes until a date.
func (c *change) addGrant() (sandbox.Outcome, error) {
	in := c.targets(func(t target) bool { return t.member(c.state) != "" })
	t, ok := c.lacking(in)
	if !ok {
		return sandbox.Outcome{}, c.none("no agent with an identity of its own that lacks a role")
	}
	member, project := t.member(c.state), t.home(c.state)
	if other := c.Projects[c.Rand.Pick(len(c.Projects))].ProjectID; len(c.open(member, other)) > 0 && c.Rand.Chance(0.25) {
		project = other
	}
	open := c.open(member, project)
	role, cond := open[c.Rand.Pick(len(open))], (*expr)(nil)
	if c.Rand.Chance(0.25) {
		cond = untilTime(c.now.AddDate(0, 3, 0).Truncate(24 * time.Hour))
	}
	c.changePolicy(projectPolicyKey(project), nil, "ADD", role, member, cond)
	return c.outcome(t.id(), t.title(), grantKey(role, project), c.now, "%s in %s granted to %q", role, project, t.title())
}

// lacking picks an agent that lacks a role in its own project. It begins anywhere and takes the first, since looking
// through the policy for each agent takes long in a large company.
func (c *change) lacking(in []target) (target, bool) {
	if len(in) == 0 {
		return target{}, false
	}
	start := c.Rand.Pick(len(in))
	for i := range in {
		if t := in[(start+i)%len(in)]; len(c.open(t.member(c.state), t.home(c.state))) > 0 {
			return t, true
		}
	}
	return target{}, false
}

// open are the roles that a member lacks in a project.
func (c *change) open(member, project string) []string {
	has := c.Policies[projectPolicyKey(project)].roles(member)
	return slices.DeleteFunc(slices.Clone(roles), func(r string) bool { return slices.Contains(has, r) })
}

// removeGrant takes a role away from an agent.
func (c *change) removeGrant() (sandbox.Outcome, error) {
	held := c.held()
	in := c.targets(func(t target) bool { return len(held[t.member(c.state)]) > 0 })
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no agent with a role in a project")
	}
	t := c.any(in)
	member := t.member(c.state)
	keys := held.of(member)
	key := keys[c.Rand.Pick(len(keys))]
	for _, p := range c.Projects {
		policy := c.Policies[projectPolicyKey(p.ProjectID)]
		for _, role := range policy.roles(member) {
			if grantKey(role, p.ProjectID) == key {
				c.changePolicy(projectPolicyKey(p.ProjectID), nil, "REMOVE", role, member, nil)
			}
		}
	}
	return c.outcome(t.id(), t.title(), key, c.now, "%s taken from %q", key, t.title())
}
