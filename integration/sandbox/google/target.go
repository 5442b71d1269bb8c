package google

// target is the agent of a change: exactly one of its fields is set, but for gemini, which comes with its app.
type target struct {
	registered *registered
	engine     *engine
	account    *account
	run        *runService
	gemini     *geminiAgent
	app        *geminiApp
	managed    *managedIdentity
}

// targets are the agents that a change may be about, of those that fits accepts. Those of the further kinds are among them
// only when the change names their kind or one of them.
func (c *change) targets(fits func(target) bool) []target {
	var out []target
	add := func(t target) {
		if c.wants(t.native(), t.id()) && fits(t) {
			out = append(out, t)
		}
	}
	for _, r := range c.Registered {
		if r.Gone.IsZero() && r.shown(c.now) {
			add(target{registered: r})
		}
	}
	for _, e := range c.Engines {
		add(target{engine: e})
	}
	for _, a := range c.Accounts {
		if a.Deleted.IsZero() {
			add(target{account: a})
		}
	}
	if c.Native != "" || c.Agent != "" {
		for _, t := range c.further() {
			add(t)
		}
	}
	return out
}

// further are the agents of the further kinds, deleted ones left out.
func (s *state) further() (out []target) {
	for _, r := range s.Runs {
		if !r.Plain {
			out = append(out, target{run: r})
		}
	}
	for _, a := range s.Apps {
		for _, g := range a.Agents {
			out = append(out, target{gemini: g, app: a})
		}
	}
	for _, m := range s.Managed {
		if m.Deleted.IsZero() {
			out = append(out, target{managed: m})
		}
	}
	return out
}

// holders are the agents that have a principal of their own.
func (s *state) holders() (out []target) {
	for _, e := range s.Engines {
		if e.principal(s) != "" {
			out = append(out, target{engine: e})
		}
	}
	for _, a := range s.Accounts {
		if a.Deleted.IsZero() {
			out = append(out, target{account: a})
		}
	}
	for _, t := range s.further() {
		if t.member(s) != "" {
			out = append(out, t)
		}
	}
	return out
}

// any picks one of them with the state's generator.
func (c *change) any(in []target) target { return in[c.Rand.Pick(len(in))] }

func (t target) native() string {
	switch {
	case t.registered != nil:
		return nativeRegistry
	case t.engine != nil:
		return nativeEngine
	case t.run != nil:
		return nativeRun
	case t.gemini != nil:
		return nativeGemini
	case t.managed != nil:
		return nativeManaged
	}
	return nativeAccount
}

func (t target) id() string {
	switch {
	case t.registered != nil:
		return t.registered.urn()
	case t.engine != nil:
		return t.engine.name()
	case t.run != nil:
		return t.run.host()
	case t.gemini != nil:
		return t.app.assistant() + "/agents/" + t.gemini.ID
	case t.managed != nil:
		return t.managed.name()
	}
	return t.account.UniqueID
}

func (t target) title() string {
	switch {
	case t.registered != nil:
		return t.registered.Title
	case t.engine != nil:
		return t.engine.Title
	case t.run != nil:
		return t.run.ID
	case t.gemini != nil:
		return t.gemini.Title
	case t.managed != nil:
		return t.managed.ID
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
	case t.run != nil:
		return t.run.principal(s)
	case t.managed != nil:
		return t.managed.principal()
	case t.registered != nil && t.registered.Service == serviceRun:
		if r := s.run(t.registered.Host); r != nil {
			return r.principal(s)
		}
	}
	return "" // an engine's entry: the principal is the engine's
}

// home is the id of the project that the agent is in.
func (t target) home(s *state) string {
	switch {
	case t.registered != nil:
		return t.registered.Project
	case t.engine != nil:
		return t.engine.Project
	case t.run != nil:
		return t.run.Project
	case t.gemini != nil:
		return s.project(t.app.Number).ProjectID
	case t.managed != nil:
		pool, _ := t.managed.subject()
		return s.project(s.pool(pool).Number).ProjectID
	}
	return t.account.Project
}
