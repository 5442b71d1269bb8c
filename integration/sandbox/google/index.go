package google

import (
	"slices"
	"strings"
)

// index finds things by name without a walk through all of them, and has the long lists sorted, so that a page costs what
// it holds however large the organization. It is derived from the state: kept up by the builders and the deletions, and
// built anew after a restore.
type index struct {
	projects   map[string]*project    // by id and by number
	engines    map[string]*engine     // by resource name
	runs       map[string]*runService // by host
	manuals    map[string]*manual     // by host
	registered map[string]*registered // by host; entries that are to go are not in it
	accounts   map[string]*account    // by e-mail and by unique id

	accountsIn   shelf[*account]    // by project; deleted ones are not in it
	enginesIn    shelf[*engine]     // by project and location
	registeredIn shelf[*registered] // by project and location; those that are to go are
	log          []item[*logEntry]  // nil while the past is being made up
}

// shelf has the things of each list, sorted by the list's key.
type shelf[E any] map[string][]item[E]

func (s shelf[E]) put(list, key string, e E) { s[list] = insert(s[list], key, e) }

func (s shelf[E]) drop(list, key string) {
	if i, found := seek(s[list], key); found {
		s[list] = slices.Delete(s[list], i, i+1)
	}
}

// seek finds where a key is in a sorted list, or where it would be.
func seek[E any](in []item[E], key string) (int, bool) {
	return slices.BinarySearchFunc(in, key, func(it item[E], key string) int { return strings.Compare(it.key, key) })
}

func insert[E any](in []item[E], key string, e E) []item[E] {
	i, found := seek(in, key)
	if found {
		in[i].of = e
		return in
	}
	return slices.Insert(in, i, item[E]{key, e})
}

func (s *state) reindex() {
	s.ix = index{map[string]*project{}, map[string]*engine{}, map[string]*runService{}, map[string]*manual{},
		map[string]*registered{}, map[string]*account{}, shelf[*account]{}, shelf[*engine]{}, shelf[*registered]{}, nil}
	for _, p := range s.Projects {
		s.ix.addProject(p)
	}
	for _, e := range s.Engines {
		s.ix.addEngine(e)
	}
	for _, r := range s.Runs {
		s.ix.runs[r.host()] = r
	}
	for _, m := range s.Manual {
		s.ix.manuals[m.host()] = m
	}
	for _, r := range s.Registered {
		s.ix.addRegistered(r)
	}
	for _, a := range s.Accounts {
		s.ix.add(a)
	}
}

// indexLog sorts the log, which is only added to in order.
func (s *state) indexLog() {
	s.ix.log = make([]item[*logEntry], 0, len(s.Log))
	for _, l := range s.Log {
		s.ix.log = append(s.ix.log, item[*logEntry]{l.key(), l})
	}
	slices.SortFunc(s.ix.log, func(a, b item[*logEntry]) int { return strings.Compare(a.key, b.key) })
}

func (x index) addProject(p *project) { x.projects[p.ProjectID], x.projects[p.Number] = p, p }

func (x index) add(a *account) {
	x.accounts[a.Email], x.accounts[a.UniqueID] = a, a
	if a.Deleted.IsZero() {
		x.accountsIn.put(a.Project, a.UniqueID, a)
	}
}

func (x index) addEngine(e *engine) {
	x.engines[e.name()] = e
	x.enginesIn.put(e.Project+"/"+e.Location, e.ID, e)
}

func (x index) dropEngine(e *engine) {
	delete(x.engines, e.name())
	x.enginesIn.drop(e.Project+"/"+e.Location, e.ID)
}

func (x index) addRegistered(r *registered) {
	if r.Gone.IsZero() {
		x.registered[r.Host] = r
	}
	x.registeredIn.put(r.Project+"/"+r.Location, r.ID, r)
}

// project finds a project by id or by number.
func (s *state) project(id string) *project { return s.ix.projects[id] }

func (s *state) engine(name string) *engine { return s.ix.engines[name] }

func (s *state) run(host string) *runService { return s.ix.runs[host] }

func (s *state) manual(host string) *manual { return s.ix.manuals[host] }

// registered is the registry's entry for a host; nil when there is none, or none that will stay.
func (s *state) registered(host string) *registered { return s.ix.registered[host] }

// account is an account by e-mail or unique id, a deleted one included.
func (s *state) account(id string) *account { return s.ix.accounts[id] }
