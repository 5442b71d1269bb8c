package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/google"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	googlebox "github.com/rollcallhq/rollcall/integration/sandbox/google"
)

// followed is a Google organization whose log a connector follows.
type followed struct {
	t   *testing.T
	box *googlebox.Sandbox
	log *eventlog.Log

	workspace bool // its reports are read
	served    http.Handler
	numbers   map[string]string // of projects, by id
}

// RoundTrip answers a request without a network.
func (f *followed) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	if r.Body == nil { // a server's requests always have one
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	f.served.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// truth is what the organization has, by id.
func (f *followed) truth() map[string]ofTruth {
	if f.numbers == nil {
		f.numbers = projectNumbers(f.t, f.served, f.box.Token())
	}
	return googleTruth(f.box.Truth(), f.numbers, f.workspace)
}

// told is what the log says, by id.
func (f *followed) told() map[string]ofTruth {
	out := map[string]ofTruth{}
	people := map[string]string{}
	states := map[events.Ref]*events.Entity{}
	for m, err := range f.log.States(context.Background(), "acme", "google") {
		if err != nil {
			f.t.Fatal(err)
		}
		if e := m.Event.Data.Entity; m.Event.Live() {
			states[e.Ref()] = e
			if e.Person != nil {
				people[e.Holder] = strings.Join(append(e.Person.Emails, e.Person.UserName), "")
			}
			if e.Agent != nil {
				out[e.Holder] = ofTruth{Name: e.Agent.Name, Status: string(e.Agent.Status)}
			}
		}
	}
	for _, e := range states {
		one, ok := out[e.Holder]
		if !ok {
			continue
		}
		switch {
		case e.Grant != nil && e.Grant.Type == "iam_role":
			one.Grants = append(one.Grants, googleGrant(e.Grant))
		case e.Grant != nil && strings.HasPrefix(e.Holder, "urn:"):
			one.Connections = append(one.Connections, googleGrant(e.Grant))
		case e.Credential != nil && e.Credential.Type == "federated":
			one.Credentials = append(one.Credentials, e.Credential.Name+" "+e.Credential.Subject)
		case e.Credential != nil:
			one.Credentials = append(one.Credentials, e.Key)
		case e.Delegation != nil && e.Scope == "workspace":
			one.Delegated = append(one.Delegated, reportedOf(e, people)...)
		case e.Delegation != nil:
			one.Consents = append(one.Consents, googleConsents(e.Delegation, people[e.Delegation.Person])...)
		}
		out[e.Holder] = one
	}
	for id, one := range out {
		for _, list := range []*[]string{&one.Grants, &one.Credentials, &one.Consents, &one.Connections, &one.Delegated} {
			*list = sorted(*list)
		}
		out[id] = one
	}
	return out
}

func (f *followed) differs() string { return gocmp.Diff(f.truth(), f.told()) }

// differsBut is how they differ but for identities whose ids begin so.
func (f *followed) differsBut(prefix string) string {
	but := func(m map[string]ofTruth) map[string]ofTruth {
		maps.DeleteFunc(m, func(id string, _ ofTruth) bool { return strings.HasPrefix(id, prefix) })
		return m
	}
	return gocmp.Diff(but(f.truth()), but(f.told()))
}

// Every change is in the log within some polls of the audit log, while the audits rest: listed, and out of a queue.
func TestGoogleLogLeads(t *testing.T) {
	t.Run("listed", func(t *testing.T) { googleFollowed(t, following{}) })
	t.Run("queued", func(t *testing.T) { googleFollowed(t, following{queued: true}) })
}

// While the log may not be read, the audits find every change alone: what was made and changed, what is gone, and what others were
// granted on it.
func TestGoogleWithoutTheLog(t *testing.T) {
	seeds := uint64(3)
	if raceEnabled {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed+1), func(t *testing.T) { googleFollowed(t, following{blind: true, seed: seed}) })
	}
}

// following is how a connector follows an organization.
type following struct {
	queued bool   // the log comes out of a queue
	blind  bool   // after the first pass the log may not be read
	seed   uint64 // of the organization: one more than this
}

