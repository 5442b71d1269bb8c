package google

import (
	"fmt"
	"strings"
)

// appJSON is an Engine of discoveryengine/v1alpha: a Gemini Enterprise app.
type appJSON struct {
	Name             string `json:"name"`
	DisplayName      string `json:"displayName"`
	CreateTime       string `json:"createTime"`
	UpdateTime       string `json:"updateTime"`
	SolutionType     string `json:"solutionType"`
	AppType          string `json:"appType"`
	IndustryVertical string `json:"industryVertical"`
}

type assistantJSON struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	CreateTime  string `json:"createTime"`
	UpdateTime  string `json:"updateTime"`
}

// geminiJSON is an Agent of discoveryengine/v1alpha. It has no owner and no identity of its own.
type geminiJSON struct {
	Name                string                   `json:"name"`
	DisplayName         string                   `json:"displayName"`
	Description         string                   `json:"description"`
	State               string                   `json:"state"`
	SuspensionReason    string                   `json:"suspensionReason,omitempty"`
	CreateTime          string                   `json:"createTime"`
	UpdateTime          string                   `json:"updateTime"`
	AdkAgentDefinition  *adkJSON                 `json:"adkAgentDefinition,omitempty"`
	A2aAgentDefinition  *a2aJSON                 `json:"a2aAgentDefinition,omitempty"`
	Managed             *struct{}                `json:"managedAgentDefinition,omitempty"`
	Dialogflow          *dialogflowJSON          `json:"dialogflowAgentDefinition,omitempty"`
	SharingConfig       *sharingJSON             `json:"sharingConfig,omitempty"`
	AuthorizationConfig *authorizationConfigJSON `json:"authorizationConfig,omitempty"`
}

type adkJSON struct {
	ProvisionedReasoningEngine struct {
		ReasoningEngine string `json:"reasoningEngine"`
	} `json:"provisionedReasoningEngine"`
}

type a2aJSON struct {
	JSONAgentCard string `json:"jsonAgentCard"`
}

type dialogflowJSON struct {
	DialogflowAgent string `json:"dialogflowAgent"`
}

type sharingJSON struct {
	Scope string `json:"scope"`
}

type authorizationConfigJSON struct {
	ToolAuthorizations []string `json:"toolAuthorizations,omitempty"`
}

func (a *geminiApp) json() appJSON {
	return appJSON{Name: a.name(), DisplayName: a.Title, CreateTime: stamp(a.Created), UpdateTime: stamp(a.Created),
		SolutionType: "SOLUTION_TYPE_SEARCH", AppType: "APP_TYPE_INTRANET", IndustryVertical: "GENERIC"}
}

func (a *geminiApp) agentJSON(opt Options, g *geminiAgent) geminiJSON {
	j := geminiJSON{Name: a.assistant() + "/agents/" + g.ID, DisplayName: g.Title, Description: g.Text, State: g.State,
		SuspensionReason: g.Reason, CreateTime: stamp(g.Created), UpdateTime: stamp(g.Updated), SharingConfig: &sharingJSON{g.Scope}}
	if opt.novel(g.ID) {
		j.State = novelState
	}
	switch {
	case g.Engine != "":
		j.AdkAgentDefinition = &adkJSON{}
		j.AdkAgentDefinition.ProvisionedReasoningEngine.ReasoningEngine = g.Engine
	case g.Definition == "managed":
		j.Managed = &struct{}{}
	case g.Definition == "dialogflow":
		j.Dialogflow = &dialogflowJSON{"projects/" + a.Number + "/locations/global/agents/" + g.ID}
	default:
		j.A2aAgentDefinition = &a2aJSON{fmt.Sprintf(`{"name":%q,"version":"1.0.0"}`, g.Title)}
	}
	if g.ToolAuth != "" {
		j.AuthorizationConfig = &authorizationConfigJSON{[]string{g.ToolAuth}}
	}
	return j
}

// withID is an agent with the id that a filter may ask for, though the resource has no such field.
func (a *geminiApp) withID(opt Options, g *geminiAgent) any {
	return struct {
		geminiJSON
		ID string `json:"id"`
	}{a.agentJSON(opt, g), g.ID}
}

