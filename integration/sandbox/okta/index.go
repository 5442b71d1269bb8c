package okta

import (
	"slices"
	"strings"
)

// index finds what an org may have thousands of. It is made of the lists, so it is not saved.
type index struct {
	agents map[string]*agent
	apps   map[string]*app
	users  map[string]*user // by id, login and company key
}

// reindex makes the index anew.
func (st *state) reindex() {
	st.ids = index{agents: map[string]*agent{}, apps: map[string]*app{}, users: map[string]*user{}}
	for _, a := range st.Agents {
		st.ids.agents[a.ID] = a
	}
	for _, a := range st.Apps {
		st.ids.apps[a.ID] = a
	}
	for _, u := range st.Users {
		st.ids.addUser(u)
	}
}

func (x index) addUser(u *user) { x.users[u.ID], x.users[u.Email], x.users[u.Key] = u, u, u }

func (st *state) addAgent(a *agent) {
	st.Agents = append(st.Agents, a)
	st.ids.agents[a.ID] = a
}

func (st *state) dropAgent(a *agent) {
	st.Agents = without(st.Agents, a)
	delete(st.ids.agents, a.ID)
}

func (st *state) addApp(a *app) {
	st.Apps = append(st.Apps, a)
	st.ids.apps[a.ID] = a
}

func (st *state) dropApp(a *app) {
	st.Apps = without(st.Apps, a)
	delete(st.ids.apps, a.ID)
}

func (st *state) addUser(u *user) {
	st.Users = append(st.Users, u)
	st.ids.addUser(u)
}

func (st *state) agent(id string) *agent { return st.ids.agents[id] }

// byORN finds an agent by its ORN.
func (st *state) byORN(orn string) *agent {
	if a := st.agent(orn[strings.LastIndex(orn, ":")+1:]); a != nil && st.agentORN(a.ID) == orn {
		return a
	}
	return nil
}

// candidates are the agents that a filter can mean: all, or the one whose ORN it names.
func (c *call) candidates(attr string) []*agent {
	orn, only := c.pinned("filter", attr)
	if !only {
		return c.st.Agents
	}
	if a := c.st.byORN(orn); a != nil {
		return []*agent{a}
	}
	return nil
}

func (st *state) app(id string) *app { return st.ids.apps[id] }

// user finds a person by id, login or company key.
func (st *state) user(id string) *user { return st.ids.users[id] }

func (st *state) group(id string) *group {
	return find(st.Groups, func(g *group) bool { return g.ID == id || g.Key == id })
}

func (st *state) server(id string) *authServer {
	return find(st.Servers, func(a *authServer) bool { return a.ID == id })
}

// find returns the first that fits, or nil.
func find[T any](list []*T, fits func(*T) bool) *T {
	for _, v := range list {
		if fits(v) {
			return v
		}
	}
	return nil
}

func without[T comparable](list []T, v T) []T {
	return slices.DeleteFunc(list, func(w T) bool { return w == v })
}
