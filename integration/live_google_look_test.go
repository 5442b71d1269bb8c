package integration

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/contract"
)

// googleProblem is the body with which Google refuses.
type googleProblem struct {
	Error struct {
		Status  string `json:"status"`
		Details []struct {
			Reason   string            `json:"reason"`
			Metadata map[string]string `json:"metadata"`
		} `json:"details"`
		Errors []struct {
			Reason string `json:"reason"`
		} `json:"errors"`
	} `json:"error"`
}

// googleReason are the words of a refusal that name nobody, or empty.
func googleReason(r reply) string {
	var p googleProblem
	if json.Unmarshal(r.body, &p) != nil {
		return "without JSON"
	}
	words := []string{p.Error.Status}
	for _, d := range p.Error.Details {
		words = append(words, d.Reason)
	}
	for _, e := range p.Error.Errors {
		words = append(words, e.Reason)
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// googleItems counts what is in the first list of an answer.
func googleItems(r reply) int {
	var body map[string]json.RawMessage
	_ = json.Unmarshal(r.body, &body) // what is no object has no list
	for _, v := range body {
		var list []json.RawMessage
		if json.Unmarshal(v, &list) == nil && len(list) > 0 {
			return len(list)
		}
	}
	return 0
}

// limitOfGoogle notes a quota. Google states one only when it is used up.
func limitOfGoogle(r *liveReport, _ string, x contract.Exchange) {
	var p googleProblem
	if x.Status != http.StatusTooManyRequests && x.Status != http.StatusForbidden || json.Unmarshal(x.Body, &p) != nil {
		return
	}
	for _, d := range p.Error.Details {
		if metric := d.Metadata["quota_metric"]; metric != "" {
			r.limits[metric] = strings.TrimSpace(d.Metadata["quota_limit_value"] + " " + d.Metadata["quota_limit"])
		}
	}
}

// lookAtGoogle finds answers to what Google's documents leave open.
func lookAtGoogle(r *liveReport, x contract.Exchange) {
	if x.Status != http.StatusOK {
		return
	}
	switch path := x.Request.URL.Path; {
	case strings.HasSuffix(path, "/reasoningEngines"):
		r.googleEngines(x.Body)
	case strings.Contains(path, "/assistants/") && strings.HasSuffix(path, "/agents"):
		r.googleCount(x.Body, "agents", "gemini: an agent")
	case strings.HasSuffix(path, "/agents"):
		r.googleRegistry(x.Body)
	case strings.HasSuffix(path, "/accessSummaries"):
		r.googleSummaries(x.Body)
	case strings.HasSuffix(path, ":getIamPolicy"):
		r.googlePolicy(x.Body)
	case strings.HasSuffix(path, "/entries:list"):
		r.googleLog(x.Body)
	case strings.Contains(path, "/activity/users/"):
		r.googleReports(path[strings.LastIndexByte(path, '/')+1:], x.Body)
	}
}

// agentIDs are the forms that a report may give the id of an agent.
var agentIDs = []struct {
	form string
	is   *regexp.Regexp
}{
	{"a number", regexp.MustCompile(`^\d+$`)}, {"a resource name", regexp.MustCompile(`(^|/)projects/`)}, {"a URN", regexp.MustCompile(`^urn:`)},
	{"a principal", regexp.MustCompile(`agents\.global\.`)}, {"empty", regexp.MustCompile(`^$`)}, {"of another form", regexp.MustCompile(``)},
}

// googleReports looks at what Workspace calls the agents that it attributes activities to.
func (r *liveReport) googleReports(application string, b []byte) {
	var body struct {
		Items []struct {
			Actor struct {
				Agent *struct {
					ID   string `json:"agentId"`
					Type string `json:"agentType"`
				} `json:"agentAttributionInfo"`
			} `json:"actor"`
			Agentic bool `json:"isAgenticAction"`
		} `json:"items"`
	}
	_ = json.Unmarshal(b, &body) // what is of another shape has none
	for _, a := range body.Items {
		if !a.Agentic && a.Actor.Agent == nil {
			continue
		}
		r.facts["reports: an activity of an agent"]++
		if a.Actor.Agent == nil {
			r.facts["reports: an agent's activity in "+application+" that names none"]++
			continue
		}
		for _, form := range agentIDs {
			if form.is.MatchString(a.Actor.Agent.ID) {
				r.facts["reports: in "+application+" an agent of type "+a.Actor.Agent.Type+", whose id is "+form.form]++
				break
			}
		}
	}
}

func (r *liveReport) googleCount(b []byte, member, fact string) {
	var body map[string]json.RawMessage
	var list []json.RawMessage
	if json.Unmarshal(b, &body) == nil && json.Unmarshal(body[member], &list) == nil && len(list) > 0 {
		r.facts[fact] += len(list)
	}
}

var trustDomain = regexp.MustCompile(`^agents\.global\.(org-|proj-|project-|)\d+\.system\.id\.goog$`)

// spelling is how an identity is spelled, without what it names.
func spelling(id string) string {
	scheme, rest, ok := strings.Cut(id, "://")
	if !ok {
		scheme, rest = "without a scheme", id
	}
	domain, _, _ := strings.Cut(rest, "/")
	switch m := trustDomain.FindStringSubmatch(domain); {
	case m != nil:
		return scheme + ", agents.global." + m[1] + "N"
	case strings.Contains(id, "@gcp-sa-"):
		return "of a service agent"
	case strings.HasSuffix(id, "gserviceaccount.com"):
		return "of a service account"
	case id == "":
		return "absent"
	}
	return "of another kind"
}

func (r *liveReport) googleEngines(b []byte) {
	var body struct {
		Engines []struct {
			Spec struct {
				Type     string `json:"identityType"`
				Identity string `json:"effectiveIdentity"`
			} `json:"spec"`
		} `json:"reasoningEngines"`
	}
	_ = json.Unmarshal(b, &body) // what is of another shape has none
	for _, e := range body.Engines {
		r.facts["engine: effectiveIdentity "+spelling(e.Spec.Identity)]++
	}
}

// googleRegistry tells the registry's agents from the platform's managed ones by their URN.
func (r *liveReport) googleRegistry(b []byte) {
	var body struct {
		Agents []struct {
			ID         string                     `json:"agentId"`
			Attributes map[string]json.RawMessage `json:"attributes"`
		} `json:"agents"`
	}
	_ = json.Unmarshal(b, &body) // what is of another shape has none
	for _, a := range body.Agents {
		if !strings.HasPrefix(a.ID, "urn:") {
			continue
		}
		var identity struct{ Principal string }
		_ = json.Unmarshal(a.Attributes["agentregistry.googleapis.com/system/RuntimeIdentity"], &identity) // as above
		if identity.Principal == "" {
			r.facts["registry: an agent without its runtime identity"]++
		} else {
			r.facts["registry: a runtime identity, "+spelling(identity.Principal)]++
		}
	}
}

func (r *liveReport) googleSummaries(b []byte) {
	var body struct {
		Summaries []struct {
			Workload string `json:"workloadId"`
		} `json:"accessSummaries"`
	}
	_ = json.Unmarshal(b, &body) // what is of another shape has none
	for _, s := range body.Summaries {
		r.facts["access summary: workloadId "+spelling(s.Workload)]++
	}
}

// googlePolicy looks at what becomes of principals whose agent is gone.
func (r *liveReport) googlePolicy(b []byte) {
	var body struct {
		Bindings []struct{ Members []string }
	}
	_ = json.Unmarshal(b, &body) // what is of another shape has none
	for _, binding := range body.Bindings {
		for _, m := range binding.Members {
			switch {
			case strings.HasPrefix(m, "deleted:principal"):
				r.facts["policy: a member deleted:principal"]++
			case strings.HasPrefix(m, "principal") && strings.Contains(m, "agents.global."):
				r.facts["policy: a member "+spelling(m)]++
			}
		}
	}
}

// agentMethods are the services whose methods are told by name.
var agentMethods = regexp.MustCompile(`^(aiplatform|agentidentity|agentregistry|discoveryengine|run|cloudresourcemanager)\.googleapis\.com$`)

// googleLog looks at how methods are called, who calls, and how late entries arrive.
func (r *liveReport) googleLog(b []byte) {
	var body struct {
		Entries []struct {
			Timestamp time.Time `json:"timestamp"`
			Received  time.Time `json:"receiveTimestamp"`
			Audit     struct {
				Service string `json:"serviceName"`
				Method  string `json:"methodName"`
				Caller  struct {
					ID        string `json:"id"`
					Authority string `json:"authority"`
				} `json:"callerAgent"`
			} `json:"protoPayload"`
		} `json:"entries"`
	}
	_ = json.Unmarshal(b, &body) // what is of another shape has none
	for _, e := range body.Entries {
		if agentMethods.MatchString(e.Audit.Service) {
			r.facts["log: "+e.Audit.Service+" "+e.Audit.Method]++
		}
		if e.Audit.Caller.ID != "" {
			r.facts["log: callerAgent"]++
			r.facts["log: callerAgent of "+e.Audit.Service+", "+e.Audit.Caller.Authority]++
		}
		if !e.Received.IsZero() {
			r.facts["log: an entry was received within "+within(e.Received.Sub(e.Timestamp))]++
		}
	}
}

func within(d time.Duration) string {
	for _, most := range []time.Duration{2 * time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour} {
		if d <= most {
			return most.String()
		}
	}
	return "more than an hour"
}
