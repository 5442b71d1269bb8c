package google

import (
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// change is one mutation on its way. It holds the write lock's state.
type change struct {
	*state
	opt Options
	now time.Time
	sandbox.Change
}

// Mutate makes one change and writes what the vendor would into the audit log. Google has no owners, so owner.add and
// owner.remove always answer [sandbox.ErrNoTarget], and only service accounts can be disabled, enabled and restored.
// A registered agent is deleted and renamed through its host. See the README for the whole table.
func (s *Sandbox) Mutate(ch sandbox.Change) (sandbox.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &change{state: s.st, opt: s.Options, now: s.now(), Change: ch}
	do := map[sandbox.Op]func(*change) (sandbox.Outcome, error){
		sandbox.CreateAgent: (*change).create, sandbox.DeleteAgent: (*change).remove, sandbox.RenameAgent: (*change).rename,
		sandbox.DisableAgent: (*change).disable, sandbox.EnableAgent: (*change).enable,
		sandbox.RestoreAgent: (*change).undelete, sandbox.PurgeAgent: (*change).purge,
		sandbox.AddCredential: (*change).addKey, sandbox.RemoveCredential: (*change).removeKey,
		sandbox.AddGrant: (*change).addGrant, sandbox.RemoveGrant: (*change).removeGrant,
	}[ch.Op]
	if do == nil {
		return sandbox.Outcome{}, c.none("Google has nothing like it")
	}
	return do(c)
}

// none says that nothing fits, and why.
func (c *change) none(why string) error {
	what := string(c.Op)
	if c.Agent != "" {
		what += " of " + c.Agent
	} else if c.Native != "" {
		what += " of a " + c.Native
	}
	return fmt.Errorf("google sandbox: %s: %s: %w", what, why, sandbox.ErrNoTarget)
}

// outcome tells what was done. at is when the API first shows it.
func (c *change) outcome(id, name, key string, at time.Time, format string, args ...any) (sandbox.Outcome, error) {
	return sandbox.Outcome{Op: c.Op, Agent: id, Name: name, Key: key, Text: fmt.Sprintf(format, args...), At: at}, nil
}

// wants reports whether the change may be about an agent.
func (c *change) wants(native, id string) bool {
	return (c.Native == "" || c.Native == native) && (c.Agent == "" || c.Agent == id)
}

// target is the agent of a change: exactly one of its fields is set.
type target struct {
	registered *registered
	engine     *engine
	account    *account
}

// targets are the agents that a change may be about, of those that fits accepts.
func (c *change) targets(fits func(target) bool) []target {
	var out []target
	add := func(native, id string, t target) {
		if c.wants(native, id) && fits(t) {
			out = append(out, t)
		}
	}
	for _, r := range c.Registered {
		if r.Gone.IsZero() && r.shown(c.now) {
			add(nativeRegistry, r.urn(), target{registered: r})
		}
	}
	for _, e := range c.Engines {
		add(nativeEngine, e.name(), target{engine: e})
	}
	for _, a := range c.Accounts {
		if a.Deleted.IsZero() {
			add(nativeAccount, a.UniqueID, target{account: a})
		}
	}
	return out
}

// any picks one of them with the state's generator.
func (c *change) any(in []target) target { return in[c.Rand.Pick(len(in))] }

func (t target) id() string {
	switch {
	case t.registered != nil:
		return t.registered.urn()
	case t.engine != nil:
		return t.engine.name()
	}
	return t.account.UniqueID
}

func (t target) title() string {
	switch {
	case t.registered != nil:
		return t.registered.Title
	case t.engine != nil:
		return t.engine.Title
	}
	return t.account.Title
}

// member is how IAM policies spell the agent's own identity; empty when it has none of its own.
func (t target) member(s *state) string {
	switch {
	case t.engine != nil:
		return t.engine.principal(s)
	case t.account != nil:
		return t.account.member()
	case t.registered.Service == serviceRun:
		if r := s.run(t.registered.Host); r != nil {
			return r.principal(s)
		}
	}
	return "" // an engine's entry: the principal is the engine's
}

// home is the id of the project that the agent is in.
func (t target) home() string {
	switch {
	case t.registered != nil:
		return t.registered.Project
	case t.engine != nil:
		return t.engine.Project
	}
	return t.account.Project
}
