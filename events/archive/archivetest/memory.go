// Package archivetest is the suite that every store of archives passes, and a store in memory, which a test can damage.
package archivetest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/rollcallhq/rollcall/events/archive"
)

// Memory is an [archive.Store] in this process's memory. Objects may be altered while nothing reads or writes.
type Memory struct {
	mu      sync.Mutex
	Objects map[string][]byte
}

// NewMemory makes an empty one.
func NewMemory() *Memory { return &Memory{Objects: map[string][]byte{}} }

// Clone is a copy that can be damaged alone.
func (m *Memory) Clone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Memory{Objects: maps.Clone(m.Objects)}
}

// String implements [archive.Store].
func (m *Memory) String() string { return "memory" }

// Put implements [archive.Store].
func (m *Memory) Put(ctx context.Context, name string, content []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.Objects[name]; ok {
		return fmt.Errorf("%s: %w", name, archive.ErrExists)
	}
	m.Objects[name] = bytes.Clone(content)
	return ctx.Err()
}

// Get implements [archive.Store].
func (m *Memory) Get(ctx context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.Objects[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, archive.ErrNotFound)
	}
	return bytes.Clone(b), ctx.Err()
}

// List implements [archive.Store].
func (m *Memory) List(ctx context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := slices.Sorted(maps.Keys(m.Objects))
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, prefix) }), ctx.Err()
}
