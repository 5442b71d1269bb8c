package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/natscontext"

	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/natsd"
)

// releaseTime bounds what is tidied up while a hub ends.
const releaseTime = 2 * time.Second

// connect starts the embedded server, or dials an existing one.
func (h *Hub) connect(ctx context.Context) (err error) {
	c := h.opts.Config
	if c.NATS.Embedded() {
		if h.server, err = startServer(ctx, c); err != nil {
			return err
		}
		h.URL = h.server.ClientURL()
		h.nc, err = h.server.Connect(clientOptions("rollcall hub")...)
	} else {
		h.nc, err = Dial(c.NATS, "rollcall hub")
	}
	if err != nil {
		return err
	}
	h.URL = h.nc.ConnectedUrlRedacted()
	h.js, err = jetstream.New(h.nc)
	return err
}

func startServer(ctx context.Context, c config.Config) (*natsd.Server, error) {
	host, text, err := net.SplitHostPort(c.NATS.Listen)
	if err != nil {
		return nil, fmt.Errorf("nats.listen: %w", err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("nats.listen: %q is no port", text)
	}
	return natsd.Start(ctx, natsd.Options{Dir: c.Data, Host: host, Port: port, Auth: natsd.Auth{Token: c.NATS.Token.Reveal()}})
}

func clientOptions(name string) []nats.Option {
	return []nats.Option{nats.Name(name), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(false), nats.Timeout(5 * time.Second)}
}

// Dial connects to an existing server or cluster.
func Dial(n config.NATS, name string) (*nats.Conn, error) {
	opts := clientOptions(name)
	if n.Creds != "" {
		opts = append(opts, nats.UserCredentials(n.Creds))
	}
	if n.User != "" {
		opts = append(opts, nats.UserInfo(n.User, n.Password.Reveal()))
	}
	if n.Token != "" {
		opts = append(opts, nats.Token(n.Token.Reveal()))
	}
	if n.Context != "" {
		nc, _, err := natscontext.Connect(n.Context, opts...)
		if err != nil {
			return nil, fmt.Errorf("connecting by the NATS context %q (`nats context ls` lists them): %w", n.Context, err)
		}
		return nc, nil
	}
	nc, err := nats.Connect(strings.Join(n.URLs, ","), opts...)
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return nil, fmt.Errorf("connecting to NATS at %s: the credentials were refused: check nats.credentials, user or token", at(n.URLs))
	case err != nil:
		return nil, fmt.Errorf("connecting to NATS at %s: %w: is it running, and reachable from here?", at(n.URLs), err)
	}
	return nc, nil
}

// at names servers without the passwords or tokens that stand in their URLs.
func at(urls []string) string {
	out := make([]string, len(urls))
	for i, s := range urls {
		out[i] = config.WithoutSecret(s)
	}
	return strings.Join(out, ", ")
}
