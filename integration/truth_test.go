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
func (c *chaos) differs(t *testing.T, agents []roster.Agent) string {
	t.Helper()
	want, got := map[string]seen{}, map[string]seen{}
	for _, r := range c.vendors {
		truth(r.vendor.Truth(), want)
	}
	for _, a := range agents {
		for i := range a.Identities {
			key := a.Identities[i].Vendor + "/" + a.Identities[i].Holder
			if _, known := want[key]; known || a.Identities[i].Agent.Status != events.StatusDeleted {
				got[key] = shown(&a, i)
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

// unread are the kinds of agents whose grants no connector reads yet: those that Google gives to the principal of a Cloud Run
// service.
var unread = []string{"registry_agent"}

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
		if slices.Contains(unread, a.Native) {
			s.Grants = nil
		}
		if told[v.Vendor] != nil {
			s.Consents = nil // the feed that reads them is left out; see TestGoogleLogLeads
		}
		to[key] = s
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
	root := map[string]string{}
	living := map[string]bool{}
	for _, a := range v.Agents {
		living[a.ID] = a.Status != "deleted"
		root[a.ID] = a.ID
		if a.LinkedTo != "" {
			root[a.ID] = a.LinkedTo
		}
	}
	out := map[string][]string{}
	for id, r := range root {
		for other, s := range root {
			if other != id && s == r && living[other] {
				out[id] = append(out[id], v.Vendor+"/"+other)
			}
		}
		slices.Sort(out[id])
	}
	return out
}

// shown is an identity as the roster has it, in the words of the truth.
func shown(a *roster.Agent, i int) seen {
	n := &a.Identities[i]
	if n.Agent.Status == events.StatusDeleted {
		return seen{Status: string(n.Agent.Status)}
	}
	s := seen{Name: n.Agent.Name, Status: string(n.Agent.Status)}
	for _, x := range n.Stewards {
		s.Stewards = append(s.Stewards, x.Key)
	}
	for _, x := range n.Credentials {
		if n.Vendor != "google" || x.Value.Type != "federated" { // see TestGoogleLogLeads
			s.Credentials = append(s.Credentials, x.Key)
		}
	}
	for _, x := range n.Grants {
		key := x.Key
		if n.Vendor == "google" { // where a grant has no id; on projects here, TestGoogleLogLeads has the others
			resource := strings.TrimPrefix(x.Value.Resource, "//cloudresourcemanager.googleapis.com/")
			if key = x.Value.Role + "@" + resource; !strings.HasPrefix(resource, "projects/") {
				continue
			}
		}
		s.Grants = append(s.Grants, key)
	}
	for _, x := range n.Delegations {
		s.Grants = append(s.Grants, x.Key)
	}
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
