package google

// index finds things by name without a walk through all of them, since a list asks for the host of each entry. It is
// derived from the state: kept up by the builders and the deletions, and built anew after a restore.
type index struct {
	engines    map[string]*engine     // by resource name
	runs       map[string]*runService // by host
	manuals    map[string]*manual     // by host
	registered map[string]*registered // by host; entries that are to go are not in it
	accounts   map[string]*account    // by e-mail and by unique id
}

func (s *state) reindex() {
	s.ix = index{map[string]*engine{}, map[string]*runService{}, map[string]*manual{}, map[string]*registered{},
		map[string]*account{}}
	for _, e := range s.Engines {
		s.ix.engines[e.name()] = e
	}
	for _, r := range s.Runs {
		s.ix.runs[r.host()] = r
	}
	for _, m := range s.Manual {
		s.ix.manuals[m.host()] = m
	}
	for _, r := range s.Registered {
		if r.Gone.IsZero() {
			s.ix.registered[r.Host] = r
		}
	}
	for _, a := range s.Accounts {
		s.ix.add(a)
	}
}

func (x index) add(a *account) { x.accounts[a.Email], x.accounts[a.UniqueID] = a, a }

func (s *state) engine(name string) *engine { return s.ix.engines[name] }

func (s *state) run(host string) *runService { return s.ix.runs[host] }

func (s *state) manual(host string) *manual { return s.ix.manuals[host] }

// registered is the registry's entry for a host; nil when there is none, or none that will stay.
func (s *state) registered(host string) *registered { return s.ix.registered[host] }

// account is an account by e-mail or unique id, a deleted one included.
func (s *state) account(id string) *account { return s.ix.accounts[id] }
