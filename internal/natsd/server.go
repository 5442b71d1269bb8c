package natsd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Server is a running NATS server. It must be ended with Shutdown, after its connections.
type Server struct {
	opts Options
	srv  *server.Server
	lock *folderLock
	log  *quiet
	self nkeys.KeyPair // the hub's own key, when clients authenticate with nkeys
}

// Start runs a server on the folder and returns when it takes connections, all data recovered. It fails with an *[InUseError]
// when another process runs one there.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.MaxPayload == 0 {
		o.MaxPayload = DefaultMaxPayload
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	lock, err := lockFolder(o.Dir, o.Brief)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, lock: lock}
	if err := s.run(ctx); err != nil {
		return nil, errors.Join(err, s.Shutdown())
	}
	return s, nil
}

func (s *Server) run(ctx context.Context) error {
	self, err := nkeys.CreateUser()
	if err != nil {
		return fmt.Errorf("nats: making the hub's own key: %w", err)
	}
	public, err := self.PublicKey()
	if err != nil {
		return fmt.Errorf("nats: making the hub's own key: %w", err)
	}
	s.self = self
	if s.srv, err = server.NewServer(s.opts.server(public)); err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	s.log = newQuiet()
	s.srv.SetLoggerV2(s.log, false, false, false)
	go s.srv.Start()
	if err := s.ready(ctx, s.log); err != nil {
		return err
	}
	return s.lock.say(s.ClientURL())
}

// ready waits until clients can connect. Recovering a large log takes seconds, so ctx alone bounds it.
func (s *Server) ready(ctx context.Context, log *quiet) error {
	for {
		select {
		case <-log.told:
			return log.why(s.opts)
		case <-ctx.Done():
			return fmt.Errorf("nats: the server was not ready in time: %w", context.Cause(ctx))
		default:
		}
		if s.srv.ReadyForConnections(20 * time.Millisecond) {
			if !s.srv.JetStreamEnabled() {
				return errors.New("nats: JetStream did not start; the log above says why")
			}
			return nil
		}
	}
}

// ClientURL is where clients connect, "nats://127.0.0.1:4222". It holds no credentials.
func (s *Server) ClientURL() string { return s.srv.ClientURL() }

// FullError says that the server has no room to store anything.
type FullError struct{ Dir string }

func (e *FullError) Error() string {
	return fmt.Sprintf("the disk of %s is full, or its share for NATS: make room and start again; nothing that was acknowledged is lost, "+
		"and what was not is read again", e.Dir)
}

// fullFor is how long after the server said so its disk is held to be full: it says so at every attempt to write.
const fullFor = time.Minute

// Trouble says what keeps the server from storing, a *[FullError], or nil.
func (s *Server) Trouble() error {
	if at := s.log.full.Load(); at > 0 && time.Since(time.Unix(0, at)) < fullFor {
		return &FullError{Dir: s.opts.Dir}
	}
	return nil
}

// Connect opens a connection of the hub's own, authenticated, that reconnects for ever. The caller closes it.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	own := append(s.credentials(), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	nc, err := nats.Connect(s.ClientURL(), append(own, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("connecting to the embedded NATS server: %w", err)
	}
	return nc, nil
}

func (s *Server) credentials() []nats.Option {
	switch a := s.opts.Auth; {
	case a.Token != "":
		return []nats.Option{nats.Token(a.Token)}
	case a.User != "":
		return []nats.Option{nats.UserInfo(a.User, a.Password)}
	case len(a.NKeys) > 0:
		public, _ := s.self.PublicKey() // it was made by CreateUser: it has one
		return []nats.Option{nats.Nkey(public, s.self.Sign)}
	}
	return nil
}

// Shutdown ends the server and gives the folder back. It returns when everything is on the disk.
func (s *Server) Shutdown() error {
	if s.srv != nil {
		s.srv.Shutdown()
		s.srv.WaitForShutdown()
	}
	return s.lock.release()
}
