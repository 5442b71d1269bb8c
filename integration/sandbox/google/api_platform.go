package google

import (
	"encoding/json"
	"slices"
)

// engineJSON is a ReasoningEngine of aiplatform/v1.
type engineJSON struct {
	Name        string            `json:"name"`
	DisplayName string            `json:"displayName"`
	Description string            `json:"description,omitempty"`
	Spec        engineSpecJSON    `json:"spec"`
	CreateTime  string            `json:"createTime"`
	UpdateTime  string            `json:"updateTime"`
	Etag        string            `json:"etag"`
	Labels      map[string]string `json:"labels,omitempty"`
}

type engineSpecJSON struct {
	AgentFramework    string `json:"agentFramework,omitempty"`
	IdentityType      string `json:"identityType,omitempty"`
	ServiceAccount    string `json:"serviceAccount,omitempty"`
	EffectiveIdentity string `json:"effectiveIdentity"`
}

func (e *engine) json(s *state) engineJSON {
	return engineJSON{Name: e.name(), DisplayName: e.Title, Description: e.Description,
		Spec: engineSpecJSON{AgentFramework: e.Framework, IdentityType: e.IdentityType, ServiceAccount: e.Account,
			EffectiveIdentity: e.identity(s)},
		CreateTime: stamp(e.Created), UpdateTime: stamp(e.Updated), Etag: etag("engine", e.ID, e.Revision), Labels: e.Labels}
}

// listEngines answers for any location, as the regional endpoints do, each for its own; most are empty.
func listEngines(c *call) (any, *apiError) {
	p, e := c.projectOf("aiplatform.reasoningEngines.list")
	if e != nil {
		return nil, e
	}
	keep, e := c.filterOf("name", "display_name", "description", "create_time", "update_time", "labels")
	if e != nil {
		return nil, e
	}
	found, next, e := page(c, list[*engine, engineJSON]{
		pager: pager{fallback: 100, max: 100},
		shelf: c.ix.enginesIn[p.ProjectID+"/"+c.vars["location"]],
		keep:  keep,
		show:  func(en *engine) engineJSON { return en.json(c.state) },
	})
	if e != nil {
		return nil, e
	}
	return struct {
		ReasoningEngines []engineJSON `json:"reasoningEngines,omitempty"`
		NextPageToken    string       `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

func (c *call) engineOf(permission string) (*engine, *apiError) {
	p, e := c.projectOf(permission)
	if e != nil {
		return nil, e
	}
	name := "projects/" + p.Number + "/locations/" + c.vars["location"] + "/reasoningEngines/" + c.vars["engine"]
	if en := c.engine(name); en != nil {
		return en, c.settled(en.ID, en.Created, permission, name)
	}
	return nil, notFound("The ReasoningEngine does not exist: %s", name)
}

func getEngine(c *call) (any, *apiError) {
	en, e := c.engineOf("aiplatform.reasoningEngines.get")
	if e != nil {
		return nil, e
	}
	return en.json(c.state), nil
}

func getEnginePolicy(c *call) (any, *apiError) {
	en, e := c.engineOf("aiplatform.reasoningEngines.getIamPolicy")
	if e == nil {
		e = c.decode(&struct{}{})
	}
	if e != nil {
		return nil, e
	}
	return c.queryPolicy(enginePolicyKey(en.name()))
}

// filterOf parses the filter parameter and returns a test for the JSON form of an item. Only the given fields, in
// snake_case or camelCase, and what lies below them, may be named. Without a filter the test is nil.
func (c *call) filterOf(allowed ...string) (func(any) bool, *apiError) {
	text := c.query.get("filter")
	f, err := parseFilter(text)
	if err != nil {
		return nil, invalid("filter", "Invalid filter %q: %v.", text, err)
	}
	if f == nil {
		return nil, nil
	}
	for _, path := range f.fields() {
		if !slices.ContainsFunc(allowed, func(a string) bool { return under(path, a) || under(path, camelCase(a)) }) {
			return nil, invalid("filter", "Invalid filter %q: the field %q cannot be filtered on.", text, path)
		}
	}
	return func(v any) bool { return f.match(generic(v)) }, nil
}

// under reports whether a path is the field or lies below it.
func under(path, field string) bool {
	return path == field || len(path) > len(field) && path[:len(field)] == field && path[len(field)] == '.'
}

// generic turns a struct into what its JSON decodes to.
func generic(v any) map[string]any {
	b, err := json.Marshal(v)
	if err != nil { // structs of plain fields
		panic(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		panic(err)
	}
	return out
}

// listOwnAgents lists the managed agents that the caller owns. A service account, which all callers here are, owns none.
func listOwnAgents(c *call) (any, *apiError) {
	if _, e := c.projectOf("aiplatform.agents.list"); e != nil {
		return nil, e
	}
	return struct{}{}, nil
}
