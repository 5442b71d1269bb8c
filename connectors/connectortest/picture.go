package connectortest

import (
	"cmp"
	"context"
	"slices"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
)

// picture is what the log says of the vendor's agents: those that are there.
func (s *suite) picture() map[string]Identity {
	out := map[string]Identity{}
	keys := map[string]map[events.Kind][]string{}
	for m, err := range s.log.States(context.Background(), tenant, connection) {
		if err != nil {
			s.t.Fatalf("reading the last states: %v", err)
		}
		e := m.Event.Data.Entity
		if e == nil || m.Event.Data.Gone != nil {
			continue
		}
		if e.Agent != nil {
			out[e.Holder] = Identity{ID: e.Holder, Name: e.Agent.Name, Status: string(e.Agent.Status)}
			continue
		}
		if keys[e.Holder] == nil {
			keys[e.Holder] = map[events.Kind][]string{}
		}
		keys[e.Holder][e.Kind] = append(keys[e.Holder][e.Kind], e.Key)
	}
	for id, i := range out {
		i.Stewards, i.Credentials = keys[id][events.KindStewardship], keys[id][events.KindCredential]
		out[id] = i
	}
	return out
}

// differs compares the log with the vendor and says how they differ.
func (s *suite) differs() string {
	truth, picture := s.control.Truth(), s.picture()
	got := make([]Identity, 0, len(picture))
	by := map[string]Identity{}
	for _, i := range truth {
		by[i.ID] = i
	}
	for _, i := range picture {
		slices.Sort(i.Stewards)
		slices.Sort(i.Credentials)
		if by[i.ID].Stewards == nil {
			i.Stewards = nil
		} else if i.Stewards == nil {
			i.Stewards = []string{}
		}
		if by[i.ID].Credentials == nil {
			i.Credentials = nil
		} else if i.Credentials == nil {
			i.Credentials = []string{}
		}
		got = append(got, i)
	}
	order := func(a, b Identity) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(got, order)
	slices.SortFunc(truth, order)
	if d := gocmp.Diff(truth, got); len(truth) > 0 || len(got) > 0 {
		return d
	}
	return ""
}

// becomesTruth waits until the log says what the vendor has.
func (s *suite) becomesTruth(when string) bool {
	return s.eventually(when+": the log becomes what the vendor has (-vendor +log)", s.differs)
}

// history lists the verbs of an agent's events.
func (s *suite) history(id string) []events.Verb {
	var out []events.Verb
	for _, m := range s.all() {
		if m.Event.Ref() == events.Identity(events.KindAgent, id) {
			out = append(out, m.Event.Verb())
		}
	}
	return out
}

// deletions counts the tombstones of agents in the log.
func (s *suite) deletions() int {
	n := 0
	for _, m := range s.all() {
		if m.Event.Type == events.EntityType(events.KindAgent, events.Deleted) {
			n++
		}
	}
	return n
}
