package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// cluster is three NATS servers.
type cluster struct {
	opts    [3]*server.Options
	servers [3]*server.Server
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{}
	ports := freePorts(t, 6)
	var routes []*url.URL
	for i := range 3 {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", ports[3+i])})
	}
	for i := range c.opts {
		c.opts[i] = &server.Options{
			ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: ports[i], NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, Routes: routes,
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: ports[3+i]},
		}
		c.start(t, i)
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.stop(i)
		}
	})
	return c
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func (c *cluster) start(t *testing.T, i int) {
	t.Helper()
	s, err := server.NewServer(c.opts[i].Clone())
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatalf("server %d is not ready", i)
	}
	c.servers[i] = s
}

func (c *cluster) stop(i int) {
	c.servers[i].Shutdown()
	c.servers[i].WaitForShutdown()
}

// connect connects to server i alone, or with i < 0 to whichever is there.
func (c *cluster) connect(t *testing.T, i int) *nats.Conn {
	t.Helper()
	urls := ""
	for k, o := range c.opts {
		if i < 0 || i == k {
			urls += fmt.Sprintf("nats://127.0.0.1:%d,", o.Port)
		}
	}
	nc, err := nats.Connect(urls, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.IgnoreDiscoveredServers())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// settled waits until the cluster has JetStream's leader and the stream all its replicas.
func (c *cluster) settled(t *testing.T, nc *nats.Conn) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, tick := patient(t), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for {
		try, cancel := context.WithTimeout(ctx, time.Second) // before there is a leader nobody answers
		_, err := js.AccountInfo(try)
		s, err2 := js.Stream(try, "ROLLCALL")
		switch {
		case err2 == nil:
			for _, r := range s.CachedInfo().Cluster.Replicas {
				if !r.Current {
					err = fmt.Errorf("replica %s lags", r.Name)
				}
			}
		case !errors.Is(err2, jetstream.ErrStreamNotFound): // before it is made there is nothing to wait for
			err = err2
		}
		cancel()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the cluster does not settle: %v", err)
		}
	}
}

