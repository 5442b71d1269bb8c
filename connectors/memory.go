package connectors

import (
	"crypto/sha256"

	"github.com/rollcallhq/rollcall/events"
)

// recentSize bounds how many activities are remembered, and twice how many tombstones of unknown entities.
const recentSize = 1 << 16

// recent remembers the ids of the activities appended last, at most [recentSize].
type recent struct {
	ids  map[digest]struct{}
	ring []digest
	next int
}

func activityKey(id string) digest {
	sum := sha256.Sum256([]byte(id))
	return digest(sum[:16])
}

func (r *recent) has(id string) bool {
	_, ok := r.ids[activityKey(id)]
	return ok
}

func (r *recent) add(id string) {
	k := activityKey(id)
	if r.ids == nil {
		r.ids = map[digest]struct{}{}
	}
	if _, ok := r.ids[k]; ok {
		return
	}
	r.ids[k] = struct{}{}
	if len(r.ring) < recentSize {
		r.ring = append(r.ring, k)
		return
	}
	delete(r.ids, r.ring[r.next])
	r.ring[r.next] = k
	r.next = (r.next + 1) % recentSize
}

// ghosts remembers tombstones of entities that nobody knew, so that a page that was asked for before such a tombstone does not
// bring its entity to life. It keeps the last [recentSize] to twice as many.
type ghosts struct {
	young, old map[events.Ref]moment
}

func (g *ghosts) add(ref events.Ref, asked moment) {
	if g.young == nil {
		g.young = map[events.Ref]moment{}
	}
	if len(g.young) >= recentSize {
		g.young, g.old = map[events.Ref]moment{}, g.young
	}
	g.young[ref] = max(asked, g.of(ref))
}

// of is when the latest tombstone of ref was asked for, or unasked.
func (g *ghosts) of(ref events.Ref) moment {
	if m, ok := g.young[ref]; ok {
		return m
	}
	if m, ok := g.old[ref]; ok {
		return m
	}
	return unasked
}
