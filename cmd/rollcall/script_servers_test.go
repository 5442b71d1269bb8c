package main

import (
	"net"
	"strconv"

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
