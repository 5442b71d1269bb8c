package google

import (
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// Truth is what the organization has now: the agents that Agent Registry shows, the reasoning engines, and the service
// accounts that are not deleted. A deleted service account could be restored, but no API shows it, so it is not here.
//
// Grants are role@projects/ID, from the projects' policies alone; Bindings are from the policies of all resources that are
// there. A registered agent that stands for an engine has none: its engine holds them, since the principal is the engine's.
// What stands for a Cloud Run service has its Grants but not its Bindings, which the service among Further has. Google knows no
// owners; only a Cloud Run service has a steward, who created it.
func (s *Sandbox) Truth() sandbox.Truth {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := sandbox.Truth{Vendor: s.Name(), Agents: s.st.agents(s.now())}
	s.st.furtherTruth(&t, s.Options, s.now())
	byID := func(a, b sandbox.TruthAgent) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(t.Agents, byID)
	slices.SortFunc(t.Further, byID)
	return t
}

// agents are all agents at a time: registered ones, engines, accounts, each in the order of their making.
func (s *state) agents(now time.Time) []sandbox.TruthAgent {
	held := s.held()
	var out []sandbox.TruthAgent
	for _, r := range s.Registered {
		if r.shown(now) {
			out = append(out, s.registeredTruth(r, held))
		}
	}
	for _, e := range s.Engines {
		out = append(out, sandbox.TruthAgent{ID: e.name(), Native: nativeEngine, Name: e.Title, Status: "active",
			Stewards: []string{}, Credentials: []string{}, Grants: held.of(e.principal(s))})
	}
	for _, a := range s.Accounts {
		if a.Deleted.IsZero() {
			out = append(out, a.truth(held))
		}
	}
	return out
}

func (s *state) registeredTruth(r *registered, held holdings) sandbox.TruthAgent {
	t := sandbox.TruthAgent{ID: r.urn(), Native: nativeRegistry, Name: r.Title, Status: "active", Stewards: []string{},
		Credentials: []string{}, Grants: []string{}}
	switch r.Service {
	case servicePlatform:
		t.LinkedTo = r.Host
	case serviceRun:
		if run := s.run(r.Host); run != nil {
			t.Grants = held.of(run.principal(s))
		}
	}
	return t
}

func (a *account) truth(held holdings) sandbox.TruthAgent {
	t := sandbox.TruthAgent{ID: a.UniqueID, Native: nativeAccount, Name: a.Title, Status: "active", Stewards: []string{},
		Credentials: []string{}, Grants: held.of(a.member())}
	if t.Name == "" {
		t.Name = a.Email
	}
	if a.Disabled {
		t.Status = "disabled"
	}
	for _, k := range a.Keys {
		t.Credentials = append(t.Credentials, k.ID)
	}
	slices.Sort(t.Credentials)
	return t
}

// holdings are the grants of each member, as role@resource.
type holdings map[string][]string

// held collects the grants from the policies of all projects.
func (s *state) held() holdings {
	h := holdings{}
	for _, p := range s.Projects {
		for _, b := range s.Policies[projectPolicyKey(p.ProjectID)].Bindings {
			for _, m := range b.Members {
				h[m] = append(h[m], grantKey(b.Role, p.ProjectID))
			}
		}
	}
	return h
}

// of are a member's grants, sorted, each once.
func (h holdings) of(member string) []string {
	out := slices.Clone(h[member])
	if member == "" || out == nil {
		return []string{}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// grantKey names a grant in Truth and in outcomes.
func grantKey(role, project string) string { return role + "@projects/" + project }
