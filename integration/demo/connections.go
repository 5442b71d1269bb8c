package demo

import (
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/internal/config"
)

// pace is how often the demo reads: a sandbox has no limit that a person could mind.
const pace = 300 * time.Millisecond

// Connections connect to the company's sandboxes.
func (c *Company) Connections() []config.Connection {
	var out []config.Connection
	for _, v := range c.Vendors {
		out = append(out, config.Connection{
			Name: v.Name, Vendor: v.Name, Endpoint: v.URL,
			Auth: map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(v.Token)},
			Pace: map[string]time.Duration{"default": pace}, Share: 1,
			Breaker: config.Breaker{Max: config.DefaultBreakerMax, Share: config.DefaultBreakerShare},
		})
	}
	return out
}
