package eventlog_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// A key that was destroyed is in no file of the server any more.
func TestDestroyedKeyIsInNoFile(t *testing.T) {
	r := newReal(t)
	l, keys := openSealed(t, r.connect(t))
	appendTo(t, l, "people", append(persons(0, 50), person("u1", events.Created))...)
	k, err := keys.Key(patID, "")
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte(base64.StdEncoding.EncodeToString(k.Secret[:]))
	if n := filesWith(t, r.dir, secret); n == 0 {
		t.Fatal("the key is in no file before it is destroyed: the test looks for the wrong bytes")
	}
	if _, err := keys.Erase(patient(t), patID); err != nil {
		t.Fatal(err)
	}
	if n := filesWith(t, r.dir, secret); n != 0 {
		t.Errorf("%d files still have the key", n)
	}
	r.Restart(t)
	if n := filesWith(t, r.dir, secret) + filesWith(t, r.dir, []byte(patName)); n != 0 {
		t.Errorf("%d files have the key or the name after a restart", n)
	}
}

func filesWith(t *testing.T, dir string, what []byte) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // a file that is gone meanwhile has nothing
		}
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, what) {
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A crash between the destroyed key and its mark leaves the person sealed, and repeating ends it.
func TestEraseIsRepeated(t *testing.T) {
	r := newReal(t)
	l, keys := openSealed(t, r.connect(t))
	appendTo(t, l, "people", person("u1", events.Created))
	exit := failpoint.Exit
	failpoint.Exit = runtime.Goexit
	failpoint.Arm("keys.destroyed")
	defer func() { failpoint.Exit = exit; failpoint.Arm("") }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = keys.Erase(context.Background(), patID)
		t.Error("the failpoint was not hit")
	}()
	<-done
	late, again := openSealed(t, r.connect(t))
	mustTell(t, late, "", events.WithheldSealed)
	if had, err := again.Erase(patient(t), patID); err != nil || had {
		t.Errorf("erasing again: %v, %v", had, err)
	}
	mustTell(t, late, "", events.WithheldErased)
}

// Two hubs that make keys at once agree on one for each person, however many.
func TestKeysAreMadeOnce(t *testing.T) {
	r := newReal(t)
	all := make([]events.PersonID, 1000)
	for i := range all {
		all[i] = events.PersonID{Tenant: "acme", Connection: "okta", ID: fmt.Sprintf("user %d", i)}
	}
	rings := make([]*eventlog.Keys, 3)
	var made sync.WaitGroup
	for i := range rings {
		var err error
		if rings[i], err = eventlog.OpenKeys(patient(t), r.connect(t), eventlog.KeysOptions{Create: true}); err != nil {
			t.Fatal(err)
		}
		defer rings[i].Close()
	}
	for i, ring := range rings {
		made.Go(func() {
			if err := ring.Make(patient(t), all[i*100:800+i*100]); err != nil {
				t.Error(err)
			}
		})
	}
	made.Wait()
	for _, p := range all {
		first, err := rings[0].Key(p, "")
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		for _, ring := range rings[1:] {
			if k, err := ring.Key(p, ""); err != nil || k != first {
				t.Fatalf("%s has %v and %v, %v", p, first, k, err)
			}
		}
	}
}

// A key is known to every reader before what it seals can be read, and a page of many persons costs one batch of keys.
func TestKeysOfALargePage(t *testing.T) {
	r := newReal(t)
	l, _ := openSealed(t, r.connect(t))
	other, _ := openSealed(t, r.connect(t))
	mustTellNobody(t, other)
	began := time.Now()
	appendTo(t, l, "people", persons(0, 2500)...)
	t.Logf("2,500 persons with new keys took %s", time.Since(began))
	mustTell(t, other, patName, "")
}

func mustTellNobody(t *testing.T, l *eventlog.Log) {
	t.Helper()
	if people, _ := told(t, l); len(people) != 0 {
		t.Errorf("the log tells of %d persons", len(people))
	}
}

