package natsd

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Shutdown() })
	return s
}

func connect(t *testing.T, s *Server) *nats.Conn {
	t.Helper()
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestKeepsDataBetweenStarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	for i := range 2 {
		s := start(t, Options{Dir: dir})
		js, err := jetstream.New(connect(t, s))
		if err != nil {
			t.Fatal(err)
		}
		kv, err := js.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "b"})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := kv.PutString(t.Context(), "k", "v"); err != nil {
				t.Fatal(err)
			}
		} else if e, err := kv.Get(t.Context(), "k"); err != nil || string(e.Value()) != "v" {
			t.Errorf("after a restart the value is %v, %v", e, err)
		}
		if err := s.Shutdown(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFlushesAlways(t *testing.T) {
	s := start(t, Options{Dir: t.TempDir()})
	js, err := s.srv.Jsz(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !js.Config.SyncAlways {
		t.Error("the server does not flush before it acknowledges")
	}
	if got := connect(t, s).MaxPayload(); got != DefaultMaxPayload {
		t.Errorf("the largest message is %d, want %d", got, DefaultMaxPayload)
	}
}

func TestAuthentication(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		auth Auth
		as   nats.Option
	}{
		"token": {Auth{Token: "s3cret"}, nats.Token("s3cret")},
		"user":  {Auth{User: "u", Password: "p4ss"}, nats.UserInfo("u", "p4ss")},
		"nkey":  {Auth{NKeys: []string{public}}, nats.Nkey(public, user.Sign)},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{Dir: t.TempDir(), Host: "0.0.0.0", Auth: c.auth})
			if err := connect(t, s).FlushTimeout(10 * time.Second); err != nil {
				t.Errorf("the hub's own connection: %v", err)
			}
			nc, err := nats.Connect(s.ClientURL(), c.as)
			if err != nil {
				t.Fatalf("with the right credentials: %v", err)
			}
			nc.Close()
			if nc, err := nats.Connect(s.ClientURL()); !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("without credentials: %v, %v", nc, err)
			}
		})
	}
}

func TestRefusesWhatIsUnsafeOrWrong(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"no folder":                {Options{}, "folder is not set"},
		"open to others":           {Options{Dir: dir, Host: "0.0.0.0"}, "needs authentication"},
		"a name is not loopback":   {Options{Dir: dir, Host: "hub.example.com"}, "needs authentication"},
		"two ways to authenticate": {Options{Dir: dir, Auth: Auth{Token: "s3cret", User: "u", Password: "s3cret"}}, "not several"},
		"a user without password":  {Options{Dir: dir, Auth: Auth{User: "u"}}, "needs a password"},
		"a port that is none":      {Options{Dir: dir, Port: 70000}, "between 0 and 65535"},
		"a file for a folder":      {Options{Dir: file}, "may write"},
		"a port in use":            {Options{Dir: dir, Port: taken.Addr().(*net.TCPAddr).Port}, "in use: stop what listens there"},
		"another machine's host":   {Options{Dir: dir, Host: "192.0.2.1", Auth: Auth{Token: "s3cret"}}, "no address of this machine"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Start(t.Context(), c.o)
			if err == nil {
				s.Shutdown()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error is %q, want it to say %q, and no secret", err, c.want)
			}
		})
	}
	start(t, Options{Dir: dir}) // none of them keeps the folder
}

func TestGivesUpInTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, err := Start(ctx, Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	start(t, Options{Dir: dir})
}
