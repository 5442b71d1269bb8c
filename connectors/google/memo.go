package google

import "time"

// memoLife is how long something is remembered at most, so that a round that fails for long does not go by old knowledge.
const memoLife = time.Minute

// memo remembers what calls brought until it is told to forget, so that a pull which failed halfway does not repeat them all.
// Only what succeeded is remembered. One feed uses it, one pull at a time.
type memo[V any] struct{ known map[string]known[V] }

type known[V any] struct {
	value V
	at    time.Time
}

// get is the value of key, fetched when it is not remembered.
func (m *memo[V]) get(key string, now func() time.Time, fetch func() (V, error)) (V, error) {
	if k, ok := m.known[key]; ok && now().Sub(k.at) < memoLife {
		return k.value, nil
	}
	at := now()
	v, err := fetch()
	if err != nil {
		return v, err
	}
	if m.known == nil {
		m.known = map[string]known[V]{}
	}
	m.known[key] = known[V]{v, at}
	return v, nil
}

func (m *memo[V]) forget() { clear(m.known) }
