package entra

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// mirror follows the tenant as a reader does, by delta alone, page by page.
type mirror struct {
	x      *tenant
	path   string
	at     string // the next address; empty: from the start
	agents map[string]jsonObject
	seen   map[string]bool // in a first round: what to keep
	resets int
}

const userSelect = "/v1.0/users/delta?$select=id,displayName,accountEnabled,identityParentId"

// page reads one page. A refused token starts over; what the new first round does not name is then forgotten.
func (m *mirror) page() (done bool) {
	if m.at == "" {
		m.at, m.seen = m.path, map[string]bool{}
	}
	r := m.x.get(m.at)
	if r.status == http.StatusGone || r.status == http.StatusBadRequest && r.code() == "syncStateNotFound" {
		m.at = ""
		m.resets++
		return false
	}
	for _, item := range r.items() {
		m.apply(item)
	}
	if m.at = r.link("nextLink"); m.at != "" {
		return false
	}
	m.at = r.link("deltaLink")
	for id := range m.agents {
		if m.seen != nil && !m.seen[id] {
			delete(m.agents, id)
		}
	}
	m.seen = nil
	return true
}

func (m *mirror) apply(item jsonObject) {
	id := item["id"].(string)
	if item["@removed"] != nil {
		delete(m.agents, id)
		delete(m.seen, id)
		return
	}
	if m.seen != nil {
		m.seen[id] = true
	}
	m.agents[id] = item
}

// TestMirror changes the tenant at random while two readers follow it, with every bad habit turned on and their tokens
// expired now and then. When all is quiet the readers must hold what the tenant holds.
func TestMirror(t *testing.T) {
	for seed := range uint64(4) {
		x := start(t)
		x.Nature = Nature{NewObjectLag: 40 * time.Second, DeltaLag: 25 * time.Second, CascadeDelay: time.Minute, Replays: seed%2 == 0, EmptyPages: seed > 1}
		r := sandbox.NewRand(seed, "mirror")
		readers := []*mirror{{x: x, path: spSelect, agents: map[string]jsonObject{}}, {x: x, path: userSelect, agents: map[string]jsonObject{}}}
		for range 500 {
			x.pass(time.Duration(r.Pick(20)) * time.Second)
			ops := everyOp()
			if _, err := x.Mutate(changeOf(ops[r.Pick(len(ops))])); err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
				t.Fatal(err)
			}
			readers[r.Pick(2)].page()
			if r.Chance(0.01) {
				x.ExpireCursors()
			}
		}
		x.pass(time.Hour)
		for _, m := range readers {
			for rounds := 0; rounds < 2; { // the round that is under way, and one that begins when all is quiet
				if m.page() {
					rounds++
				}
			}
			if m.resets == 0 {
				t.Errorf("seed %d: no token was ever refused", seed)
			}
		}
		x.agree(seed, readers)
	}
}

// agree compares what the readers hold with the truth.
func (x *tenant) agree(seed uint64, readers []*mirror) {
	x.t.Helper()
	count := 0
	for _, a := range x.Truth().Agents {
		m := readers[0].agents[a.ID]
		if a.Native == "agent_user" {
			m = readers[1].agents[a.ID]
		}
		if a.Status == "deleted" {
			if m != nil {
				x.t.Errorf("seed %d: %s is deleted, the reader has %s", seed, a.ID, compact(m))
			}
			continue
		}
		count++
		on := m["accountEnabled"] == true && m["disabledByMicrosoftStatus"] != disabledByMicrosoft
		if m["displayName"] != a.Name || on != (a.Status == "active") || (m["disabledByMicrosoftStatus"] == disabledByMicrosoft) != (a.DisabledBy != "") {
			x.t.Errorf("seed %d: the tenant has %+v, the reader %s", seed, a, compact(m))
		}
	}
	held := 0
	for _, m := range readers {
		for _, item := range m.agents {
			if item["servicePrincipalType"] == "ServiceIdentity" || item["identityParentId"] != nil {
				held++
			}
		}
	}
	if held != count {
		x.t.Errorf("seed %d: the readers hold %d agents, the tenant has %d", seed, held, count)
	}
}