// Keys that were lost leave their persons sealed, not erased; whoever tells of them again makes new ones.
func TestLostKeys(t *testing.T) {
	r := newReal(t)
	l, _ := openSealed(t, r.connect(t))
	appendTo(t, l, "people", person("u1", events.Created))
	js, err := jetstream.New(r.connect(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteKeyValue(patient(t), eventlog.KeysBucket); err != nil {
		t.Fatal(err)
	}
	late, _ := openSealed(t, r.connect(t))
	mustTell(t, late, "", events.WithheldSealed)
	appendTo(t, late, "people", person("u1", events.Updated))
	people, leaks := told(t, late)
	if leaks || len(people) != 2 || people[0].Name != patName || people[1].Withheld != events.WithheldSealed {
		t.Errorf("the log tells %+v", people)
	}
}

// A bucket that an operator has made with history would keep what is destroyed: it is refused.
func TestKeysBucketMustForget(t *testing.T) {
	nc := newReal(t).connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateKeyValue(patient(t), jetstream.KeyValueConfig{Bucket: eventlog.KeysBucket, History: 5}); err != nil {
		t.Fatal(err)
	}
	var wrong *eventlog.SettingsError
	if _, err := eventlog.OpenKeys(patient(t), nc, eventlog.KeysOptions{Create: true}); !errors.As(err, &wrong) || len(wrong.Settings) < 3 {
		t.Errorf("it is taken: %v", err)
	}
}

// A reader whom the server forbids the keys reads the rest, and the persons as sealed.
func TestReaderWithoutTheRightToKeys(t *testing.T) {
	allow := func(subjects ...string) *server.SubjectPermission { return &server.SubjectPermission{Allow: subjects} }
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
		Users: []*server.User{{Username: "hub", Password: "h"}, {Username: "reader", Password: "r", Permissions: &server.Permissions{
			Subscribe: allow("_INBOX.>"), Publish: allow("$JS.API.INFO", "$JS.API.STREAM.INFO.ROLLCALL", "$JS.API.STREAM.MSG.GET.ROLLCALL",
				"$JS.API.CONSUMER.*.ROLLCALL.>", "$JS.API.CONSUMER.MSG.NEXT.ROLLCALL.>", "$JS.API.STREAM.INFO.KV_rollcall_hub", "$JS.API.DIRECT.GET.>"),
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	connect := func(user, password string) *nats.Conn {
		nc, err := nats.Connect(s.ClientURL(), nats.UserInfo(user, password), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	l, _ := openSealed(t, connect("hub", "h"))
	appendTo(t, l, "people", person("u1", events.Created))
	nc := connect("reader", "r")
	keys, err := eventlog.OpenKeys(patient(t), nc, eventlog.KeysOptions{Wait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	reader, err := eventlog.Open(patient(t), nc, eventlog.Options{ReadOnly: true, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	mustTell(t, reader, "", events.WithheldSealed)
	mustTell(t, l, patName, "")
	if err := keys.MayRead(patient(t)); !errors.Is(err, eventlog.ErrMayNotRead) {
		t.Errorf("may it read the keys? %v", err)
	}
}

// A hub that does not seal writes in plain, reads what was sealed before, and tells nothing of who was erased.
func TestSealingIsOff(t *testing.T) {
	r := newReal(t)
	l, keys := openSealed(t, r.connect(t))
	appendTo(t, l, "people", person("u1", events.Created), person("u2", events.Created))
	if _, err := keys.Erase(patient(t), patID); err != nil {
		t.Fatal(err)
	}
	nc := r.connect(t)
	others, err := eventlog.OpenKeys(patient(t), nc, eventlog.KeysOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer others.Close()
	plain, err := eventlog.Open(patient(t), nc, eventlog.Options{Keys: others})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	appendTo(t, plain, "people", person("u1", events.Updated), person("u2", events.Updated), person("u3", events.Created))
	var got []string
	for s, err := range plain.Stored(patient(t), events.Query{}) {
		m, err2 := s.Message()
		if err = errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		p := m.Event.Data.Entity.Person
		got = append(got, fmt.Sprintf("%s %s %q %s, in plain %v", m.Event.Data.Entity.Holder, m.Event.Type, p.Name, p.Withheld, bytes.Contains(s.Body, []byte(patName))))
	}
	want := []string{
		`u1 person.created "" erased, in plain false`, `u2 person.created "Pat Doe of Billing" , in plain false`,
		`u1 person.updated "" erased, in plain false`, `u2 person.updated "Pat Doe of Billing" , in plain true`,
		`u3 person.created "Pat Doe of Billing" , in plain true`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// An erasure that was lifted lets the person be told of again, under a new key; what was erased stays erased, also for who knew the key.
func TestLift(t *testing.T) {
	r := newReal(t)
	l, keys := openSealed(t, r.connect(t))
	other, others := openSealed(t, r.connect(t))
	for range 2 { // twice erased, twice lifted
		appendTo(t, l, "people", person("u1", events.Created))
		if had, err := keys.Erase(patient(t), patID); err != nil || !had {
			t.Fatalf("erasing: %v, %v", had, err)
		}
		appendTo(t, l, "people", person("u1", events.Updated))
		if had, err := others.Lift(patient(t), patID); err != nil || !had {
			t.Fatalf("lifting: %v, %v", had, err)
		}
		if had, err := others.Lift(patient(t), patID); err != nil || had {
			t.Errorf("lifting again: %v, %v", had, err)
		}
		mustTell(t, other, "", events.WithheldErased)
		eventually(t, "the writer learns of it", func() bool { _, err := keys.Key(patID, ""); return errors.Is(err, events.ErrNoKey) })
	}
	appendTo(t, l, "people", person("u1", events.Updated))
	for _, l := range []*eventlog.Log{l, other} {
		people, leaks := told(t, l)
		if leaks || len(people) != 5 || people[0].Name != patName {
			t.Fatalf("the log tells %+v", people)
		}
		for _, p := range people[1:] {
			if p.Name != "" || p.Withheld != events.WithheldErased {
				t.Errorf("what was erased is %+v", p)
			}
		}
	}
}

// Whoever follows the log reads on through the server's absence, persons of before and after, and learns of an erasure in between.
func TestFollowerReadsPersonsThroughARestart(t *testing.T) {
	r := newReal(t)
	l, keys := openSealed(t, r.connect(t))
	other, _ := openSealed(t, r.connect(t))
	names := make(chan string, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	defer func() { cancel(); <-done }()
	go func() {
		defer close(done)
		for m, err := range other.Read(ctx, events.Query{Following: true}) {
			if err != nil {
				names <- err.Error()
				continue
			}
			p := m.Event.Data.Entity.Person
			names <- m.Event.Data.Entity.Holder + " " + p.Name + string(p.Withheld)
		}
	}()
	want := func(what string) {
		t.Helper()
		select {
		case got := <-names:
			if got != what {
				t.Errorf("the follower reads %q, want %q", got, what)
			}
		case <-time.After(patience):
			t.Fatal("the follower reads nothing")
		}
	}
	for n := range 3 {
		id := fmt.Sprint("u", n)
		appendTo(t, l, "people", person(id, events.Created))
		want(id + " " + patName)
		if n == 1 {
			r.stop(t)
			time.Sleep(200 * time.Millisecond)
			r.start(t)
			continue
		}
		r.Restart(t)
	}
	if _, err := keys.Erase(patient(t), events.PersonID{Tenant: "acme", Connection: "okta", ID: "u0"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the follower's log tells u0 no more", func() bool {
		p, _ := told(t, other)
		return p[2].Withheld == events.WithheldErased && p[1].Name == patName
	})
}

// However many keys there are, and however slowly they come: a reader waits for all of them, as long as they do come.
func TestKeysThatComeSlowly(t *testing.T) {
	nc := newReal(t).connect(t)
	keys, err := eventlog.OpenKeys(patient(t), nc, eventlog.KeysOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	people := make([]events.PersonID, 900)
	for i := range people {
		people[i] = events.PersonID{Tenant: "acme", Connection: "okta", ID: fmt.Sprint("u", i)}
	}
	if err := keys.Make(patient(t), people); err != nil {
		t.Fatal(err)
	}
	slow, err := nats.Connect(nc.ConnectedUrl(), nats.SetCustomDialer(slowly{}))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	reader, err := eventlog.OpenKeys(patient(t), slow, eventlog.KeysOptions{Wait: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	began := time.Now()
	if _, err := reader.Key(people[0], ""); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < 3*time.Second {
		t.Errorf("the keys came in %v: the test shows nothing", took)
	}
}

// slowly dials connections over which some 50 kB come in a second.
type slowly struct{}

func (slowly) Dial(network, address string) (net.Conn, error) {
	c, err := net.DialTimeout(network, address, patience)
	return slowConn{c}, err
}

type slowConn struct{ net.Conn }

func (c slowConn) Read(b []byte) (int, error) {
	time.Sleep(5 * time.Millisecond)
	return c.Conn.Read(b[:min(len(b), 250)])
}
