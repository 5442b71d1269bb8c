package roster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// at is where an identity is: the key of the fold's state.
type at struct{ tenant, connection, holder string }

func (a at) compare(b at) int {
	return cmp.Or(strings.Compare(a.tenant, b.tenant), strings.Compare(a.connection, b.connection), strings.Compare(a.holder, b.holder))
}

// Roster is the fold. It implements [projections.Projection].
type Roster struct {
	identities map[at]*Identity
	coverage   map[string]*Coverage // by document key
	links      *links

	// home is the id of the agent document that an agent identity lies in now; of others there is none.
	home map[at]string

	// dirty are the documents that changed since the last Drain, each with how to make its body; a nil body: it is gone.
	dirty map[string]func() ([]byte, error)
}

// New makes an empty roster.
func New() projections.Projection { return newRoster() }

func newRoster() *Roster {
	return &Roster{
		identities: map[at]*Identity{}, coverage: map[string]*Coverage{}, links: newLinks(),
		home: map[at]string{}, dirty: map[string]func() ([]byte, error){},
	}
}

// Load implements [projections.Projection].
func (r *Roster) Load(d projections.Document) error {
	switch {
	case strings.HasPrefix(d.Key, coveragePrefix+"."):
		c := new(Coverage)
		r.coverage[d.Key] = c
		return events.Unmarshal(d.Body, c)
	case strings.HasPrefix(d.Key, holdersPrefix+"."):
		i := new(Identity)
		if err := events.Unmarshal(d.Body, i); err != nil {
			return err
		}
		r.identities[i.at()] = i
		return nil
	}
	var a Agent
	if err := events.Unmarshal(d.Body, &a); err != nil {
		return err
	}
	for _, i := range a.Identities {
		r.identities[i.at()], r.home[i.at()] = &i, a.ID
		r.links.set(i.at(), linking(&i))
	}
	return nil
}

// Apply implements [projections.Projection].
func (r *Roster) Apply(m events.Message) error {
	ref := m.Event.Ref()
	where := at{m.Event.Tenant, m.Event.Connection, ref.Holder}
	switch {
	case ref.Kind == events.KindCoverage:
		r.cover(&m)
		return nil
	case ref.Holder == events.ConnectionHolder:
		return nil
	}
	i := r.identities[where]
	if i == nil {
		if ref.Kind == events.KindActivity {
			return nil // what acts without being known to exist is no agent yet
		}
		i = &Identity{Tenant: where.tenant, Connection: where.connection, Holder: where.holder}
		r.identities[where] = i
	}
	if m.Position.Sequence <= i.Sequence {
		return nil
	}
	i.apply(&m)
	r.regroup(where)
	return nil
}

func (r *Roster) cover(m *events.Message) {
	e := &m.Event
	c := &Coverage{Tenant: e.Tenant, Connection: e.Connection, Coverage: *e.Data.Entity.Coverage, Since: e.Time, Sequence: m.Position.Sequence}
	key := projections.Key(coveragePrefix, e.Tenant, e.Connection, c.Feed)
	if old := r.coverage[key]; old != nil && old.Sequence >= c.Sequence {
		return
	}
	if !e.Live() {
		delete(r.coverage, key)
		r.drop(key)
		return
	}
	r.coverage[key] = c
	r.put(key, func() ([]byte, error) { return events.Marshal(c) })
}

// put notes that a document is to be written; its body is made when the batch is drained, once.
func (r *Roster) put(key string, body func() ([]byte, error)) { r.dirty[key] = body }

func (r *Roster) drop(key string) {
	r.dirty[key] = func() ([]byte, error) { return nil, nil }
}

// Dirty implements [projections.Projection].
func (r *Roster) Dirty() int { return len(r.dirty) }

// Drain implements [projections.Projection].
func (r *Roster) Drain() ([]projections.Document, error) {
	docs := make([]projections.Document, 0, len(r.dirty))
	for _, key := range slices.Sorted(maps.Keys(r.dirty)) {
		body, err := r.dirty[key]()
		if err != nil {
			return nil, fmt.Errorf("document %s: %w", key, err)
		}
		docs = append(docs, projections.Document{Key: key, Body: body})
	}
	clear(r.dirty)
	return docs, nil
}
