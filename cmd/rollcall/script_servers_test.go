package main

import (
	"bytes"
	"net"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rollcallhq/rollcall/internal/natsd"
)

type serversKey struct{}

// servers are the NATS servers that a script has started in this process.
type servers struct{ nats *natsd.Server }

func (s *servers) close() {
	if s.nats != nil {
		_ = s.nats.Shutdown() // the script is over
		s.nats = nil
	}
}

// natsCommand starts and stops a NATS server that is not the hub's own, and names it in $NATS:
//
//	nats start FOLDER [BYTES]   BYTES: what JetStream may store
//	nats stop
//	nats stream NAME            a stream with settings of no use to the log
func natsCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serversKey{}).(*servers)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: nats start|stop|stream")
	case args[0] == "start":
		o := natsd.Options{Dir: ts.MkAbs(args[1])}
		if len(args) > 2 {
			n, err := strconv.ParseInt(args[2], 10, 64)
			ts.Check(err)
			o.MaxStore = n
		}
		var err error
		s.nats, err = natsd.Start(background(ts), o)
		ts.Check(err)
		ts.Setenv("NATS", s.nats.ClientURL())
	case args[0] == "stop":
		s.close()
	case args[0] == "stream":
		uselessStream(ts, s.nats, args[1])
	}
}

func uselessStream(ts *testscript.TestScript, server *natsd.Server, name string) {
	nc, err := server.Connect()
	ts.Check(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	ts.Check(err)
	_, err = js.CreateStream(background(ts), jetstream.StreamConfig{
		Name: name, Subjects: []string{"rollcall.events.>"}, Storage: jetstream.MemoryStorage, MaxMsgs: 10,
	})
	ts.Check(err)
}

// takenPort is `taken NAME`: the environment variable gets a port of loopback on which something else listens.
func takenPort(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// tamperCommand is `tamper FOLDER NAME [OLD NEW]`: the document of the agent of that name in the roster of a hub that has ended gets
// NEW for its first OLD; without them it is taken out.
func tamperCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 && len(args) != 4 {
		ts.Fatalf("usage: tamper FOLDER NAME [OLD NEW]")
	}
	ctx := background(ts)
	server, err := natsd.Start(ctx, natsd.Options{Dir: ts.MkAbs(args[0])})
	ts.Check(err)
	defer server.Shutdown() //nolint:errcheck // what was written is flushed
	nc, err := server.Connect()
	ts.Check(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	ts.Check(err)
	name := "roster"
	for name2 := range js.KeyValueStoreNames(ctx).Name() {
		if strings.HasPrefix(name2, "roster") && name2 > name {
			name = name2 // of a rebuild
		}
	}
	kv, err := js.KeyValue(ctx, name)
	ts.Check(err)
	keys, err := kv.Keys(ctx)
	ts.Check(err)
	for _, key := range keys {
		e, err := kv.Get(ctx, key)
		ts.Check(err)
		if !bytes.Contains(e.Value(), []byte(`"name":"`+args[1]+`"`)) || strings.HasPrefix(key, "_") {
			continue
		}
		if len(args) == 2 {
			ts.Check(kv.Delete(ctx, key))
			return
		}
		altered := bytes.Replace(e.Value(), []byte(args[2]), []byte(args[3]), 1)
		if bytes.Equal(altered, e.Value()) {
			ts.Fatalf("%s has no %s: %s", args[1], args[2], e.Value())
		}
		_, err = kv.Put(ctx, key, altered)
		ts.Check(err)
		return
	}
	ts.Fatalf("the roster has no agent %q", args[1])
}

// forgetCommand is `forget FOLDER SEQUENCE`: the log of a hub that has ended loses its events up to there, as by an operator's purge.
func forgetCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: forget FOLDER SEQUENCE")
	}
	upTo, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	ctx := background(ts)
	server, err := natsd.Start(ctx, natsd.Options{Dir: ts.MkAbs(args[0])})
	ts.Check(err)
	defer server.Shutdown() //nolint:errcheck // what was removed is removed
	nc, err := server.Connect()
	ts.Check(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	ts.Check(err)
	stream, err := js.Stream(ctx, "ROLLCALL")
	ts.Check(err)
	ts.Check(stream.Purge(ctx, jetstream.WithPurgeSubject("rollcall.events.>"), jetstream.WithPurgeSequence(upTo+1)))
}
