package entra

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// riskLevels are the levels that a detection can have, the lowest first.
var riskLevels = []string{"low", "medium", "high"}

// detections are what the vendor looks for in agents.
var detections = []struct{ event, evidence string }{
	{"unfamiliarResourceAccess", "The agent reached for resources that it did not use before."},
	{"signInSpike", "The agent signed in far more often than usual."},
	{"failedAccessAttempt", "The agent tried again and again what it has no grant for."},
	{"riskyUserSignIn", "The agent acted on behalf of a user who is at risk."},
}

// riskTypes are the types of a risky agent, and its identityType.
var riskTypes = map[string][2]string{
	"agentIdentity": {"riskyAgentIdentity", "agentIdentity"}, "agentUser": {"riskyAgentUser", "agentUser"},
}

// protection answers beta's /identityProtection/riskyAgents and agentRiskDetections.
func (q *request) protection(rest []string) (any, error) {
	if q.version != "beta" || len(rest) == 0 {
		return nil, noSegment("identityProtection")
	}
	if err := q.Nature.Risk.refuse("Forbidden", "a P2"); err != nil {
		return nil, err
	}
	var src source
	switch rest[0] {
	case "riskyAgents":
		src = q.riskyAgents()
	case "agentRiskDetections":
		src = q.report(kindOf("agentRiskDetection"), "identityProtection/agentRiskDetections", q.st.Detections, func(map[string]any) bool { return true })
	default:
		return nil, noSegment(rest[0])
	}
	switch len(rest) {
	case 1:
		return q.list(src)
	case 2:
		return q.within(src, rest[1])
	}
	return nil, noSegment(rest[2])
}

// riskyAgents lists those that were ever at risk, dismissed ones too.
func (q *request) riskyAgents() source {
	return source{kind: kindOf("riskyAgent"), context: "identityProtection/riskyAgents", rows: func(after uint64) iter.Seq[row] {
		return func(yield func(row) bool) {
			for _, h := range q.st.Risks {
				if h.Seq > after && !yield(row{h.Seq, q.riskyAgent(h), nil}) {
					return
				}
			}
		}
	}}
}

// riskyAgent completes a risk by what the directory knows of its agent now.
func (s *Sandbox) riskyAgent(h *happening) map[string]any {
	m := maps.Clone(h.Props)
	id, _ := m["id"].(string)
	o := s.ix.byID[id]
	m["@odata.type"], m["identityType"] = "#"+namespace+riskTypes[o.Type][0], riskTypes[o.Type][1]
	m["agentDisplayName"], m["blueprintId"] = o.text("displayName"), s.blueprintID(o)
	m["isDeleted"], m["isEnabled"], m["isProcessing"] = o.Purged || o.Deleted != nil, o.enabled(), false
	return m
}

// risk finds what is known of an agent's risk.
func (s *Sandbox) risk(o *object) *happening {
	i := slices.IndexFunc(s.st.Risks, func(h *happening) bool { return h.Props["id"] == o.ID })
	if i < 0 {
		return nil
	}
	return s.st.Risks[i]
}

// riskLevel is the level of an agent that is at risk, otherwise empty.
func (s *Sandbox) riskLevel(o *object) string {
	h := s.risk(o)
	if h == nil || h.Props["riskState"] != "atRisk" {
		return ""
	}
	level, _ := h.Props["riskLevel"].(string)
	return level
}

// raiseRisk makes a detection about an agent, of the level that Name says or a drawn one. An agent's own level is that of its
// highest detection.
func (s *Sandbox) raiseRisk(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	if c.Name != "" && !slices.Contains(riskLevels, c.Name) {
		return sandbox.Outcome{}, none(c, "Name must be low, medium or high")
	}
	o, err := s.target(c, (*object).live)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	level := c.Name
	if level == "" {
		level = riskLevels[s.st.Rand.Pick(len(riskLevels))]
	}
	d := s.detect(o, level, now)
	if slices.Index(riskLevels, level) < slices.Index(riskLevels, s.riskLevel(o)) {
		level = s.riskLevel(o)
	}
	s.rate(o, map[string]any{"riskLevel": level, "riskState": "atRisk", "riskDetail": "none"}, now)
	id, _ := d["id"].(string)
	return outcome(o, id, "agent %s is at %s risk: %s", shown(o), level, d["riskEventType"])
}

// detect writes a detection down.
func (s *Sandbox) detect(o *object, level string, now time.Time) map[string]any {
	r := s.st.Rand
	d := detections[r.Pick(len(detections))]
	props := map[string]any{
		"id": r.UUID(), "agentId": o.ID, "agentDisplayName": o.text("displayName"), "blueprintId": s.blueprintID(o),
		"identityType": riskTypes[o.Type][1], "riskEventType": d.event, "riskEvidence": d.evidence, "riskLevel": level, "riskState": "atRisk",
		"riskDetail": "none", "detectionTimingType": "offline", "source": "IdentityProtection", "activityDateTime": stamp(now),
		"detectedDateTime": stamp(now), "lastModifiedDateTime": stamp(now), "signInRequestId": r.UUID(), "additionalInfo": nil,
	}
	s.st.Detections = s.happened(s.st.Detections, now, props)
	return props
}

// rate sets what is known of an agent's risk.
func (s *Sandbox) rate(o *object, props map[string]any, now time.Time) {
	h := s.risk(o)
	if h == nil {
		s.st.Seq++
		h = &happening{Seq: s.st.Seq, At: now, Props: map[string]any{"id": o.ID}}
		s.st.Risks = append(s.st.Risks, h)
	}
	maps.Copy(h.Props, props)
	h.Props["riskLastModifiedDateTime"] = stamp(now)
}

// dismissRisk lets an administrator say that there is nothing in it, for an agent and all its detections.
func (s *Sandbox) dismissRisk(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.target(c, func(o *object) bool { return o.live() && s.riskLevel(o) != "" })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	const detail = "adminDismissedRiskForAgent"
	s.rate(o, map[string]any{"riskLevel": "none", "riskState": "dismissed", "riskDetail": detail}, now)
	for _, h := range s.st.Detections {
		if h.Props["agentId"] == o.ID && h.Props["riskState"] == "atRisk" {
			h.Props["riskState"], h.Props["riskDetail"], h.Props["lastModifiedDateTime"] = "dismissed", detail, stamp(now)
		}
	}
	return outcome(o, "", "risk of agent %s dismissed", shown(o))
}
