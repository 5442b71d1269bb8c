package entra

import (
	"context"
	"slices"

	"github.com/rollcallhq/rollcall/connectors"
)

// throttled keeps the answers to a page's relations from pulls that Graph throttled halfway, so that each pull gets further: a
// large page would otherwise have to get through whole, which under a tight limit it never does.
type throttled struct {
	key     string // the address of the page
	answers map[string]answer
}

// ask returns an answer for each path. A part that was throttled makes it fail as a whole, and be asked for again by the next
// call for the same page, alone.
func (t *throttled) ask(ctx context.Context, c *client, key string, paths []string, need string) (map[string]answer, error) {
	if t.key != key || t.answers == nil {
		t.key, t.answers = key, map[string]answer{}
	}
	var left []string
	for _, path := range paths {
		if _, ok := t.answers[path]; !ok && !slices.Contains(left, path) {
			left = append(left, path)
		}
	}
	got, err := c.batch(ctx, left, need)
	worst := t.keep(c, got)
	if err != nil {
		return nil, err
	}
	if worst != nil {
		return nil, worst
	}
	return t.answers, nil
}

// forget drops what was answered: the page is read, or must be asked for anew.
func (t *throttled) forget() { t.answers = nil }

// keep keeps what was answered, and returns the fault of what must be asked for again: an invalid token before the longest
// wait.
func (t *throttled) keep(c *client, got map[string]answer) error {
	var worst *connectors.Fault
	for path, a := range got {
		f := connectors.AsFault(c.check(a, call{}))
		switch {
		case f == nil || f.Kind != connectors.RateLimited && f.Kind != connectors.Unauthorized:
			t.answers[path] = a
		case worst == nil || f.Kind == connectors.Unauthorized || worst.Kind == f.Kind && f.After > worst.After:
			worst = f
		}
	}
	if worst == nil {
		return nil
	}
	return worst
}
