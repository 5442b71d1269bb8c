package roster

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// Found is a finding, and the agent that it is about.
type Found struct {
	Tenant string       `json:"tenant"`
	Name   string       `json:"name,omitzero"` // the agent's
	Class  events.Class `json:"class"`
	events.Finding
}

// FindingsOf lists what should be looked at in agents: the gravest first, then by the agents' names.
func FindingsOf(agents []Agent) []Found {
	out := []Found{}
	for i := range agents {
		a := &agents[i]
		for _, f := range a.Findings {
			f.Agent = a.ID
			out = append(out, Found{Tenant: a.Tenant, Name: a.Name, Class: a.Class, Finding: f})
		}
	}
	slices.SortStableFunc(out, func(a, b Found) int {
		return cmp.Or(-cmp.Compare(slices.Index(events.Severities, a.Severity), slices.Index(events.Severities, b.Severity)),
			cmp.Compare(a.Code, b.Code), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Agent, b.Agent))
	})
	return out
}

// Assertions lists what operators say about which identities of a tenant, or of all, are one agent.
func (r Reader) Assertions(ctx context.Context, tenant string) ([]Assertion, error) {
	out := []Assertion{}
	err := each(ctx, r.Store, pattern(assertionsPrefix, tenant)+".*", func(a *Assertion) { out = append(out, *a) })
	slices.SortFunc(out, func(a, b Assertion) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Key, b.Key)) })
	return out, err
}
