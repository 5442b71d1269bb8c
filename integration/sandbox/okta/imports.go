package okta

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// provider is the id of the org's one import source of AI agents.
func (st *state) provider() string {
	if st.Provider == "" {
		if a := find(st.Agents, func(a *agent) bool { return a.Provider != "" }); a != nil {
			st.Provider = a.Provider
		}
		st.Provider = cmp.Or(st.Provider, st.id("aip"))
	}
	return st.Provider
}

// importAgents runs the provider's import: one or two imported agents come or get another name, and one time in three one is
// gone that the source no longer has. The log tells that an import began and ended, and nothing of the single agents.
func (s *Sandbox) importAgents() (sandbox.Outcome, error) {
	s.record(entry("app.ai_agent_provider.import.start", s.st.system(), s.providerTarget()).asJob())
	out := sandbox.Outcome{At: s.st.Clock.Add(s.opt.Settle)}
	var told []string
	if old := s.imported(); len(old) > 1 && s.st.Rand.Chance(0.33) {
		gone := old[s.st.Rand.Pick(len(old))]
		s.st.dropAgent(gone)
		out.Key = gone.ID
		told = append(told, fmt.Sprintf("%q is gone", gone.Name))
	}
	for range 1 + s.st.Rand.Pick(2) {
		var text string
		out.Agent, out.Name, text = s.importOne()
		told = append(told, text)
	}
	end := entry("app.ai_agent_provider.import.complete", s.st.system(), s.providerTarget()).asJob()
	end.Target[0].DetailEntry = map[string]any{"agentsFound": len(s.imported()), "agentsImported": len(told), "agentsErrored": 0}
	s.record(end)
	out.Text = "import of AI agents: " + strings.Join(told, ", ")
	return out, nil
}

func (s *Sandbox) imported() []*agent {
	return where(s.st.Agents, func(a *agent) bool { return a.Provider != "" })
}

// importOne brings an agent in, staged and without an owner, or renames one.
func (s *Sandbox) importOne() (id, name, text string) {
	name = s.freshName()
	if old := s.imported(); len(old) > 0 && s.st.Rand.Chance(0.5) {
		a := old[s.st.Rand.Pick(len(old))]
		text = fmt.Sprintf("%q is called %q now", a.Name, name)
		a.Name, a.Updated = name, later(s.st.Clock, a.Updated)
		return a.ID, name, text
	}
	a := &agent{
		ID: s.st.id("wlp"), Status: "STAGED", Name: name, Description: "Imported from the provider.", Platform: "AWS_BEDROCK_AGENTS",
		ExternalID: "AGENT-" + s.st.Rand.Digits(8), Provider: s.st.provider(), Created: s.st.Clock, Updated: s.st.Clock, Seq: s.st.next(),
	}
	s.st.addAgent(a)
	return a.ID, name, fmt.Sprintf("%q came", name)
}

func (s *Sandbox) providerTarget() logTarget {
	return logTarget{ID: s.st.provider(), Type: "AiAgentProvider", DisplayName: "Amazon Bedrock"}
}
