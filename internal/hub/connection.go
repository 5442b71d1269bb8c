package hub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/config"
)

// connection makes the runner of a connection.
func (h *Hub) connection(tenant string, c config.Connection) (func(context.Context) error, error) {
	runs, err := runnerOf(h.opts.Vendors, tenant, c)
	if err != nil {
		return nil, err
	}
	key := eventlog.Key(tenant, c.Name)
	runs.Hub, runs.Log, runs.Sink, runs.Logger = h.ID, h.Log(), h.report, h.opts.Logger
	runs.Lease, runs.Approvals = lease(h.lease("connection."+key)), approvals{h.Board.Approvals, key}
	if h.opts.Tune != nil {
		h.opts.Tune(&runs)
	}
	runner, err := connectors.NewRunner(runs)
	if err != nil {
		return nil, err
	}
	return h.hooked(tenant, c, runs.Connector, runner)
}

// runnerOf is what a connection's runner is made of, but for who runs it and where it writes.
func runnerOf(vendors []connectors.Vendor, tenant string, c config.Connection) (connectors.Config, error) {
	i := slices.IndexFunc(vendors, func(v connectors.Vendor) bool { return v.Name == c.Vendor })
	if i < 0 {
		return connectors.Config{}, fmt.Errorf("there is no vendor %q", c.Vendor)
	}
	transport := connectors.NewTransport(nil, connectors.Limits{Share: c.Share, Class: vendors[i].Class, PerMinute: vendors[i].PerMinute})
	settings := c.Settings(tenant)
	settings.Transport = transport
	made, err := vendors[i].New(settings)
	if err != nil {
		return connectors.Config{}, err
	}
	return connectors.Config{
		Tenant: tenant, Connection: c.Name, Vendor: c.Vendor, Connector: made, Transport: transport, Secrets: secrets(c),
		Pace: paces(c, made), Breaker: connectors.Breaker{Max: c.Breaker.Max, Share: c.Breaker.Share},
	}, nil
}

// hooked is the runner's work, with that of the connection's hook if it has one.
func (h *Hub) hooked(tenant string, c config.Connection, made connectors.Connector, runner *connectors.Runner) (func(context.Context) error, error) {
	if h.door == nil || c.HookPath(tenant) == "" {
		return runner.Run, nil
	}
	pushed, ok := made.(connectors.Pushed)
	if !ok {
		return nil, fmt.Errorf("%s cannot push here: leave the hook out", c.Vendor)
	}
	k := newHook(c.Name, pushed, runner, h.opts.Logger)
	h.door.attach(tenant+"/"+c.Name, k)
	return k.alongside(runner.Run), nil
}

// secrets are all that must never stand in an error.
func secrets(c config.Connection) []connectors.Secret {
	out := slices.Collect(maps.Values(c.Auth))
	if c.Hook.Secret != "" {
		out = append(out, c.Hook.Secret)
	}
	return out
}

// lease lets a function be a [connectors.Lease].
type lease func(context.Context) (<-chan struct{}, func(), error)

func (l lease) Acquire(ctx context.Context) (<-chan struct{}, func(), error) { return l(ctx) }

// paces is each feed's pace: its own, else the connection's default, else the connector's. The default is not for feeds that ask for
// thing after thing: a pace that is right for a list would have them read a company without end.
func paces(c config.Connection, made connectors.Connector) map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, f := range made.Feeds() {
		if pace, ok := c.Pace[f.Name]; ok {
			out[f.Name] = pace
		} else if pace, ok := c.Pace["default"]; ok && !f.Rests {
			out[f.Name] = pace
		}
	}
	return out
}
