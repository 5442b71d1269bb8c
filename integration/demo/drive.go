package demo

import (
	"context"
	"errors"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// script is what happens in the company, in turn; each entry as often as it stands there. Deletions are rarer than births, so
// that the company lasts.
var script = []sandbox.Op{
	sandbox.CreateAgent, sandbox.AddCredential, sandbox.DisableAgent, sandbox.AddOwner, sandbox.RemoveOwner, sandbox.RenameAgent,
	sandbox.AddGrant, sandbox.EnableAgent, sandbox.CreateAgent, sandbox.RemoveCredential, sandbox.DeleteAgent, sandbox.RemoveGrant,
	sandbox.AddCredential, sandbox.RestoreAgent,
}

// Drive makes a change every so often until ctx is done, at one vendor after the other, and tells of each.
func (c *Company) Drive(ctx context.Context, every time.Duration, tell func(vendor string, o sandbox.Outcome)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for turn := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var err error
		if turn, err = c.next(turn, tell); err != nil {
			return err
		}
	}
}

// next makes the first change from turn on for which some vendor has something to change, and says which turn comes then.
func (c *Company) next(turn int, tell func(string, sandbox.Outcome)) (int, error) {
	for range len(script) * len(c.Vendors) {
		v, op := c.Vendors[turn%len(c.Vendors)], script[(turn/len(c.Vendors)+turn)%len(script)]
		turn++
		o, err := v.State.Mutate(sandbox.Change{Op: op})
		if errors.Is(err, sandbox.ErrNoTarget) {
			continue
		}
		if err == nil {
			tell(v.Name, o)
		}
		return turn, err
	}
	return turn, nil
}
