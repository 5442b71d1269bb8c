package entra

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcallhq/rollcall/integration/contract"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// inbox is a receiver without a network, for synctest's bubbles. It is the client's transport.
type inbox struct {
	validate func(token string) *http.Response                          // nil: as the vendor wants it
	answer   func(attempt int, r *http.Request) (status int, err error) // nil: 202

	mu  sync.Mutex
	got []delivery
}

type delivery struct {
	at      time.Time
	address string
	body    []byte
}

func response(status int, contentType, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(body))}
}

func (x *inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	if token := r.URL.Query().Get("validationToken"); token != "" {
		if x.validate != nil {
			return x.validate(token), nil
		}
		return response(200, "text/plain", token), nil
	}
	b, _ := io.ReadAll(r.Body)
	x.mu.Lock()
	x.got = append(x.got, delivery{time.Now(), r.URL.String(), b})
	n := len(x.got)
	x.mu.Unlock()
	status, err := 202, error(nil)
	if x.answer != nil {
		status, err = x.answer(n, r)
	}
	if err != nil {
		return nil, err
	}
	res := response(status, "text/plain", "")
	res.Header.Set("Location", "https://elsewhere.example/")
	return res, nil
}

func (x *inbox) deliveries() []delivery {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.got)
}

// notes are the notifications of all deliveries.
func (x *inbox) notes(t *testing.T) []jsonObject {
	t.Helper()
	var out []jsonObject
	for _, d := range x.deliveries() {
		var m struct{ Value []jsonObject }
		if err := json.Unmarshal(d.body, &m); err != nil {
			t.Fatal(err)
		}
		out = append(out, m.Value...)
	}
	return out
}

// bubbled is a tenant in a bubble, whose clock is the bubble's.
type bubbled struct {
	*Sandbox
	t *testing.T
}

func bubble(t *testing.T, x *inbox, f func(b *bubbled)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubbled{NewWith(sandbox.NewCompany(7, 90), 7, Layout{At: seedTime}), t}
		b.NotifyClient = &http.Client{Transport: x}
		f(b)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (b *bubbled) call(method, path, body string) reply {
	b.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+b.Token())
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	out := reply{status: w.Code, header: w.Header(), raw: w.Body.Bytes()}
	if len(out.raw) > 0 {
		out.body = decoded(b.t, out.raw)
	}
	return out
}

// wish is a subscription's body; what is given replaces or, as nil, removes a property.
func wish(changes ...any) string {
	m := map[string]any{"changeType": "updated,deleted", "resource": "users", "notificationUrl": "https://hub.example/hooks/entra?own=1",
		"lifecycleNotificationUrl": "https://hub.example/life", "clientState": "s3cr3t", "expirationDateTime": stamp(time.Now().Add(24 * time.Hour))}
	for i := 0; i < len(changes); i += 2 {
		m[changes[i].(string)] = changes[i+1]
		if changes[i+1] == nil {
			delete(m, changes[i].(string))
		}
	}
	b, _ := json.Marshal(m)
	return string(b)
}

func (b *bubbled) subscribe(changes ...any) string {
	b.t.Helper()
	r := b.call("POST", "/v1.0/subscriptions", wish(changes...))
	if r.status != 201 {
		b.t.Fatalf("POST subscriptions = %d %s", r.status, r.raw)
	}
	return r.body["id"].(string)
}

