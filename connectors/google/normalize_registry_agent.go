package google

import (
	"maps"
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
	return r
}

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
	if run.principal != "" {
		agent.Models = []events.Model{events.ModelService}
	}
	if run.framework != "" {
		agent.Labels = []string{label(attrFramework, run.framework)}
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
