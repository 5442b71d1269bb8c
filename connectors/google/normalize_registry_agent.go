package google

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// registryAgent is an Agent of agentregistry/v1.
type registryAgent struct {
	Name        string                    `json:"name"`
	AgentID     string                    `json:"agentId"`
	DisplayName string                    `json:"displayName"`
	Description string                    `json:"description"`
	CreateTime  string                    `json:"createTime"`
	UpdateTime  string                    `json:"updateTime"`
	Attributes  map[string]jsontext.Value `json:"attributes"`
}

// The attributes that the registry's system sets.
const (
	attrFramework = "agentregistry.googleapis.com/system/Framework"
	attrIdentity  = "agentregistry.googleapis.com/system/RuntimeIdentity"
	attrReference = "agentregistry.googleapis.com/system/RuntimeReference"
)

// runtime is what the attributes say of where an agent runs, and as whom.
type runtime struct {
	framework, principal, resource string
	shared                         []string // a principal and a resource that others have as well: no proof of being one agent
	strange                        []string // attributes of a shape that is not known here
}

func (a *registryAgent) runtime() runtime {
	var r runtime
	read := func(key, member string) string {
		v, ok := a.Attributes[key]
		if !ok || v.Kind() == 'n' {
			return ""
		}
		var m map[string]jsontext.Value
		var s string
		if json.Unmarshal(v, &m) != nil || len(m[member]) > 0 && json.Unmarshal(m[member], &s) != nil {
			r.strange = append(r.strange, key)
		}
		return s
	}
	r.framework = read(attrFramework, "framework")
	if s := read(attrIdentity, "principal"); s != "" {
		var ok bool
		if r.principal, ok = canonicalPrincipal(s); !ok {
			r.strange = append(r.strange, attrIdentity)
		}
	}
	if uri := read(attrReference, "uri"); uri != "" {
		r.resource = resourceName(uri)
	}
	for _, of := range []*string{&r.principal, &r.resource} {
		if isApp(*of) {
			r.shared = append(r.shared, *of)
			*of = ""
		}
	}
	return r
}

// appPath is an app of Gemini Enterprise at the end of a principal or a full resource name.
var appPath = regexp.MustCompile(`(^//discoveryengine\.googleapis\.com|/resources/discoveryengine)/projects/[^/]+/locations/[^/]+/collections/[^/]+/engines/[^/]+$`)

// isApp reports whether a principal or a resource is an app of Gemini Enterprise: all agents of the app have it.
func isApp(s string) bool { return appPath.MatchString(s) }

// normalizeRegistryAgent reads an agent of the Agent Registry. The registry keeps no state: an agent is listed, or it is gone.
// The resource that the agent runs on is always among its identifiers, since the registry may not name its principal although
// the engine has one.
func normalizeRegistryAgent(r connectors.Record) (connectors.Reading, error) {
	var a registryAgent
	if err := decode(r, &a); err != nil {
		return connectors.Reading{}, err
	}
	if a.AgentID == "" {
		return connectors.Reading{}, missing(r, "agentId")
	}
	at := placeOf(r)
	at.Location = locationOf(a.Name, at.Location) // the list at "global" has been seen to show agents of other places
	run := a.runtime()
	agent := &events.Agent{
		Native: typeRegistryAgent, Name: a.DisplayName, Description: a.Description, Status: events.StatusActive,
		Class: events.ClassAgent, ClassReason: "listed in Agent Registry", Platform: platformOf(run.resource), Created: when(a.CreateTime),
		Identifiers: []events.Identifier{
			{Type: events.IDURN, Value: a.AgentID},
			{Type: events.IDResource, Value: a.Name},
			{Type: events.IDResource, Value: run.resource},
			{Type: events.IDPrincipal, Value: run.principal},
		},
	}
	for _, s := range run.shared {
		agent.Platform = "discoveryengine"
		agent.Labels = append(agent.Labels, label("app", s))
	}
	if run.principal != "" {
		agent.Models = []events.Model{events.ModelService}
	}
	if run.framework != "" {
		agent.Labels = append(agent.Labels, label(attrFramework, run.framework))
	}
	reading := connectors.Reading{Entities: []events.Entity{agentEntity(a.AgentID, scopeOf(feedRegistryAgents, at), when(a.UpdateTime), agent)}}
	if len(run.strange) > 0 {
		reading.Note = "attributes of an unknown shape: " + strings.Join(run.strange, ", ")
	}
	return reading, nil
}

// labels turns a map of labels into sorted "key=value".
func labels(m map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, label(k, m[k]))
	}
	return out
}
