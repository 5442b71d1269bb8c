package okta

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/connectortest"
)

// TestContract holds the connector to the contract of all connectors, in both dialects of the owners' filter.
func TestContract(t *testing.T) {
	for _, dialect := range []string{"sweep", "each"} {
		t.Run(dialect, func(t *testing.T) {
			connectortest.Run(t, connectortest.Harness{
				New: func(t *testing.T) (connectors.Connector, connectortest.Control) {
					l := newLiving(t, dialect)
					return l.org.connect(t), l
				},
				Lacks: []connectortest.Lack{connectortest.Lack(connectortest.Slow)},
			})
		})
	}
}

// living is an org whose agents change and whose answers can be spoilt.
type living struct {
	org   *org
	log   tail
	asked chan struct{} // holds one item when a feed, not a probe, has asked

	mu     sync.Mutex
	agents []*alive
	dead   []*alive
	next   int
	faults []*playing
}

// alive is an agent of a living org. It has an owner unless its number is even, and one key.
type alive struct {
	id, name, status string
	n                int
}

type playing struct {
	connectortest.Fault
	seen, hit int
}

func newLiving(t *testing.T, dialect string) *living {
	l := &living{org: newOrg(t), asked: make(chan struct{}, 1)}
	for range 5 {
		l.create()
	}
	o := l.org
	l.list(agentsPath, func() []string { return l.each((*alive).json) }, bodyPaged)
	l.list(appsPath, func() []string {
		return []string{anApp("0oa1", "service", `,"jwks":{"keys":[{"kty":"RSA","kid":"k1"}]}`), anApp("0oa2", "web", "")}
	}, linkPaged)
	o.on(ownersPath, l.spoil(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		owners := map[string][]string{}
		for _, a := range l.agents {
			if a.n%2 == 1 {
				owners[a.id] = []string{anOwner(a.id, "00u1")}
			}
		}
		l.mu.Unlock()
		ownersAs(dialect, owners)(w, r)
	}))
	l.list(delegationsPath, func() []string { return nil }, bodyPaged)
	o.on(logsPath, l.spoil(l.log.serve))
	return l
}

// list serves what items says now, two items a page.
func (l *living) list(path string, items func() []string, as func(int, ...string) http.HandlerFunc) {
	l.org.on(path, l.spoil(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		now := items()
		l.mu.Unlock()
		as(2, now...)(w, r)
	}))
}

func (l *living) each(say func(*alive) string) []string {
	var out []string
	for _, a := range l.agents {
		out = append(out, say(a))
	}
	return out
}

func (a *alive) json() string {
	return strings.Replace(anAgent(a.id, a.name, ""), "ACTIVE", a.status, 1)
}

// create adds an agent; the caller holds the lock, or nobody else is there yet.
func (l *living) create() *alive {
	l.next++
	a := &alive{id: fmt.Sprintf("wlp%d", l.next), name: fmt.Sprintf("agent %d", l.next), status: "ACTIVE", n: l.next}
	l.agents = append(l.agents, a)
	l.org.on(agentsPath+"/"+a.id, l.self(a))
	key := fmt.Sprintf(`{"id":"pks%d","kid":"k","kty":"RSA","status":"ACTIVE"}`, a.n)
	l.org.on(agentsPath+"/"+a.id+"/credentials/jwks", l.ofAgent(a, key))
	l.org.on(agentsPath+"/"+a.id+"/connections", l.ofAgent(a, fmt.Sprintf(`{"id":"mcn%d","connectionType":"X","status":"ACTIVE"}`, a.n)))
	return a
}

// self serves one agent.
func (l *living) self(a *alive) http.HandlerFunc {
	return l.spoil(func(w http.ResponseWriter, _ *http.Request) {
		l.mu.Lock()
		there, body := slices.Contains(l.agents, a), a.json()
		l.mu.Unlock()
		if !there {
			answerJSON(w, 404, `{"errorCode":"E0000007","errorSummary":"Not found"}`)
			return
		}
		answerJSON(w, 200, body)
	})
}

// ofAgent serves a small list of an agent, which is not there when the agent is not.
func (l *living) ofAgent(a *alive, item string) http.HandlerFunc {
	return l.spoil(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		there := slices.Contains(l.agents, a)
		l.mu.Unlock()
		if !there {
			answerJSON(w, 404, `{"errorCode":"E0000007","errorSummary":"Not found"}`)
			return
		}
		bodyPaged(1, item)(w, r)
	})
}

