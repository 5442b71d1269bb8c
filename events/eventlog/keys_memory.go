package eventlog

import (
	"context"
	"sync"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// MemoryKeys are keys in this process's memory, the twin of [Keys] for a log in memory.
type MemoryKeys struct {
	mu   sync.Mutex
	kept map[events.PersonID]*keptKey
}

// NewMemoryKeys makes a keyring without keys.
func NewMemoryKeys() *MemoryKeys { return &MemoryKeys{kept: map[events.PersonID]*keptKey{}} }

// Key implements [events.Keys].
func (k *MemoryKeys) Key(p events.PersonID, id string) (events.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if kept := k.kept[p]; kept.is(id) {
		return kept.key(id)
	}
	return events.Key{}, events.ErrNoKey
}

// Make implements [Keyring].
func (k *MemoryKeys) Make(ctx context.Context, persons []events.PersonID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range persons {
		if k.kept[p] == nil {
			fresh := events.NewKey()
			k.kept[p] = &keptKey{ID: fresh.ID, Secret: fresh.Secret[:]}
		}
	}
	return ctx.Err()
}

// Erase is [Keys.Erase].
func (k *MemoryKeys) Erase(ctx context.Context, p events.PersonID) (destroyed bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.kept[p]
	if old == nil || old.Erased.IsZero() {
		k.kept[p] = &keptKey{Erased: time.Now().UTC()}
	}
	return old != nil && old.Erased.IsZero(), ctx.Err()
}
