package google

import (
	"net/http"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
)

// client makes a connection's calls, on top of the connection's transport.
type client struct {
	options
	endpoints map[string]string
	method    string // of authentication
	own       caller // as the connection
	admin     caller // in a Workspace administrator's name
	now       func() time.Time

	dir     *directory
	book    *accountBook
	clients clientBook
}

func newClient(s connectors.Settings, o options) (*client, error) {
	urls, err := endpoints(s)
	if err != nil {
		return nil, err
	}
	base := s.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	login, err := newLogin(s.Auth, base)
	if err != nil {
		return nil, err
	}
	c := &client{options: o, endpoints: urls, method: s.Auth["method"].Reveal(), now: s.Clock(),
		own: caller{client: plainClient(base), login: login, quota: o.quotaProject}}
	if o.workspace.admin != "" {
		// Calls are charged to the account's own project: the administrator may have no right to charge them elsewhere.
		c.admin = caller{client: plainClient(base), login: newWorkspaceLogin(s.Auth, o.workspace, login, base)}
	}
	c.dir = &directory{client: c}
	c.book = &accountBook{client: c, dir: c.dir}
	return c, nil
}
