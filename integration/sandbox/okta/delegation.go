package okta

import (
	"cmp"
	"net/http"
	"slices"
)

// delegation says who may call an agent on a user's behalf: an app, or another agent.
type delegation struct {
	ID    string         `json:"id"`
	From  delegationFrom `json:"from"`
	To    delegationTo   `json:"to"`
	Links *pageLinks     `json:"_links,omitempty"`
}

type delegationFrom struct {
	Type      string `json:"type"`
	ClientOrn string `json:"clientOrn"`
	TokenType string `json:"tokenType"`
}

type delegationTo struct {
	ResourceOrn string `json:"resourceOrn"`
	ServerOrn   string `json:"authorizationServerOrn,omitempty"`
}

const delegationLinks = "/workload-principals/api/v1/delegation-links"

func (c *call) delegationView(l *delegationLink) delegation {
	return delegation{
		ID:    l.ID,
		From:  delegationFrom{Type: "OKTA_AUTHORIZATION_SERVER", ClientOrn: l.ClientOrn, TokenType: l.TokenType},
		To:    delegationTo{ResourceOrn: c.st.agentORN(l.To), ServerOrn: c.st.serverORN(c.st.Servers[0].ID)},
		Links: &pageLinks{Self: href(c.base, delegationLinks, "/", l.ID)},
	}
}

func listDelegationLinks(c *call) answer {
	if c.q.Get("filter") == "" {
		return missing("filter")
	}
	f, refused := c.filter("filter", "E0000031", fields{"to.resourceOrn": "eq", "from.clientOrn": "eq"})
	if refused != nil {
		return *refused
	}
	var fitting []*delegationLink
	for _, a := range c.candidates("to.resourceOrn") {
		fitting = append(fitting, where(a.Links, func(l *delegationLink) bool {
			return f(func(attr string) []string {
				if attr == "from.clientOrn" {
					return []string{l.ClientOrn}
				}
				return []string{c.st.agentORN(l.To)}
			})
		})...)
	}
	slices.SortFunc(fitting, func(a, b *delegationLink) int { return cmp.Compare(a.Seq, b.Seq) })
	items, next, refused := page(c, "delegations", fitting, nil, paged, func(l *delegationLink) place { return place{key: l.Seq} })
	if refused != nil {
		return *refused
	}
	return c.linked(ok(listBody[delegation]{Data: each(items, c.delegationView), Links: c.pageLinks(next)}), next)
}

func addDelegationLink(c *call) answer {
	var w delegation
	if no, fine := c.decode(&w, "application/json"); !fine {
		return no
	}
	to := c.st.byORN(w.To.ResourceOrn)
	switch {
	case to == nil:
		return invalid("to.resourceOrn", "is not the ORN of an AI agent.")
	case w.From.ClientOrn == "":
		return invalid("from.clientOrn", "must not be empty.")
	}
	l := &delegationLink{ClientOrn: w.From.ClientOrn, TokenType: cmp.Or(w.From.TokenType, "ACCESS_TOKEN")}
	c.delegate(to, l, c.actor())
	created := ok(c.delegationView(l))
	created.status = http.StatusCreated
	return created
}

func (s *Sandbox) delegate(to *agent, l *delegationLink, by *user) {
	l.ID, l.Seq, l.To = s.st.id("dlk"), s.st.next(), to.ID
	to.Links = append(to.Links, l)
	s.logAgent("workload_principal.delegation_link.create", to, by, logTarget{ID: l.ID, Type: "WorkloadPrincipalDelegationLink", DisplayName: l.ClientOrn})
}

func (s *Sandbox) undelegate(to *agent, l *delegationLink, by *user) {
	to.Links = without(to.Links, l)
	s.logAgent("workload_principal.delegation_link.delete", to, by, logTarget{ID: l.ID, Type: "WorkloadPrincipalDelegationLink", DisplayName: l.ClientOrn})
}

func deleteDelegationLink(c *call) answer {
	id := c.r.PathValue("link")
	for _, a := range c.st.Agents {
		if l := find(a.Links, func(l *delegationLink) bool { return l.ID == id }); l != nil {
			c.undelegate(a, l, c.actor())
			return answer{status: http.StatusNoContent}
		}
	}
	return notFound(id, "DelegationLink")
}
