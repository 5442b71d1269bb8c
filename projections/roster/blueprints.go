package roster

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// Family is a blueprint and the agents that are made of it. Whoever has one of its credentials can act as each of them: the blast
// radius of a blueprint's credential is the whole family.
type Family struct {
	Blueprint Identity `json:"blueprint"`
	Reaches   []Member `json:"reaches"` // ordered by name; those that are deleted are left out
}

// Member is an agent identity that is made of a blueprint.
type Member struct {
	Agent  string        `json:"agent"` // the roster's id
	Name   string        `json:"name,omitzero"`
	Holder string        `json:"holder"` // the vendor's id of the identity
	Status events.Status `json:"status"` // of the identity
}

// Families lists the blueprints of a tenant, or of all, ordered by name, with whom they reach. An agent names its blueprint by one of the
// blueprint's identifiers, so a blueprint and its principal, which share their application's id, reach the same agents.
func (r Reader) Families(ctx context.Context, tenant string) ([]Family, error) {
	agents, err := r.Agents(ctx, tenant)
	if err != nil {
		return nil, err
	}
	reached := map[at][]Member{} // by what the agents call their blueprint
	for _, a := range agents {
		for _, i := range a.Identities {
			if i.Agent.Blueprint != "" && i.Agent.Status != events.StatusDeleted {
				of := at{i.Tenant, i.Connection, i.Agent.Blueprint}
				reached[of] = append(reached[of], Member{Agent: a.ID, Name: i.Agent.Name, Holder: i.Holder, Status: i.Agent.Status})
			}
		}
	}
	holders, err := r.Holders(ctx, tenant)
	if err != nil {
		return nil, err
	}
	out := []Family{}
	for _, h := range holders {
		if h.Blueprint == nil {
			continue
		}
		f := Family{Blueprint: h, Reaches: []Member{}}
		for _, name := range h.names() {
			f.Reaches = append(f.Reaches, reached[at{h.Tenant, h.Connection, name}]...)
		}
		sort.Slice(f.Reaches, func(i, j int) bool {
			a, b := &f.Reaches[i], &f.Reaches[j]
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Holder, b.Holder)) < 0
		})
		f.Reaches = slices.CompactFunc(f.Reaches, func(a, b Member) bool { return a.Holder == b.Holder })
		out = append(out, f)
	}
	sort.Slice(out, func(i, j int) bool {
		x, y := &out[i].Blueprint, &out[j].Blueprint
		return cmp.Or(cmp.Compare(strings.ToLower(x.Blueprint.Name), strings.ToLower(y.Blueprint.Name)), x.at().compare(y.at())) < 0
	})
	return out, nil
}

// names are all ids that a blueprint is known by, each once.
func (i *Identity) names() []string {
	out := []string{i.Holder}
	for _, id := range i.Blueprint.Identifiers {
		out = append(out, id.Value)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
