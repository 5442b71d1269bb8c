package integration

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// identityCount is how large the company of BenchmarkRosterScale is; docs/performance.md has the commands.
var identityCount = flag.Int("identities", 2000, "identities in BenchmarkRosterScale, each with four things that hang on it")

// attached is how many events there are of each identity: it, and what hangs on it.
const attached = 5

// largeLog is a log on NATS with the events of n identities, one after the other, as a first pass would tell them.
type largeLog struct {
	*eventlog.Log
	nc     *nats.Conn
	js     jetstream.JetStream
	claim  events.Claim
	saved  events.Saved
	events int
}

func newLargeLog(b *testing.B, n int) *largeLog {
	b.Helper()
	s, err := natsd.Start(b.Context(), natsd.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Shutdown() })
	l := &largeLog{}
	if l.nc, err = nats.Connect(s.ClientURL()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(l.nc.Close)
	if l.js, err = jetstream.New(l.nc); err != nil {
		b.Fatal(err)
	}
	if l.Log, err = eventlog.Open(b.Context(), l.nc, eventlog.Options{Create: true}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(l.Close)
	if l.claim, err = l.Claim(b.Context(), "acme", "entra", "hub"); err != nil {
		b.Fatal(err)
	}
	var page []events.Event
	for i := range n {
		if page = append(page, ofIdentity(i)...); len(page) > 980 || i == n-1 {
			l.append(b, page)
			page = page[:0]
		}
	}
	return l
}

func (l *largeLog) append(b *testing.B, page []events.Event) {
	b.Helper()
	r, err := l.Append(b.Context(), events.Append{Claim: l.claim, Feed: "agents", Expect: l.saved, Events: page, Cursor: []byte("c")})
	if err != nil {
		b.Fatal(err)
	}
	l.claim, l.saved, l.events = r.Claim, r.Saved, l.events+len(page)
}

// ofIdentity are the events of one identity: an agent with an owner, a secret, a role and a delegation. Every tenth is the user account of the
// one before it.
func ofIdentity(n int) []events.Event {
	id := fmt.Sprintf("%08d-aaaa-bbbb-cccc-dddddddddddd", n)
	linked := id
	model := events.ModelService
	if n%10 == 9 {
		linked, model = fmt.Sprintf("%08d-aaaa-bbbb-cccc-dddddddddddd", n-1), events.ModelUser
	}
	at := time.Date(2026, 11, 1, 0, 0, 0, n, time.UTC)
	out := make([]events.Event, 0, attached)
	for _, e := range []events.Entity{
		{Kind: events.KindAgent, Key: events.Self, Agent: &events.Agent{
			Native: "agent_identity", Name: fmt.Sprintf("Agent %d", n), Status: events.StatusActive, Class: events.ClassAgent,
			ClassReason: "an Entra agent identity", Models: []events.Model{model}, Created: at, Labels: []string{"finance"},
			Identifiers: []events.Identifier{{Type: events.IDAgentIdentity, Value: linked}, {Type: events.IDApp, Value: id}, {Type: events.IDObject, Value: id}}}},
		{Kind: events.KindStewardship, Key: "owner:p", Stewardship: &events.Stewardship{Role: "owner", Person: fmt.Sprintf("person-%d", n%5000), Native: "user"}},
		{Kind: events.KindCredential, Key: "k" + id, Credential: &events.Credential{Type: "secret", Name: "deploy", Status: events.StatusActive,
			NotBefore: at, Expires: at.AddDate(0, 6, 0)}},
		{Kind: events.KindGrant, Key: "g" + id, Grant: &events.Grant{Type: "app_role", Role: "df021288-bdef-4463-88db-98f22de89214", RoleName: "User.Read.All",
			Resource: "4595b59c-1ed0-4dd6-a5ee-62d69de23a80", ResourceName: "Microsoft Graph", Created: at}},
		{Kind: events.KindDelegation, Key: "d" + id, Delegation: &events.Delegation{Person: events.Everyone, Source: "admin_consent", Scopes: []string{"User.Read"},
			Resource: "4595b59c-1ed0-4dd6-a5ee-62d69de23a80", ResourceName: "Microsoft Graph"}},
	} {
		e.Holder, e.Scope = id, "agents"
		out = append(out, events.New("acme", "entra", "entra", events.EntityType(e.Kind, events.Created), at, at, events.Data{
			Entity: &e, FirstSeen: events.FirstSeenSnapshot, Evidence: events.Evidence{Feed: "agents", How: events.HowRead, Asked: at, Record: "agent_identity"}}))
	}
	return out
}

// BenchmarkRosterScale folds the log of a large company, and reports what it costs beside a raw ordered consumer that reads the same stream in
// the same run and does nothing: the fold alone, the fold with its documents written to NATS, the memory that the fold holds for each
// agent beyond its document, and the time from an append to the document at 1,000 events a second.
func BenchmarkRosterScale(b *testing.B) {
	n := *identityCount
	l := newLargeLog(b, n)
	for b.Loop() {
		raw := perSecond(l.events, func() { l.raw(b) })
		b.ReportMetric(raw, "raw-events/s")

		var p projections.Projection
		var written int
		before := heap()
		b.ReportMetric(perSecond(l.events, func() { p, written = l.fold(b) })/raw, "fold/raw")
		agents := n - n/10
		b.ReportMetric(float64(written)/float64(agents), "document-bytes/agent")
		b.ReportMetric(float64(heap()-before-uint64(written))/float64(agents), "memory-beyond-bytes/agent")
		runtime.KeepAlive(p)
		p = nil

		view, err := projections.OpenBucket(b.Context(), l.js, projections.BucketOptions{Name: "roster"})
		if err != nil {
			b.Fatal(err)
		}
		built := perSecond(l.events, func() {
			cfg := projections.Config{Name: roster.Name, Version: roster.Version, New: roster.New, Log: l.Log, View: view}
			if err := projections.Build(b.Context(), cfg); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(built, "events/s")
		b.ReportMetric(built/raw, "written/raw")
		report(b, l.latencies(b, view), "append-to-document")
		if err := l.js.DeleteKeyValue(b.Context(), "roster"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
}

func perSecond(n int, work func()) float64 {
	began := time.Now()
	work()
	return float64(n) / time.Since(began).Seconds()
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// raw reads the stream with an ordered consumer of the client library's.
func (l *largeLog) raw(b *testing.B) {
	b.Helper()
	c, err := l.js.OrderedConsumer(b.Context(), eventlog.DefaultStream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{events.EventsPrefix + ".>"}})
	if err != nil {
		b.Fatal(err)
	}
	msgs, err := c.Messages(jetstream.PullMaxMessages(2000))
	if err != nil {
		b.Fatal(err)
	}
	defer msgs.Stop()
	for range l.events {
		if _, err := msgs.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

// fold folds all, and returns the projection and the bytes of its documents. Nobody keeps them.
func (l *largeLog) fold(b *testing.B) (projections.Projection, int) {
	b.Helper()
	p := roster.New()
	sizes := map[string]int{}
	drain := func() {
		docs, err := p.Drain()
		if err != nil {
			b.Fatal(err)
		}
		for _, d := range docs {
			sizes[d.Key] = len(d.Body)
		}
	}
	for m, err := range l.Read(b.Context(), events.Query{To: l.saved.Sequence}) {
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Apply(m); err != nil {
			b.Fatal(err)
		}
		if p.Dirty() >= projections.MaxBatch/2 {
			drain()
		}
	}
	drain()
	written := 0
	for _, size := range sizes {
		written += size
	}
	return p, written
}

// latencies renames agents at 1,000 events a second and measures from each append to its document.
func (l *largeLog) latencies(b *testing.B, view *projections.Bucket) []time.Duration {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	ran := make(chan error, 1)
	caught := make(chan struct{}, 1)
	go func() {
		ran <- projections.Run(ctx, projections.Config{
			Name: roster.Name, Version: roster.Version, New: roster.New, Log: l.Log, View: view,
			Committed: func(projections.Checkpoint) {
				select {
				case caught <- struct{}{}:
				default:
				}
			},
		})
	}()
	<-caught
	kv, err := l.js.KeyValue(ctx, "roster")
	if err != nil {
		b.Fatal(err)
	}
	w, err := kv.Watch(ctx, "acme.*", jetstream.UpdatesOnly())
	if err != nil {
		b.Fatal(err)
	}
	defer w.Stop() //nolint:errcheck // it ends with the connection
	const changes, each = 3000, 10
	sent := make(chan [2]any, changes)
	go func() {
		tick := time.NewTicker(each * time.Millisecond)
		defer tick.Stop()
		for done := 0; done < changes; done += each {
			<-tick.C
			page := make([]events.Event, 0, each)
			for i := range each {
				e := ofIdentity((done + i) % min(*identityCount, changes))[0]
				e.Data.Entity.Agent.Name = fmt.Sprintf("renamed %d", done+i)
				e.Type = events.EntityType(events.KindAgent, events.Updated)
				page = append(page, e)
			}
			l.append(b, page)
			now := time.Now()
			for i := range page {
				sent <- [2]any{page[i].Data.Entity.Agent.Name, now}
			}
		}
	}()
	shown, appended := map[string]time.Time{}, map[string]time.Time{}
	for len(shown) < changes*9/10 || len(appended) < changes { // user accounts do not name their agent
		select {
		case e := <-w.Updates():
			var a roster.Agent
			if e == nil || events.Unmarshal(e.Value(), &a) != nil {
				continue
			}
			for _, i := range a.Identities {
				if _, was := shown[i.Agent.Name]; !was && len(i.Agent.Name) > 8 && i.Agent.Name[:8] == "renamed " {
					shown[i.Agent.Name] = time.Now()
				}
			}
		case s := <-sent:
			appended[s[0].(string)] = s[1].(time.Time)
		case <-time.After(time.Minute):
			b.Fatalf("%d of %d changes were shown", len(shown), changes)
		}
	}
	var out []time.Duration
	for name, at := range appended {
		if s, ok := shown[name]; ok {
			out = append(out, max(0, s.Sub(at)))
		}
	}
	cancel()
	if err := <-ran; err != nil {
		b.Fatal(err)
	}
	return out
}
