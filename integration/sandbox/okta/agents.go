package okta

import (
	"net/http"
	"net/url"
	"unicode/utf8"
)

type aiAgent struct {
	ID          string       `json:"id"`
	Status      string       `json:"status"`
	Created     string       `json:"created"`
	LastUpdated string       `json:"lastUpdated"`
	AppID       string       `json:"appId,omitempty"`
	Platform    string       `json:"platform,omitempty"`
	ExternalID  string       `json:"externalId,omitempty"`
	Profile     agentProfile `json:"profile"`
	Links       agentLinks   `json:"_links"`
}

type agentProfile struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Platform    string `json:"platform,omitempty"`
	ExternalID  string `json:"externalId,omitempty"`
}

type agentLinks struct {
	Self            *link   `json:"self"`
	DelegationLinks *link   `json:"delegationLinks"`
	Providers       []*link `json:"providers,omitempty"`
}

func (c *call) agentView(a *agent) aiAgent {
	v := aiAgent{
		ID: a.ID, Status: a.Status, Created: stamp(a.Created), LastUpdated: stamp(a.Updated), AppID: a.AppID,
		Platform: a.Platform, ExternalID: a.ExternalID,
		Profile: agentProfile{Name: a.Name, Description: a.Description},
		Links: agentLinks{
			Self: href(c.base, agents, "/", a.ID),
			DelegationLinks: href(c.base, "/workload-principals/api/v1/delegation-links?filter=",
				url.PathEscape(`to.resourceOrn eq "`+c.st.agentORN(a.ID)+`"`)),
		},
	}
	if c.opt.PlatformInProfile {
		v.Profile.Platform, v.Profile.ExternalID = a.Platform, a.ExternalID
		v.Platform, v.ExternalID = "", ""
	}
	if a.Provider != "" {
		v.Links.Providers = []*link{href(c.base, "/workload-principals/api/v1/ai-agent-providers/", a.Provider)}
	}
	return v
}

var searchable = fields{"status": "eq", "appId": "eq", "profile.name": "sw co eq", "profile.platform": "eq"}

// paged is the size of a page in the newer APIs.
var paged = sizes{def: 20, low: 1, high: 200}

func listAgents(c *call) answer {
	f, refused := c.filter("search", "E0000031", searchable)
	if refused != nil {
		return *refused
	}
	fits := func(a *agent) bool {
		return c.visible(a.Created) && f(func(attr string) []string {
			switch attr {
			case "status":
				return []string{a.Status}
			case "appId":
				return []string{a.AppID}
			case "profile.platform":
				return []string{a.Platform}
			}
			return []string{a.Name}
		})
	}
	items, next, refused := page(c, "agents", c.st.Agents, fits, paged, func(a *agent) place { return place{key: a.Seq} })
	if refused != nil {
		return *refused
	}
	body := listBody[aiAgent]{Data: each(items, c.agentView), Links: c.pageLinks(next)}
	if c.opt.AgentPaging == InLink {
		body.Links.Next = nil
	}
	if c.opt.AgentPaging == InBody {
		return ok(body)
	}
	return c.linked(ok(body), next)
}

// shownAgent finds the agent that the path names.
func (c *call) shownAgent() (*agent, *answer) {
	id := c.r.PathValue("id")
	a := c.st.agent(id)
	if a == nil || !c.visible(a.Created) {
		no := notFound(id, "WorkloadPrincipal")
		return nil, &no
	}
	return a, nil
}

func getAgent(c *call) answer {
	a, no := c.shownAgent()
	if no != nil {
		return *no
	}
	return ok(c.agentView(a))
}

// agentWrite is the body of a registration, a replacement or a merge patch. In a patch an absent member stays.
type agentWrite struct {
	AppID   *string `json:"appId"`
	Profile *struct {
		Name        *string `json:"name"`
		Description *string `json:"description"`
	} `json:"profile"`
}

func (w agentWrite) name() *string {
	if w.Profile == nil {
		return nil
	}
	return w.Profile.Name
}

func (w agentWrite) description() *string {
	if w.Profile == nil {
		return nil
	}
	return w.Profile.Description
}

// checkName holds a new name to Okta's rules: at least three characters, unique in the org.
func (c *call) checkName(name *string, self string) *answer {
	var why string
	switch {
	case name == nil || utf8.RuneCountInString(*name) < 3:
		why = "must have at least 3 characters."
	case find(c.st.Agents, func(a *agent) bool { return a.Name == *name && a.ID != self }) != nil:
		why = "an AI agent with this name exists already."
	default:
		return nil
	}
	a := invalid("profile.name", why)
	return &a
}

func registerAgent(c *call) answer {
	var w agentWrite
	if a, fine := c.decode(&w, "application/json"); !fine {
		return a
	}
	if a := c.checkName(w.name(), ""); a != nil {
		return *a
	}
	a := &agent{ID: c.st.id("wlp"), Status: "STAGED", Name: *w.name(), Description: text(w.description()), AppID: text(w.AppID)}
	return c.accepted(c.begin(&operation{Type: "ai-agent:Register", Agent: a.ID, New: a}, c.actor()))
}

func replaceAgent(c *call) answer {
	a, no := c.shownAgent()
	if no != nil {
		return *no
	}
	var w agentWrite
	if no, fine := c.decode(&w, "application/json"); !fine {
		return no
	}
	if no := c.checkName(w.name(), a.ID); no != nil {
		return *no
	}
	empty := ""
	op := &operation{Type: "ai-agent:Replace", Agent: a.ID, Name: w.name(), Description: &empty, AppID: &empty}
	if d := w.description(); d != nil {
		op.Description = d
	}
	if w.AppID != nil {
		op.AppID = w.AppID
	}
	return c.accepted(c.begin(op, c.actor()))
}

func patchAgent(c *call) answer {
	a, no := c.shownAgent()
	if no != nil {
		return *no
	}
	var w agentWrite
	if no, fine := c.decode(&w, "application/merge-patch+json"); !fine {
		return no
	}
	if w.name() != nil {
		if no := c.checkName(w.name(), a.ID); no != nil {
			return *no
		}
	}
	op := &operation{Type: "ai-agent:Patch", Agent: a.ID, Name: w.name(), Description: w.description(), AppID: w.AppID}
	return c.accepted(c.begin(op, c.actor()))
}

func activateAgent(c *call) answer {
	a, no := c.shownAgent()
	switch {
	case no != nil:
		return *no
	case a.Status == "ACTIVE":
		return invalid("status", "the AI agent is active already.")
	case len(a.Owners) == 0:
		// Okta does not say what is missing.
		return fault(http.StatusBadRequest, "E0000001", "Api validation failed: AIAgent")
	}
	return c.accepted(c.begin(&operation{Type: "ai-agent:Activate", Agent: a.ID}, c.actor()))
}

func deactivateAgent(c *call) answer {
	a, no := c.shownAgent()
	switch {
	case no != nil:
		return *no
	case a.Status != "ACTIVE":
		return invalid("status", "only an active AI agent can be deactivated.")
	}
	return c.accepted(c.begin(&operation{Type: "ai-agent:Deactivate", Agent: a.ID}, c.actor()))
}

func deleteAgent(c *call) answer {
	a, no := c.shownAgent()
	switch {
	case no != nil:
		return *no
	case a.Status != "INACTIVE":
		return invalid("status", "only an inactive AI agent can be deleted.")
	case a.Provider != "":
		return invalid("id", "an imported AI agent can't be deleted in Okta.")
	}
	return c.accepted(c.begin(&operation{Type: "ai-agent:Delete", Agent: a.ID}, c.actor()))
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