func googleFollowed(t *testing.T, how following) {
	m, options := &made{}, map[string]string{}
	m.transport = connectors.NewTransport(m, connectors.Limits{Share: 1})
	company := sandbox.NewCompany(1+how.seed, 60)
	box := googlebox.New(company, 1+how.seed)
	if how.queued {
		out, err := box.Mutate(sandbox.Change{Op: sandbox.OpenSink})
		if err != nil {
			t.Fatal(err)
		}
		options["subscription"], options["asset_inventory"] = out.Key, "organizations/"+box.Organization()
	} else if !how.blind {
		options["workspace_admin"] = "cloud-admin@tessellate.example"
	}
	c, err := google.Vendor.New(connectors.Settings{Tenant: "acme", Connection: "google", Endpoint: "http://127.0.0.1:1", Transport: m.transport, Options: options,
		Auth: map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(box.Token())}})
	if err != nil {
		t.Fatal(err)
	}
	outside = append(outside, m)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))) // what the company has was made before
		served := sandbox.Serve(box)
		f := &followed{t: t, box: box, log: eventlog.NewMemory(), served: served, workspace: !how.queued && !how.blind}
		defer f.log.Close()
		m.to = f
		r, err := connectors.NewRunner(connectors.Config{Tenant: "acme", Connection: "google", Vendor: "google", Hub: "hub", Connector: c, Log: f.log,
			Transport: m.transport, Breaker: connectors.Breaker{Max: 1e9, Share: 1}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done, began := make(chan error, 1), time.Now()
		defer cancel()
		go func() { done <- r.Run(ctx) }()
		for st := r.Status(); !st.CaughtUp(); st = r.Status() {
			if time.Sleep(time.Second); time.Since(began) > time.Hour {
				for _, s := range st.Feeds {
					if !s.CaughtUp {
						t.Errorf("%s: %s %s", s.Name, s.State, s.LastError)
					}
				}
				t.Fatal("not caught up")
			}
		}
		time.Sleep(30 * time.Minute) // reports are read last, when the agents are known
		for _, s := range r.Status().Feeds {
			if s.State != connectors.FeedCaughtUp {
				t.Errorf("%s: %s %s", s.Name, s.State, s.LastError)
			}
		}
		if diff := f.differs(); diff != "" {
			t.Fatalf("after the first pass (-vendor +log):\n%s", diff)
		}
		wait := 20 * time.Minute // the registry's audit is woken for the last time after 15
		if how.blind {
			if err := served.Inject(sandbox.Fault{Kind: sandbox.Forbidden, Path: "entries:list"}); err != nil {
				t.Fatal(err)
			}
			wait = 75 * time.Minute // the walks look every 30 whether they are alone, and two passes agree within 10
			time.Sleep(wait)
		}
		made := map[sandbox.Op]int{}
		changes := googleChanges()
		if f.workspace {
			for _, op := range []sandbox.Op{sandbox.DelegateDomain, sandbox.UndelegateDomain, sandbox.AuthorizeClient, sandbox.RevokeClient, sandbox.UseAgent} {
				changes = append(changes, sandbox.Change{Op: op})
			}
		}
		if how.blind {
			f.make(changes, made, 6, wait)
			f.make(f.deaths(), made, 6, wait)
		} else {
			f.make(slices.Concat(changes, changes, f.registrations()), made, 1, wait)
		}
		if f.workspace && !t.Failed() {
			f.comesBack()
		}
		var text []string
		for _, op := range slices.Sorted(maps.Keys(made)) {
			text = append(text, fmt.Sprintf("%s %d", op, made[op]))
		}
		t.Log(strings.Join(text, ", "))
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// comesBack deletes a service account for which the domain was delegated hours ago, and restores it: what it may do is known again.
func (f *followed) comesBack() {
	var agent string
	for _, step := range []struct {
		op   sandbox.Op
		then time.Duration
	}{{sandbox.DelegateDomain, 4 * time.Hour}, {sandbox.DeleteAgent, 20 * time.Minute}, {sandbox.RestoreAgent, 20 * time.Minute}} {
		out, err := f.box.Mutate(sandbox.Change{Op: step.op, Agent: agent})
		if err != nil {
			f.t.Fatal(err)
		}
		agent = out.Agent
		time.Sleep(step.then)
		synctest.Wait()
		if diff := f.differs(); diff != "" {
			f.t.Errorf("%s: %s (-vendor +log):\n%s", step.op, out.Text, diff)
		}
	}
}

// make makes changes and counts them, and compares each time after so many of them and a wait.
func (f *followed) make(changes []sandbox.Change, made map[sandbox.Op]int, each int, wait time.Duration) {
	waiting := 0
	for i, change := range changes {
		out, err := f.box.Mutate(change)
		if err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
			f.t.Fatal(err)
		}
		if err == nil {
			waiting++
			made[change.Op]++
			if change.Name != "" {
				made[change.Op+" on "+sandbox.Op(change.Name)]++
			}
		}
		if waiting == 0 || waiting < each && i < len(changes)-1 {
			continue
		}
		waiting = 0
		time.Sleep(wait)
		synctest.Wait()
		diff := f.differs()
		if diff != "" && (each > 1 || f.differsBut("urn:") == "") {
			// A summary of what an agent used may have been purged a moment ago, which nothing tells of. And a list of the registry's that has
			// become empty is believed at its third pass.
			time.Sleep(40 * time.Minute)
			synctest.Wait()
			diff = f.differs()
		}
		if diff != "" {
			f.t.Errorf("%s: %s (-vendor +log):\n%s", change.Op, out.Text, diff)
			return
		}
	}
}

// deaths are changes that take away what others hold something on: engines, accounts and Cloud Run services.
func (f *followed) deaths() (out []sandbox.Change) {
	truth := f.box.Truth()
	there := map[string]bool{}
	for _, a := range slices.Concat(truth.Agents, truth.Further) {
		there[a.ID] = a.Native != "registry_agent"
	}
	for _, a := range slices.Concat(truth.Agents, truth.Further) {
		for _, b := range a.Bindings {
			_, on, _ := strings.Cut(numbered(b, f.numbers), "@//")
			on, _, _ = strings.Cut(on, " if ")
			service, id, _ := strings.Cut(on, "/")
			if service == "iam.googleapis.com" {
				id = id[strings.LastIndexByte(id, '/')+1:]
			}
			if there[id] {
				out = append(out, sandbox.Change{Op: sandbox.DeleteAgent, Agent: id})
				delete(there, id)
			}
		}
	}
	return out
}

// registrations are changes of what was registered by hand: another name, and the end of it.
func (f *followed) registrations() []sandbox.Change {
	for _, a := range f.box.Truth().Further {
		if a.Native == "registry_service" && a.LinkedTo != "" {
			return []sandbox.Change{{Op: sandbox.RenameAgent, Agent: a.LinkedTo}, {Op: sandbox.DeleteAgent, Agent: a.LinkedTo}}
		}
	}
	f.t.Error("nothing is registered by hand")
	return nil
}

// googleChanges are the changes of which Google's log tells: of every kind, and of the policies of every kind of resource.
func googleChanges() (out []sandbox.Change) {
	for _, op := range append(sandbox.Ops(), sandbox.AddBinding, sandbox.RemoveBinding, sandbox.RewritePolicy, sandbox.DisableCredential, sandbox.EnableCredential,
		sandbox.RedeployAgent, sandbox.CallAgent, sandbox.FailChange, sandbox.AddConnection, sandbox.RemoveConnection, sandbox.CreateProvider,
		sandbox.DisableProvider, sandbox.EnableProvider, sandbox.DeleteProvider, sandbox.RestoreProvider, sandbox.RemoveConsent) {
		out = append(out, sandbox.Change{Op: op})
	}
	for _, op := range []sandbox.Op{sandbox.AddBinding, sandbox.RewritePolicy, sandbox.RemoveBinding} {
		for _, on := range []string{"organization", "folder", "project", "engine", "account", "run", "app", "provider", "pool"} {
			out = append(out, sandbox.Change{Op: op, Name: on})
		}
	}
	return append(out, sandbox.Change{Op: sandbox.DeleteAgent, Native: "cloud_run_service"}, sandbox.Change{Op: sandbox.DeleteProvider},
		sandbox.Change{Op: sandbox.RestoreProvider})
}
