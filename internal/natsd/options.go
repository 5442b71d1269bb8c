package natsd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
)

// DefaultMaxPayload is the largest message in bytes that the server takes, unless told otherwise. An event carries the whole
// entity and maybe the vendor's record, so it is above NATS's own 1 MiB.
const DefaultMaxPayload = 8 << 20

// Options say how the server runs. Dir alone is needed.
type Options struct {
	Dir        string      // the data folder, created if missing; one server per folder
	Brief      bool        // for one command that reads and ends: a hub that starts meanwhile waits for it
	Host       string      // to listen on; empty: 127.0.0.1. Beyond loopback Auth is required
	Port       int         // 0: any free one
	Auth       Auth        // who may connect; zero: whoever reaches the port
	TLS        *tls.Config // nil: none
	MaxPayload int32       // bytes; 0: DefaultMaxPayload
	MaxStore   int64       // bytes that JetStream may use on the disk; 0: three quarters of what is free
}

// Auth is one way to authenticate, at most.
type Auth struct {
	Token    string
	User     string
	Password string
	NKeys    []string // public user keys ("U...")
}

func (a Auth) none() bool { return a.Token == "" && a.User == "" && len(a.NKeys) == 0 }

func (a Auth) check() error {
	ways := 0
	for _, given := range []bool{a.Token != "", a.User != "", len(a.NKeys) > 0} {
		if given {
			ways++
		}
	}
	switch {
	case ways > 1:
		return errors.New("nats auth: give a token, a user or nkeys, not several of them")
	case (a.User == "") != (a.Password == ""):
		return errors.New("nats auth: a user needs a password, and a password a user")
	}
	return nil
}

func (o *Options) check() error {
	if o.Dir == "" {
		return errors.New("nats: the data folder is not set")
	}
	if o.Port < 0 || o.Port > 65535 {
		return fmt.Errorf("nats: port %d is not between 0 and 65535", o.Port)
	}
	if !loopback(o.Host) && o.Auth.none() {
		return fmt.Errorf("nats: listening on %s lets other machines in, which needs authentication: set a token, a user or nkeys, "+
			"or listen on 127.0.0.1", o.Host)
	}
	return o.Auth.check()
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// server makes the server's own options. The hub itself connects with the nkey whose public half is self, where nkeys are used.
func (o *Options) server(self string) *server.Options {
	s := &server.Options{
		Host: o.Host, Port: o.Port, NoSigs: true, DisableShortFirstPing: true,
		JetStream: true, StoreDir: filepath.Join(o.Dir, "nats"), SyncAlways: true, JetStreamMaxStore: o.MaxStore,
		MaxPayload: o.MaxPayload, TLSConfig: o.TLS,
		Authorization: o.Auth.Token, Username: o.Auth.User, Password: o.Auth.Password,
	}
	if o.Port == 0 {
		s.Port = server.RANDOM_PORT
	}
	if len(o.Auth.NKeys) > 0 {
		for _, k := range append([]string{self}, o.Auth.NKeys...) {
			s.Nkeys = append(s.Nkeys, &server.NkeyUser{Nkey: k})
		}
	}
	return s
}