// apps are the apps in the collection that the path names. All lie in the default collection, in the global location.
func (c *call) apps(permission string) ([]*geminiApp, *apiError) {
	p, e := c.projectOf(permission)
	if e != nil {
		return nil, e
	}
	if c.vars["collection"] != "default_collection" {
		return nil, notFound("Collection projects/%s/locations/%s/collections/%s not found.", p.Number, c.vars["location"],
			c.vars["collection"])
	}
	var out []*geminiApp
	for _, a := range c.Apps {
		if a.Number == p.Number && c.vars["location"] == "global" {
			out = append(out, a)
		}
	}
	return out, nil
}

func (c *call) appOf(permission string) (*geminiApp, *apiError) {
	apps, e := c.apps(permission)
	if e != nil {
		return nil, e
	}
	if a := pick(apps, func(a *geminiApp) bool { return a.ID == c.vars["app"] }); a != nil {
		return a, nil
	}
	return nil, notFound("Engine projects/%s/locations/%s/collections/%s/engines/%s not found.", c.vars["project"],
		c.vars["location"], c.vars["collection"], c.vars["app"])
}

// listApps ignores page sizes and tokens, which the vendor says it does not support.
func listApps(c *call) (any, *apiError) {
	apps, e := c.apps("discoveryengine.engines.list")
	if e != nil {
		return nil, e
	}
	keep, e := c.filterOf("solution_type")
	if e != nil {
		return nil, e
	}
	var out struct {
		Engines []appJSON `json:"engines,omitempty"`
	}
	for _, a := range apps {
		if j := a.json(); keep == nil || keep(j) {
			out.Engines = append(out.Engines, j)
		}
	}
	return out, nil
}

func getApp(c *call) (any, *apiError) {
	a, e := c.appOf("discoveryengine.engines.get")
	if e != nil {
		return nil, e
	}
	return a.json(), nil
}

func listAssistants(c *call) (any, *apiError) {
	a, e := c.appOf("discoveryengine.assistants.list")
	if e != nil {
		return nil, e
	}
	found, next, e := page(c, list[string, assistantJSON]{
		pager: pager{fallback: 100, max: 1000},
		all:   []string{a.assistant()},
		key:   func(name string) string { return name },
		show: func(name string) assistantJSON {
			return assistantJSON{name, "Default Assistant", stamp(a.Created), stamp(a.Created)}
		},
	})
	if e != nil {
		return nil, e
	}
	return struct {
		Assistants    []assistantJSON `json:"assistants,omitempty"`
		NextPageToken string          `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

// listGemini lists the agents of the one assistant, by id or by update_time. Pinning, the other documented order, is a
// matter of each user and left out.
func listGemini(c *call) (any, *apiError) {
	a, e := c.assistantOf("discoveryengine.agents.list")
	if e != nil {
		return nil, e
	}
	keep, e := c.filterOf("display_name", "id", "state", "create_time", "update_time")
	if e != nil {
		return nil, e
	}
	order := strings.TrimSpace(c.query.get("orderBy"))
	if order != "" && order != "update_time" && order != "update_time desc" {
		return nil, invalid("order_by", "Invalid orderBy %q: want update_time or update_time desc.", order)
	}
	desc := strings.HasSuffix(order, " desc")
	found, next, e := page(c, list[*geminiAgent, geminiJSON]{
		pager: pager{fallback: 100, max: 1000},
		all:   a.Agents,
		in: func(g *geminiAgent) bool {
			return (g.Scope == "ALL_USERS" || !c.opt.SharedOnly) && (keep == nil || keep(a.withID(c.opt, g)))
		},
		key: func(g *geminiAgent) string {
			if order == "" {
				return g.ID
			}
			return sortable(g.Updated) + g.ID
		},
		desc: desc,
		show: func(g *geminiAgent) geminiJSON { return a.agentJSON(c.opt, g) },
	})
	if e != nil {
		return nil, e
	}
	return struct {
		Agents        []geminiJSON `json:"agents,omitempty"`
		NextPageToken string       `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

func (c *call) assistantOf(permission string) (*geminiApp, *apiError) {
	a, e := c.appOf(permission)
	if e == nil && c.vars["assistant"] != "default_assistant" {
		e = notFound("Assistant %s/assistants/%s not found.", a.name(), c.vars["assistant"])
	}
	return a, e
}

func getGemini(c *call) (any, *apiError) {
	a, e := c.assistantOf("discoveryengine.agents.get")
	if e != nil {
		return nil, e
	}
	if g := pick(a.Agents, func(g *geminiAgent) bool { return g.ID == c.vars["agent"] }); g != nil {
		return a.agentJSON(c.opt, g), nil
	}
	return nil, notFound("Agent %s/agents/%s not found.", a.assistant(), c.vars["agent"])
}