// Mutate changes one agent.
func (l *living) Mutate(op connectortest.Op) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	find := func(in []*alive, status string) *alive {
		if n := slices.IndexFunc(in, func(a *alive) bool { return status == "" || a.status == status }); n >= 0 {
			return in[n]
		}
		return nil
	}
	var a *alive
	switch op {
	case connectortest.Create:
		a = l.create()
	case connectortest.Rename:
		if a = find(l.agents, ""); a != nil {
			a.name += "!"
		}
	case connectortest.Disable:
		if a = find(l.agents, "ACTIVE"); a != nil {
			a.status = "INACTIVE"
		}
	case connectortest.Enable:
		if a = find(l.agents, "INACTIVE"); a != nil {
			a.status = "ACTIVE"
		}
	case connectortest.Delete:
		a = find(l.agents, "")
		l.move(&l.agents, &l.dead, a)
	case connectortest.Restore:
		a = find(l.dead, "")
		l.move(&l.dead, &l.agents, a)
	}
	if a == nil {
		return "", connectortest.ErrCannot
	}
	l.log.add(fmt.Sprint("u", l.next, op, time.Now().UnixNano()), logged[op], a.id)
	return a.id, nil
}

// logged are the types of the log's entries about changes.
var logged = map[connectortest.Op]string{
	connectortest.Create: "workload_principal.register", connectortest.Rename: "workload_principal.ai_agent.update",
	connectortest.Disable: "workload_principal.deactivate", connectortest.Enable: "workload_principal.ai_agent.activate",
	connectortest.Delete: "workload_principal.delete", connectortest.Restore: "workload_principal.register",
}

func (l *living) move(from, to *[]*alive, a *alive) {
	if a != nil {
		*from = slices.DeleteFunc(*from, func(b *alive) bool { return a == b })
		*to = append(*to, a)
	}
}

// Truth lists the agents and the service app.
func (l *living) Truth() []connectortest.Identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	truth := []connectortest.Identity{{ID: "0oa1", Name: "app 0oa1", Status: "active", Stewards: []string{}, Credentials: []string{"k1"}}}
	for _, a := range l.agents {
		i := connectortest.Identity{ID: a.id, Name: a.name, Status: map[string]string{"ACTIVE": "active", "INACTIVE": "disabled"}[a.status],
			Stewards: []string{}, Credentials: []string{fmt.Sprintf("pks%d", a.n)}}
		if a.n%2 == 1 {
			i.Stewards = []string{"owner:00u1"}
		}
		truth = append(truth, i)
	}
	return truth
}

// Secrets are what nothing may show.
func (l *living) Secrets() []string { return []string{testToken} }

// ExpireCursors makes the log forget its next links. The lists' are places in them, and the connector keeps none between passes.
func (l *living) ExpireCursors() { l.log.expire() }

// Inject plays a fault, from a feed's next request on: a hub that has just started probes first, and one whose probe is refused
// starts no feed that could show the fault.
func (l *living) Inject(f connectortest.Fault) {
	select {
	case <-l.asked: // an earlier request
	default:
	}
	select {
	case <-l.asked:
	case <-time.After(10 * time.Second): // no hub is running
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, &playing{Fault: f})
}

// ClearFaults ends all faults.
func (l *living) ClearFaults() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = nil
}

// due is the fault to play on a request, or nil.
func (l *living) due() *connectortest.Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.faults {
		if f.seen++; f.Every > 1 && f.seen%f.Every != 0 || f.Times > 0 && f.hit >= f.Times {
			continue
		}
		f.hit++
		return &f.Fault
	}
	return nil
}

// spoil plays the faults on what h answers.
func (l *living) spoil(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("limit") != "1" {
			select {
			case l.asked <- struct{}{}:
			default:
			}
		}
		f := l.due()
		if f == nil {
			h(w, r)
			return
		}
		switch f.Kind {
		case connectortest.RateLimit:
			w.Header().Set("Retry-After", fmt.Sprint(int(f.After/time.Second)))
			answerJSON(w, 429, `{"errorCode":"E0000047"}`)
		case connectortest.ServerError:
			answerJSON(w, 500, `{"errorCode":"E0000009"}`)
		case connectortest.BadGateway:
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(502)
			fmt.Fprint(w, "<html>Bearer "+testToken)
		case connectortest.Unauthorized:
			answerJSON(w, 401, `{"errorCode":"E0000011","errorSummary":"token `+testToken+`"}`)
		case connectortest.Forbidden:
			answerJSON(w, 403, `{"errorCode":"E0000006"}`)
		case connectortest.Truncated:
			answerJSON(w, 200, `{"data":[{"id":"wl`)
		case connectortest.Reset:
			panic(http.ErrAbortHandler)
		case connectortest.EmptyOK:
			answerJSON(w, 200, map[bool]string{true: `[]`, false: `{"data":[]}`}[r.URL.Path == appsPath || r.URL.Path == logsPath])
		default:
			panic(errors.New("no such fault: " + string(f.Kind)))
		}
	}
}