func (b *bubbled) do(c sandbox.Change) sandbox.Outcome {
	b.t.Helper()
	out, err := b.Mutate(c)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func (b *bubbled) some(native string) string {
	for _, a := range b.Truth().Agents {
		if a.Native == native && a.Status == "active" {
			return a.ID
		}
	}
	return ""
}

func (b *bubbled) group() string {
	return b.call("GET", "/v1.0/groups", "").items()[0]["id"].(string)
}

// rest lets all deliveries arrive.
func rest() { time.Sleep(time.Second); synctest.Wait() }

// TestNotifications changes users and a group, and holds what comes to the published form.
func TestNotifications(t *testing.T) {
	types := contract.Entra(t)
	x := &inbox{}
	bubble(t, x, func(b *bubbled) {
		id := b.subscribe()
		c := checker{types, t}
		c.object("subscription", ns+"subscription", b.call("GET", "/v1.0/subscriptions/"+id, "").body)
		u := b.do(sandbox.Change{Op: sandbox.DisableAgent, Native: "agent_user"}).Agent
		b.do(sandbox.Change{Op: sandbox.RenameAgent, Agent: u, Name: "Renamed"})
		b.do(sandbox.Change{Op: sandbox.RenameAgent, Native: "agent_identity"}) // of which nobody is told
		b.do(sandbox.Change{Op: sandbox.RenamePerson, Native: "group"})         // nor here
		rest()
		notes := x.notes(t)
		if len(notes) != 1 || len(x.deliveries()) != 1 {
			t.Fatalf("%d notifications in %d deliveries, want one of the user: %s", len(notes), len(x.deliveries()), compact(notes))
		}
		n, data := notes[0], notes[0]["resourceData"].(jsonObject)
		if n["clientState"] != "s3cr3t" || n["subscriptionId"] != id || n["resource"] != "Users/"+u || data["id"] != u ||
			n["changeType"] != "updated" || n["tenantId"] != b.TenantID() || data["@odata.type"] != "#Microsoft.Graph.User" {
			t.Errorf("the notification is %s", compact(n))
		}
		if a := x.deliveries()[0].address; a != "https://hub.example/hooks/entra?own=1" {
			t.Errorf("it went to %s", a)
		}
		b.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: u})
		rest()
		b.do(sandbox.Change{Op: sandbox.PurgeAgent, Agent: u})
		rest()
		notes = x.notes(t)
		if len(notes) != 3 || notes[1]["changeType"] != "updated" || notes[2]["changeType"] != "deleted" {
			t.Errorf("after a soft deletion and a hard one: %s", compact(notes))
		}
		for _, n := range notes {
			delete(n["resourceData"].(jsonObject), "@odata.type") // names the type of what changed, not its own
			c.object("notification", ns+"changeNotification", n)
		}
	})
}

// TestWhatIsTold tells of one user, of one group's members, of what a client still wants, and of a new user twice.
func TestWhatIsTold(t *testing.T) {
	x := &inbox{}
	bubble(t, x, func(b *bubbled) {
		u, g := b.some("agent_user"), b.group()
		one := b.subscribe("resource", "users/"+u, "notificationUrl", "https://hub.example/one")
		b.subscribe("resource", "groups/"+g+"/members", "notificationUrl", "https://hub.example/members")
		came := func() (out []string) {
			rest()
			for _, d := range x.deliveries() {
				out = append(out, strings.TrimPrefix(d.address, "https://hub.example/"))
			}
			slices.Sort(out)
			x.mu.Lock()
			defer x.mu.Unlock()
			x.got = nil
			return out
		}
		b.do(sandbox.Change{Op: sandbox.RenamePerson, Person: g})
		b.do(sandbox.Change{Op: sandbox.CreateAgent, Native: "agent_user"})
		if got := came(); len(got) != 0 {
			t.Errorf("of others were told: %v", got)
		}
		b.do(sandbox.Change{Op: sandbox.RenameAgent, Agent: u})
		b.mu.Lock()
		b.link(b.ix.byID[g], "members", u)
		b.mu.Unlock()
		if got := came(); !slices.Equal(got, []string{"members", "one"}) {
			t.Errorf("told were %v", got)
		}
		b.do(sandbox.Change{Op: sandbox.RenameAgent, Agent: u})
		b.call("DELETE", "/v1.0/subscriptions/"+one, "")
		if got := came(); len(got) != 0 {
			t.Errorf("who unsubscribed was told: %v", got)
		}
		b.Nature.NewObjectLag = time.Minute
		b.subscribe("notificationUrl", "https://hub.example/all")
		b.do(sandbox.Change{Op: sandbox.CreateAgent, Native: "agent_user"})
		first := came()
		time.Sleep(time.Minute)
		b.Truth()
		if got := came(); len(first) != 1 || len(got) != 1 {
			t.Errorf("of a new user were told %v at once and %v when it can be read", first, got)
		}
	})
}

