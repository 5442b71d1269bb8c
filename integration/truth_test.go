package integration

import (
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// seen is one identity, as a vendor has it or as the roster has it.
type seen struct {
	Name, Status                  string
	Stewards, Credentials, Grants []string
	With                          []string // the other identities of the same agent that the vendor has or the roster shows

	// Of a directory like Entra's.
	DisabledBy string
	Consents   []string // scope@resource for person, or for all
	Risk       string
}

// differs compares the roster with what the vendors have, and says how they differ.
func (c *chaos) differs(t *testing.T, agents []roster.Agent, people map[string]roster.Identity) string {
	t.Helper()
	want, got := map[string]seen{}, map[string]seen{}
	for _, r := range c.vendors {
		if r.numbers != nil {
			truthOfGoogle(r.vendor.Truth(), r.numbers, want)
			continue
		}
		truth(r.vendor.Truth(), want)
	}
	for _, a := range agents {
		for i := range a.Identities {
			key := a.Identities[i].Vendor + "/" + a.Identities[i].Holder
			if _, known := want[key]; known || a.Identities[i].Agent.Status != events.StatusDeleted {
				got[key] = shown(&a, i, people)
			}
		}
	}
	for key, one := range want {
		if _, known := got[key]; !known && one.Status == "deleted" {
			delete(want, key) // it came and went between two readings: nobody can have seen it
		}
	}
	return gocmp.Diff(want, got)
}

// peopleDiffer compares those who answer for something with what the vendors say of them. The roster may know more people: who
// answered for something once.
func (c *chaos) peopleDiffer(people map[string]roster.Identity) string {
	want, got := map[string]seen{}, map[string]seen{}
	for _, r := range c.vendors {
		for _, p := range r.vendor.Truth().People {
			key := r.vendor.Name() + "/" + p.ID
			want[key] = seen{Name: p.Native + " " + p.Name, Status: p.Status}
			if h, known := people[key]; known {
				got[key] = seen{Name: h.Person.Native + " " + h.Person.Name, Status: string(h.Person.Status)}
			}
		}
	}
	return gocmp.Diff(want, got)
}

// truth adds what a vendor has. Of who is deleted only that is compared: what hung on it is nowhere to be read.
func truth(v sandbox.Truth, to map[string]seen) {
	groups := together(v)
	for _, a := range v.Agents {
		key := v.Vendor + "/" + a.ID
		if a.Status == "deleted" {
			to[key] = seen{Status: a.Status}
			continue
		}
		s := seen{Name: a.Name, Status: a.Status, Stewards: sorted(a.Stewards), Credentials: sorted(a.Credentials), Grants: sorted(rights(a)), With: groups[a.ID],
			DisabledBy: disablers[a.DisabledBy], Consents: sorted(a.Consents), Risk: a.Risk}
		to[key] = s
	}
}

// truthOfGoogle adds what Google has: agents of every kind that is read, with what they may do on resources of every kind, whom they
// call and for whom they act.
func truthOfGoogle(v sandbox.Truth, numbers map[string]string, to map[string]seen) {
	groups := together(v)
	for id, one := range googleTruth(v, numbers, false) {
		to[v.Vendor+"/"+id] = seen{Name: one.Name, Status: one.Status, Credentials: one.Credentials, Consents: one.Consents,
			Grants: sorted(slices.Concat(one.Grants, one.Connections)), With: groups[id]}
	}
}

// disablers are the truth's words for who has disabled an agent, in the roster's. That a person has, a truth does not say.
var disablers = map[string]string{"vendor": "microsoft"}

// consents are what a roster's identity may do for whom, as a truth tells it: of Entra alone.
func consents(n *roster.Identity) (out []string) {
	for _, d := range n.Delegations {
		for _, scope := range d.Value.Scopes {
			whom := d.Value.Person
			if whom == events.Everyone {
				whom = "all"
			}
			out = append(out, scope+"@"+d.Value.Resource+" for "+whom)
		}
	}
	return out
}

// risk is the level of what is at risk, as a truth tells it.
func risk(n *roster.Identity) string {
	for _, r := range n.Risks {
		if r.Value.State == "atRisk" {
			return r.Value.Level
		}
	}
	return ""
}

// rights are all grants of an agent: its own, its roles in the directory, and those that come from its blueprint.
func rights(a sandbox.TruthAgent) []string {
	out := slices.Concat(a.Grants, a.Roles)
	for _, id := range a.Inherited {
		out = append(out, "inherited:"+id)
	}
	return out
}

// together are the living identities that belong to one agent with each, itself left out.
func together(v sandbox.Truth) map[string][]string {
	id := func(a sandbox.TruthAgent) string { return a.ID }
	if v.Vendor == "google" {
		id = googleID
	}
	known, link := map[string]string{}, map[string]string{} // by the truth's own ids
	living := map[string]bool{}
	for _, a := range slices.Concat(v.Agents, v.Further) {
		if known[a.ID] = id(a); known[a.ID] == "" {
			continue
		}
		living[a.ID] = a.Status != "deleted"
		if link[a.ID] = a.LinkedTo; a.Native == "gemini_agent" {
			link[a.ID] = "" // the engine that it is connected to is another agent
		}
	}
	root := func(id string) string {
		for link[id] != "" {
			id = link[id]
		}
		return id
	}
	out := map[string][]string{}
	for one := range link {
		for other := range link {
			if other != one && root(other) == root(one) && living[other] {
				out[known[one]] = append(out[known[one]], v.Vendor+"/"+known[other])
			}
		}
		slices.Sort(out[known[one]])
	}
	return out
}

// shown is an identity as the roster has it, in the words of the truth. people are the roster's, by "<vendor>/<id>".
func shown(a *roster.Agent, i int, people map[string]roster.Identity) seen {
	n := &a.Identities[i]
	if n.Agent.Status == events.StatusDeleted {
		return seen{Status: string(n.Agent.Status)}
	}
	s := seen{Name: n.Agent.Name, Status: string(n.Agent.Status)}
	for _, x := range n.Stewards {
		s.Stewards = append(s.Stewards, x.Key)
	}
	for _, x := range n.Credentials {
		key := x.Key
		if n.Vendor == "google" && x.Value.Type == "federated" {
			key = x.Value.Name + " " + x.Value.Subject
		}
		s.Credentials = append(s.Credentials, key)
	}
	for _, x := range n.Grants {
		key := x.Key
		if n.Vendor == "google" { // where a grant has no id
			if key = googleGrant(&x.Value); x.Value.Type != "iam_role" && !strings.HasPrefix(n.Holder, "urn:") {
				continue // what agents of Gemini are authorized by, of which the truth tells nothing
			}
		}
		s.Grants = append(s.Grants, key)
	}
	for _, x := range n.Delegations {
		if n.Vendor == "google" {
			s.Consents = append(s.Consents, googleConsents(&x.Value, people[n.Vendor+"/"+x.Value.Person].Person.UserName)...)
			continue
		}
		s.Grants = append(s.Grants, x.Key)
	}
	s.Consents = sorted(s.Consents)
	if n.Vendor == "entra" {
		s.Consents, s.Risk = sorted(consents(n)), risk(n)
		if by := n.Agent.DisabledBy; by == "microsoft" {
			s.DisabledBy = by
		}
	}
	for j := range a.Identities {
		if other := &a.Identities[j]; j != i && other.Agent.Status != events.StatusDeleted {
			s.With = append(s.With, other.Vendor+"/"+other.Holder)
		}
	}
	s.Stewards, s.Credentials, s.Grants, s.With = sorted(s.Stewards), sorted(s.Credentials), sorted(s.Grants), sorted(s.With)
	return s
}

// sorted is a set in order, nil when it is empty.
func sorted(in []string) []string {
	if len(in) == 0 {
		return nil
	}
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out)
}

// nobodyGoneForNothing reads what a hub has left, and looks for agents that it held to be gone although they never were.
func nobodyGoneForNothing(t *testing.T, c *chaos, dir string) {
	t.Helper()
	c.calm()
	r, err := hub.OpenReader(t.Context(), hub.Where{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for m, err := range r.Log.Read(t.Context(), events.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		e := &m.Event
		if ref := e.Ref(); ref.Kind == events.KindAgent && e.Verb() == events.Deleted && !c.gone[e.Vendor+"/"+ref.Holder] {
			t.Errorf("%s at %s: %s never was gone at %s: %s, %+v", e.Type, m.Position, ref.Holder, e.Vendor, e.Data.Gone.Reason, e.Data.Evidence)
		}
	}
}
