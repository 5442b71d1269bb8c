package google

import (
	"slices"
	"strings"
	"time"
)

// agentJSON is an Agent of agentregistry/v1. It has no state, no owner and no etag.
type agentJSON struct {
	Name        string         `json:"name"`
	AgentID     string         `json:"agentId"`
	UID         string         `json:"uid"`
	DisplayName string         `json:"displayName"`
	Description string         `json:"description,omitempty"`
	Version     string         `json:"version,omitempty"`
	Location    string         `json:"location,omitempty"`
	CreateTime  string         `json:"createTime"`
	UpdateTime  string         `json:"updateTime"`
	Protocols   []protocolJSON `json:"protocols,omitempty"`
	Skills      []skillJSON    `json:"skills,omitempty"`
	Attributes  map[string]any `json:"attributes,omitempty"`
}

type protocolJSON struct {
	Type            string          `json:"type"`
	ProtocolVersion string          `json:"protocolVersion,omitempty"`
	Interfaces      []interfaceJSON `json:"interfaces,omitempty"`
}

type interfaceJSON struct {
	URL             string `json:"url"`
	ProtocolBinding string `json:"protocolBinding"`
}

type skillJSON struct {
	ID   string   `json:"id"`
	Name string   `json:"name"`
	Tags []string `json:"tags,omitempty"`
}

const systemAttribute = "agentregistry.googleapis.com/system/"

// shown reports whether the registry shows the agent at a time.
func (r *registered) shown(at time.Time) bool {
	return !at.Before(r.Created) && (r.Gone.IsZero() || at.Before(r.Gone))
}

func (r *registered) json(s *state, opt Options) agentJSON {
	j := agentJSON{Name: r.name(), AgentID: r.urn(), UID: r.UID, DisplayName: r.Title, Description: r.Text,
		Version: r.Version, Location: r.Location, CreateTime: stamp(r.Created), UpdateTime: stamp(r.Updated)}
	if r.Skill != "" {
		j.Skills = []skillJSON{{ID: r.Skill, Name: r.Title, Tags: []string{r.Skill}}}
	}
	kind, url, framework, principal := r.runtime(s)
	if url != "" {
		j.Protocols = []protocolJSON{kind}
		j.Protocols[0].Interfaces = []interfaceJSON{{url, "HTTP_JSON"}}
	}
	j.Attributes = map[string]any{}
	if framework != "" {
		j.Attributes[systemAttribute+"Framework"] = map[string]string{"framework": framework}
	}
	hidden := opt.NoRuntimeIdentityEvery > 0 && r.Ordinal%opt.NoRuntimeIdentityEvery == 0
	if principal != "" && !hidden {
		j.Attributes[systemAttribute+"RuntimeIdentity"] = map[string]string{"principal": principal}
	}
	if r.Service != serviceRegistry {
		j.Attributes[systemAttribute+"RuntimeReference"] = map[string]string{
			"uri": "//" + r.Service + ".googleapis.com/" + r.Host}
	}
	return j
}

// runtime is what the registry knows from the agent's host. A host that is gone leaves only the reference.
func (r *registered) runtime(s *state) (kind protocolJSON, url, framework, principal string) {
	kind = protocolJSON{Type: "CUSTOM"}
	if r.A2A {
		kind = protocolJSON{Type: "A2A_AGENT", ProtocolVersion: "0.3.0"}
	}
	switch r.Service {
	case servicePlatform:
		if e := s.engine(r.Host); e != nil {
			return kind, "https://" + r.Location + "-aiplatform.googleapis.com/v1/" + r.Host, e.Framework, e.principal(s)
		}
	case serviceRun:
		if run := s.run(r.Host); run != nil {
			return kind, run.url(), "custom", run.principal(s)
		}
	default:
		if m := s.manual(r.Host); m != nil {
			return kind, m.URL, "", ""
		}
	}
	return kind, "", "", ""
}

func listRegistered(c *call) (any, *apiError) {
	p, e := c.placeOf("agentregistry.agents.list")
	if e != nil {
		return nil, e
	}
	keep, e := c.filterOf("name", "agent_id", "uid", "display_name", "description", "version", "location", "create_time",
		"update_time", "protocols", "skills", "attributes")
	if e != nil {
		return nil, e
	}
	key, desc, e := orderOf(c.query.get("orderBy"))
	if e != nil {
		return nil, e
	}
	l := list[*registered, agentJSON]{
		pager: pager{fallback: 50, max: 1000},
		shelf: c.ix.registeredIn[p.ProjectID+"/"+c.vars["location"]],
		in:    func(r *registered) bool { return r.shown(c.now) },
		keep:  keep,
		desc:  desc,
		show:  func(r *registered) agentJSON { return r.json(c.state, c.opt) },
	}
	if key != nil {
		for _, it := range l.shelf {
			l.all = append(l.all, it.of)
		}
		l.shelf, l.key = nil, key
	}
	found, next, e := page(c, l)
	if e != nil {
		return nil, e
	}
	return struct {
		Agents        []agentJSON `json:"agents,omitempty"`
		NextPageToken string      `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

// orderOf reads orderBy of agents.list: one field, ascending or desc. The name breaks ties, and is the order of the shelf, for
// which key is nil.
func orderOf(by string) (key func(*registered) string, desc bool, e *apiError) {
	words := strings.Fields(by)
	if len(words) == 2 && (words[1] == "asc" || words[1] == "desc") {
		desc, words = words[1] == "desc", words[:1]
	}
	if len(words) == 0 {
		words = []string{"name"}
	}
	fields := map[string]func(*registered) string{
		"name":        func(r *registered) string { return r.ID },
		"displayName": func(r *registered) string { return r.Title },
		"createTime":  func(r *registered) string { return sortable(r.Created) },
		"updateTime":  func(r *registered) string { return sortable(r.Updated) },
	}
	value := fields[camelCase(words[0])]
	if len(words) > 1 || value == nil {
		return nil, false, invalid("order_by", "Invalid orderBy %q: want one of name, display_name, create_time, "+
			"update_time, and desc after it for descending.", by)
	}
	if words[0] == "name" {
		return nil, desc, nil
	}
	return func(r *registered) string { return value(r) + "\x00" + r.ID }, desc, nil
}

func getRegistered(c *call) (any, *apiError) {
	p, e := c.placeOf("agentregistry.agents.get")
	if e != nil {
		return nil, e
	}
	for _, r := range c.Registered {
		if r.Project == p.ProjectID && r.Location == c.vars["location"] && r.ID == c.vars["agent"] && r.shown(c.now) {
			return r.json(c.state, c.opt), nil
		}
	}
	return nil, notFound("Resource 'projects/%s/locations/%s/agents/%s' was not found", p.ProjectID, c.vars["location"],
		c.vars["agent"])
}

// pick returns the first that fits, or nil.
func pick[T any](in []*T, fits func(*T) bool) *T {
	if i := slices.IndexFunc(in, fits); i >= 0 {
		return in[i]
	}
	return nil
}