// TestCluster appends while the servers of a cluster go away one after the other. Every page is in the log once, and a bounded
// reading through any server, lagging or not, shows all that was acknowledged before it. Readings that follow go on, whichever server
// keeps their consumers.
func TestCluster(t *testing.T) {
	c := newCluster(t)
	nc := c.connect(t, -1)
	c.settled(t, nc)
	l, err := eventlog.Open(patient(t), nc, eventlog.Options{Create: true, Replicas: 3, Sync: eventlog.SyncAlways, AckWait: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if d := l.Durability(); d.Kind != eventlog.FlushedOnQuorum {
		t.Errorf("the promise is %+v", d)
	}
	claim, err := l.Claim(patient(t), "acme", "okta", "hub1")
	if err != nil {
		t.Fatal(err)
	}
	w := &signer{log: l, last: events.Receipt{Claim: claim}}
	var followers []<-chan string
	for range 3 {
		followers = append(followers, follow(t, l))
	}
	for i := range c.servers {
		w.pages(t, 5)
		c.stop(i)
		w.pages(t, 5)
		checkSignIns(t, l, w.n)
		c.start(t, i)
		reader, err := eventlog.Open(patient(t), c.connect(t, i), eventlog.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		w.pages(t, 1)
		checkSignIns(t, reader, w.n)
		reader.Close()
		c.settled(t, nc)
	}
	if n, err := l.Count(patient(t)); err != nil || n != uint64(w.n) {
		t.Errorf("the log counts %d events, %v; want %d", n, err, w.n)
	}
	for _, ids := range followers {
		checkFollowed(t, ids, w.n)
	}
}

// follow yields the ids of the log's activities as they come, until the test ends.
func follow(t *testing.T, l *eventlog.Log) <-chan string {
	t.Helper()
	ids, done := make(chan string, 1000), make(chan struct{}) // it must not wait: it would not notice a loss
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		for m, err := range l.Read(ctx, events.Query{Following: true}) {
			id := fmt.Sprint(err)
			if err == nil {
				id = m.Event.Data.Activity.ID
			}
			select {
			case ids <- id:
			case <-ctx.Done():
			}
		}
	}()
	return ids
}

// checkFollowed checks that the activities from s0 on came, each once.
func checkFollowed(t *testing.T, ids <-chan string, n int) {
	t.Helper()
	ctx := patient(t)
	for i := range n {
		select {
		case got := <-ids:
			if want := fmt.Sprint("s", i); got != want {
				t.Fatalf("the reading that follows has %s in place of %s", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("the reading that follows has %d events, want %d", i, n)
		}
	}
}

// signer appends activities s0, s1, ... .
type signer struct {
	log  *eventlog.Log
	last events.Receipt
	n    int
}

func (w *signer) pages(t *testing.T, pages int) {
	t.Helper()
	for range pages {
		r, err := w.log.Append(patient(t), events.Append{
			Claim: w.last.Claim, Feed: "log", Expect: w.last.Saved, Events: signIns(w.n, 20), Cursor: fmt.Append(nil, w.n),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.last, w.n = r, w.n+20
	}
}

// In a cluster whose servers go away one after the other, whoever reads an event of a person has the key at once, through whichever
// server; and an erasure holds on all of them.
func TestKeysInACluster(t *testing.T) {
	c := newCluster(t)
	nc := c.connect(t, -1)
	c.settled(t, nc)
	keys, err := eventlog.OpenKeys(patient(t), nc, eventlog.KeysOptions{Create: true, Replicas: 3, Wait: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	l, err := eventlog.Open(patient(t), nc, eventlog.Options{Create: true, Replicas: 3, AckWait: 2 * time.Second, Keys: keys, Seal: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var readers []*eventlog.Log
	for i := range c.servers {
		nc := c.connect(t, i)
		own, err := eventlog.OpenKeys(patient(t), nc, eventlog.KeysOptions{Wait: patience})
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		r, err := eventlog.Open(patient(t), nc, eventlog.Options{ReadOnly: true, Keys: own})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		readers = append(readers, r)
	}
	n := 0
	page := func() {
		appendTo(t, l, "people", persons(n, 20)...)
		n += 20
	}
	for i := range c.servers {
		page()
		c.stop(i)
		page()
		for k, r := range readers {
			if k != i {
				mustTell(t, r, patName, "")
			}
		}
		c.start(t, i)
		c.settled(t, nc)
	}
	erased := events.PersonID{Tenant: "acme", Connection: "okta", ID: "u00000"}
	c.stop(0)
	if had, err := keys.Erase(patient(t), erased); err != nil || !had {
		t.Errorf("erasing: %v, %v", had, err)
	}
	c.start(t, 0)
	c.settled(t, nc)
	for i, r := range readers {
		eventually(t, fmt.Sprintf("server %d tells of nobody erased", i), func() bool {
			people, _ := told(t, r)
			return len(people) == n && people[n-1].Withheld == events.WithheldErased && people[0].Name == patName
		})
	}
}

// While the keys have no leader, what asks for them is not answered at all. Whoever makes a key then goes on as soon as there is one.
func TestKeysWithoutALeader(t *testing.T) {
	c := newCluster(t)
	nc := c.connect(t, 0)
	c.settled(t, nc)
	keys, err := eventlog.OpenKeys(patient(t), nc, eventlog.KeysOptions{Create: true, Replicas: 3, Wait: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	person := func(id string) []events.PersonID {
		return []events.PersonID{{Tenant: "acme", Connection: "okta", ID: id}}
	}
	if err := keys.Make(patient(t), person("u1")); err != nil {
		t.Fatal(err)
	}
	c.stop(1)
	c.stop(2)
	eventually(t, "the keys still have a leader", func() bool {
		_, err := nc.Request("$KV.rollcall_keys.nobody", nil, time.Second)
		return errors.Is(err, nats.ErrNoResponders)
	})
	made := make(chan error, 1)
	go func() { made <- keys.Make(patient(t), person("u2")) }()
	time.Sleep(100 * time.Millisecond) // it has asked by then, or the test shows nothing
	c.start(t, 1)
	c.start(t, 2)
	if err := <-made; err != nil {
		t.Error(err)
	}
	if _, err := keys.Key(person("u2")[0], ""); err != nil {
		t.Error(err)
	}
}