// TestReauthorization is asked for near the end. Who does not answer is told of nothing until he does.
func TestReauthorization(t *testing.T) {
	x := &inbox{}
	bubble(t, x, func(b *bubbled) {
		id := b.subscribe()
		rename := func() int {
			before := len(x.notes(t))
			b.do(sandbox.Change{Op: sandbox.RenameAgent, Native: "agent_user"})
			rest()
			return len(x.notes(t)) - before
		}
		time.Sleep(24*time.Hour - 14*time.Minute)
		b.Truth() // the sandbox moves when somebody asks
		rest()
		n := x.notes(t)
		if len(n) != 1 || n[0]["lifecycleEvent"] != "reauthorizationRequired" || n[0]["clientState"] != "s3cr3t" || n[0]["subscriptionId"] != id ||
			x.deliveries()[0].address != "https://hub.example/life" {
			t.Fatalf("near the end: %s", compact(n))
		}
		if rename() != 1 {
			t.Error("within the grace a change was not told")
		}
		b.call("PATCH", "/v1.0/subscriptions/"+id, `{"expirationDateTime":"`+stamp(time.Now().Add(72*time.Hour))+`"}`)
		b.AskReauthorization()
		time.Sleep(16 * time.Minute)
		if rename() != 0 {
			t.Error("after the grace a change was told")
		}
		if r := b.call("POST", "/v1.0/subscriptions/"+id+"/reauthorize", ""); r.status != 204 {
			t.Fatalf("reauthorize = %d %s", r.status, r.raw)
		}
		if rename() != 1 {
			t.Error("after the reauthorization a change was not told")
		}
		b.Nature.ReauthorizeEvery = time.Hour
		time.Sleep(2 * time.Hour)
		if rename() != 2 {
			t.Errorf("with ReauthorizeEvery: %s", compact(x.notes(t)))
		}
	})
}

// TestDeliveryFails tries again, and gives up in the end.
func TestDeliveryFails(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(int, *http.Request) (int, error)
		want   int
	}{
		"once":   {func(n int, _ *http.Request) (int, error) { return map[bool]int{true: 503, false: 202}[n == 1], nil }, 2},
		"always": {func(int, *http.Request) (int, error) { return 500, nil }, 3},
		"broken": {func(int, *http.Request) (int, error) { return 0, errors.New("no route") }, 3},
		"late": {func(_ int, r *http.Request) (int, error) {
			<-r.Context().Done()
			return 0, r.Context().Err()
		}, 3},
		"moved": {func(int, *http.Request) (int, error) { return 307, nil }, 3},
	} {
		x := &inbox{answer: c.answer}
		bubble(t, x, func(b *bubbled) {
			b.subscribe()
			start := time.Now()
			b.do(sandbox.Change{Op: sandbox.RenameAgent, Native: "agent_user"})
			if took := time.Since(start); took > 0 {
				t.Errorf("%s: the change waited %s for the receiver", name, took)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if n := len(x.deliveries()); n != c.want {
				t.Errorf("%s: %d attempts, want %d", name, n, c.want)
			}
		})
	}
}

// TestLostNotifications loses each second one.
func TestLostNotifications(t *testing.T) {
	x := &inbox{}
	bubble(t, x, func(b *bubbled) {
		b.Nature.LoseNotifications = 2
		b.subscribe()
		for range 6 {
			b.do(sandbox.Change{Op: sandbox.RenameAgent, Native: "agent_user"})
			rest()
		}
		if n := len(x.notes(t)); n != 3 {
			t.Errorf("%d of 6 changes were told, want 3", n)
		}
	})
}

// TestCloseEndsDeliveries closes while a receiver hangs, and while changes wait.
func TestCloseEndsDeliveries(t *testing.T) {
	x := &inbox{answer: func(_ int, r *http.Request) (int, error) {
		<-r.Context().Done()
		return 0, r.Context().Err()
	}}
	bubble(t, x, func(b *bubbled) {
		b.subscribe()
		b.do(sandbox.Change{Op: sandbox.RenameAgent, Native: "agent_user"})
		rest()
		b.do(sandbox.Change{Op: sandbox.RenameAgent, Native: "agent_user"})
		start := time.Now()
		if err := b.Close(); err != nil || time.Since(start) > 0 {
			t.Errorf("Close took %s: %v", time.Since(start), err)
		}
		b.do(sandbox.Change{Op: sandbox.RenameAgent, Native: "agent_user"})
		time.Sleep(time.Minute)
		if n := len(x.deliveries()); n != 1 {
			t.Errorf("%d deliveries, want the one before the end", n)
		}
		if r := b.call("GET", "/v1.0/users", ""); r.status != 200 {
			t.Errorf("after Close the tenant answers %d", r.status)
		}
	})
}
