package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// Store is where the roster's documents are read: a [projections.Bucket].
type Store interface {
	Get(ctx context.Context, key string) (projections.Document, error)
	List(ctx context.Context, pattern string) iter.Seq2[projections.Document, error]
}

// Reader answers questions from the view.
type Reader struct{ Store Store }

// Agents lists the agents of a tenant, or of all tenants, ordered by name. Pointers from retired ids are left out.
func (r Reader) Agents(ctx context.Context, tenant string) ([]Agent, error) {
	var out []Agent
	err := each(ctx, r.Store, AgentsPattern(tenant), func(a *Agent) {
		if a.Successor == "" {
			out = append(out, *a)
		}
	})
	sort.Slice(out, func(i, j int) bool {
		a, b := &out[i], &out[j]
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID)) < 0
	})
	return out, err
}

// WithStatus are the agents that have a status; the empty status selects all.
func WithStatus(agents []Agent, status string) []Agent {
	if status == "" {
		return agents
	}
	return slices.DeleteFunc(agents, func(a Agent) bool { return string(a.Status) != status })
}

// Coverage lists what the feeds of a tenant's connections can see, ordered by connection and feed.
func (r Reader) Coverage(ctx context.Context, tenant string) ([]Coverage, error) {
	var out []Coverage
	err := each(ctx, r.Store, CoveragePattern(tenant), func(c *Coverage) { out = append(out, *c) })
	sort.Slice(out, func(i, j int) bool {
		a, b := &out[i], &out[j]
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Connection, b.Connection), cmp.Compare(a.Feed, b.Feed)) < 0
	})
	return out, err
}

// Person reads the document of a person or blueprint; nil when the view knows nothing of it.
func (r Reader) Person(ctx context.Context, tenant, connection, id string) (*Identity, error) {
	d, err := r.Store.Get(ctx, HolderKey(tenant, connection, id))
	if errors.Is(err, projections.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	i := new(Identity)
	return i, decode(d, i)
}

// Holders lists persons, blueprints and whatever else of a tenant is no agent.
func (r Reader) Holders(ctx context.Context, tenant string) ([]Identity, error) {
	var out []Identity
	err := each(ctx, r.Store, HoldersPattern(tenant), func(i *Identity) { out = append(out, *i) })
	return out, err
}

// ErrNoAgent says that no agent fits what was asked for.
var ErrNoAgent = errors.New("no such agent")

// AmbiguousError says that what was asked for fits several agents.
type AmbiguousError struct {
	What string
	Fit  []Agent
}

func (e *AmbiguousError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q fits %d agents: use an id", e.What, len(e.Fit))
	for _, a := range e.Fit[:min(len(e.Fit), 10)] {
		fmt.Fprintf(&b, "\n  %s  %s", a.ID, a.Name)
	}
	return b.String()
}

// Find finds the one agent that a person means: by its id or the beginning of it, by a retired id, by a vendor's id, by another
// identifier, or by its name or that of one of its identities.
func (r Reader) Find(ctx context.Context, tenant, what string) (Agent, error) {
	byID := map[string]*Agent{}
	var all []*Agent
	err := each(ctx, r.Store, AgentsPattern(tenant), func(a *Agent) { all = append(all, a); byID[a.Tenant+"/"+a.ID] = a })
	if err != nil {
		return Agent{}, err
	}
	for _, fits := range []func(*Agent) bool{
		func(a *Agent) bool { return a.ID == what },
		func(a *Agent) bool { return a.knows(what) },
		func(a *Agent) bool { return strings.EqualFold(a.Name, what) },
		func(a *Agent) bool {
			return slices.ContainsFunc(a.Identities, func(i Identity) bool { return strings.EqualFold(i.Agent.Name, what) })
		},
		func(a *Agent) bool {
			return len(what) >= 4 && (strings.HasPrefix(a.ID, what) || strings.HasPrefix(a.ID, "agt_"+what))
		},
	} {
		found := map[string]*Agent{}
		for _, a := range all {
			if fits(a) {
				live := follow(byID, a)
				found[live.Tenant+"/"+live.ID] = live
			}
		}
		if len(found) == 1 {
			for _, a := range found {
				return *a, nil
			}
		}
		if len(found) > 1 {
			return Agent{}, ambiguous(what, found)
		}
	}
	return Agent{}, fmt.Errorf("%w as %q: `rollcall agents` lists them", ErrNoAgent, what)
}

func ambiguous(what string, found map[string]*Agent) error {
	e := &AmbiguousError{What: what}
	for _, a := range found {
		e.Fit = append(e.Fit, *a)
	}
	sort.Slice(e.Fit, func(i, j int) bool { return e.Fit[i].ID < e.Fit[j].ID })
	return e
}

// follow goes from a retired id to the agent that it belongs to now.
func follow(byID map[string]*Agent, a *Agent) *Agent {
	for range 100 { // a chain of merges is short; a cycle would be a defect
		next := byID[a.Tenant+"/"+a.Successor]
		if a.Successor == "" || next == nil {
			return a
		}
		a = next
	}
	return a
}

// knows reports whether one of the agent's identities is known by this id.
func (a *Agent) knows(id string) bool {
	return slices.ContainsFunc(a.Identities, func(i Identity) bool {
		return i.Holder == id || slices.ContainsFunc(i.Agent.Identifiers, func(n events.Identifier) bool { return n.Value == id })
	})
}

func each[T any](ctx context.Context, s Store, pattern string, visit func(*T)) error {
	for d, err := range s.List(ctx, pattern) {
		if err != nil {
			return fmt.Errorf("reading the roster: %w", err)
		}
		v := new(T)
		if err := decode(d, v); err != nil {
			return err
		}
		visit(v)
	}
	return nil
}

func decode(d projections.Document, v any) error {
	if err := events.Unmarshal(d.Body, v); err != nil {
		return fmt.Errorf("document %s of the roster: %w", d.Key, err)
	}
	return nil
}
