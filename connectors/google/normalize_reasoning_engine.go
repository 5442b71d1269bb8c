package google

import (
	"strings"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// reasoningEngine is a ReasoningEngine of aiplatform/v1.
type reasoningEngine struct {
	Name        string            `json:"name"`
	DisplayName string            `json:"displayName"`
	Description string            `json:"description"`
	CreateTime  string            `json:"createTime"`
	UpdateTime  string            `json:"updateTime"`
	Labels      map[string]string `json:"labels"`
	Spec        struct {
		AgentFramework    string `json:"agentFramework"`
		IdentityType      string `json:"identityType"`
		ServiceAccount    string `json:"serviceAccount"`
		EffectiveIdentity string `json:"effectiveIdentity"`
	} `json:"spec"`
}

// identity is whom the engine acts as: an identity of its own, or a service account that others may act as too. The identity
// is told by its shape, since new identity types may come.
func (e *reasoningEngine) identity() events.Identifier {
	if p, ok := canonicalPrincipal(e.Spec.EffectiveIdentity); ok {
		return events.Identifier{Type: events.IDPrincipal, Value: p}
	}
	for _, s := range []string{e.Spec.EffectiveIdentity, e.Spec.ServiceAccount} {
		if email := strings.TrimPrefix(s, accountMember); strings.Contains(email, "@") && !strings.Contains(email, "/") {
			return events.Identifier{Type: events.IDEmail, Value: email}
		}
	}
	return events.Identifier{}
}

// normalizeReasoningEngine reads an engine of Agent Runtime. An engine has no state: it is listed, or it is gone.
func normalizeReasoningEngine(r connectors.Record) (connectors.Reading, error) {
	var e reasoningEngine
	if err := decode(r, &e); err != nil {
		return connectors.Reading{}, err
	}
	if !engineName.MatchString(e.Name) {
		return connectors.Reading{}, missing(r, "name")
	}
	agent := &events.Agent{
		Native: typeReasoningEngine, Name: e.DisplayName, Description: e.Description, Status: events.StatusActive,
		Class: events.ClassAgent, ClassReason: "an engine of Agent Runtime", Models: []events.Model{events.ModelService},
		Platform: platformOf(e.Name), Created: when(e.CreateTime), Labels: labels(e.Labels),
		Identifiers: []events.Identifier{{Type: events.IDResource, Value: e.Name}, e.identity()},
	}
	if e.Spec.AgentFramework != "" {
		agent.Labels = append(agent.Labels, label("spec.agentFramework", e.Spec.AgentFramework))
	}
	scope := scopeOf(feedReasoningEngines, placeOf(r))
	return connectors.Reading{Entities: []events.Entity{agentEntity(e.Name, scope, when(e.UpdateTime), agent)},
		Keeps: []string{policyScope(engineResource(e.Name))}}, nil
}
