package eventlog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// good is a stream as an operator makes it for the log.
func good() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: "ROLLCALL", Subjects: []string{"rollcall.events.>", "rollcall.cursors.>", "rollcall.claims.>", "rollcall.epochs", "extra"},
		Storage: jetstream.FileStorage, AllowDirect: true, AllowAtomicPublish: true, AllowRollup: true, DenyDelete: true, AllowMsgTTL: true,
		MaxBytes: 1 << 30, Discard: jetstream.DiscardNew,
	}
}

func openOn(t *testing.T, cfg jetstream.StreamConfig, o eventlog.Options) (jetstream.StreamConfig, error) {
	t.Helper()
	nc := newReal(t).connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(patient(t), cfg); err != nil {
		t.Fatal(err)
	}
	l, err := eventlog.Open(patient(t), nc, o)
	if err == nil {
		l.Close()
	}
	s, err2 := js.Stream(patient(t), cfg.Name)
	if err2 != nil {
		t.Fatal(err2)
	}
	return s.CachedInfo().Config, err
}

func TestSettingsThatHold(t *testing.T) {
	if _, err := openOn(t, good(), eventlog.Options{Create: true}); err != nil {
		t.Error(err)
	}
}

func TestSettingsThatDoNotHold(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*jetstream.StreamConfig)
		cure  string
	}{
		"subjects":             {func(c *jetstream.StreamConfig) { c.Subjects = c.Subjects[1:] }, "--subjects rollcall.cursors.>"},
		"storage":              {func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "make a new stream"},
		"retention":            {func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }, "make a new stream"},
		"max_msgs":             {func(c *jetstream.StreamConfig) { c.MaxMsgs = 1000 }, "--max-msgs=-1"},
		"max_msgs_per_subject": {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 }, "--max-msgs-per-subject=-1"},
		"max_age":              {func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "--max-age=0"},
		"discard":              {func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }, "--discard=new"},
		"allow_atomic":         {func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }, "--allow-batch"},
		"allow_rollup_hdrs":    {func(c *jetstream.StreamConfig) { c.AllowRollup = false }, "--allow-rollup"},
		"deny_purge":           {func(c *jetstream.StreamConfig) { c.DenyPurge, c.AllowRollup = true, false }, "make a new stream"},
		"allow_direct":         {func(c *jetstream.StreamConfig) { c.AllowDirect = false }, "--allow-direct"},
		"deny_delete":          {func(c *jetstream.StreamConfig) { c.DenyDelete = false }, "--deny-delete"},
		"allow_msg_ttl":        {func(c *jetstream.StreamConfig) { c.AllowMsgTTL = false }, "--allow-msg-ttl"},
		"no_ack":               {func(c *jetstream.StreamConfig) { c.NoAck, c.AllowAtomicPublish = true, false }, "--ack"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			c.spoil(&cfg)
			after, err := openOn(t, cfg, eventlog.Options{Create: true})
			var wrong *eventlog.SettingsError
			if !errors.As(err, &wrong) {
				t.Fatalf("error is %v", err)
			}
			if !strings.Contains(err.Error(), "\n  "+name+" is ") || !strings.Contains(err.Error(), c.cure) {
				t.Errorf("error is %q, want it to name %s and say %q", err, name, c.cure)
			}
			before, err := openOn(t, cfg, eventlog.Options{ReadOnly: true})
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the stream was altered:\n%s", diff)
			}
			if errors.As(err, &wrong) {
				t.Errorf("to read it, too: %v", err)
			}
		})
	}
}

func TestReplicasThatDiffer(t *testing.T) {
	_, err := openOn(t, good(), eventlog.Options{Replicas: 3})
	if err == nil || !strings.Contains(err.Error(), "num_replicas is 1 and must be 3") || !strings.Contains(err.Error(), "--replicas 3") {
		t.Errorf("error is %v", err)
	}
}

func TestOpenWithoutAStream(t *testing.T) {
	nc := newReal(t).connect(t)
	for _, o := range []eventlog.Options{{}, {ReadOnly: true, Create: true}, {Stream: "OTHER"}} {
		if _, err := eventlog.Open(patient(t), nc, o); !errors.Is(err, jetstream.ErrStreamNotFound) || !strings.Contains(err.Error(), "start a hub") {
			t.Errorf("%+v: error is %v", o, err)
		}
	}
}

func TestDurability(t *testing.T) {
	nc := newReal(t).connect(t)
	for _, c := range []struct {
		sync eventlog.Sync
		want eventlog.Kind
	}{
		{eventlog.SyncUnknown, eventlog.Unknown},
		{eventlog.SyncAlways, eventlog.FlushedOnDisk},
		{eventlog.SyncInterval, eventlog.InMemory},
	} {
		l, err := eventlog.Open(patient(t), nc, eventlog.Options{Create: true, Sync: c.sync})
		if err != nil {
			t.Fatal(err)
		}
		if d := l.Durability(); d.Kind != c.want || d.String() == "" {
			t.Errorf("with %v the promise is %+v, want %s", c.sync, d, c.want)
		}
		l.Close()
	}
	l := eventlog.NewMemory()
	defer l.Close()
	if d := l.Durability(); d.Kind != eventlog.InProcess {
		t.Errorf("in memory the promise is %s", d)
	}
}

func TestOpenWithoutJetStream(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server is not ready")
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := eventlog.Open(patient(t), nc, eventlog.Options{Create: true}); err == nil || !strings.Contains(err.Error(), "has no JetStream") {
		t.Errorf("error is %v", err)
	}
}
