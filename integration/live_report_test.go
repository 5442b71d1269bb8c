package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/rollcallhq/rollcall/integration/contract"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// liveReport gathers what an org shows of itself while it is read: nothing of it is a failure, and none of it names anybody.
type liveReport struct {
	contract *contract.Contract // nil: nothing is held to it

	mu       sync.Mutex
	calls    int
	statuses map[string]map[int]int // operation → status → how often
	limits   map[string]string      // class of paths → its rate limit as the headers state it
	findings map[string]bool        // departures from the contract
	facts    map[string]int         // what answers to the open questions were seen, and how often
}

func newLiveReport(c *contract.Contract) *liveReport {
	return &liveReport{contract: c, statuses: map[string]map[int]int{}, limits: map[string]string{}, findings: map[string]bool{}, facts: map[string]int{}}
}

// see takes note of one exchange.
func (r *liveReport) see(x contract.Exchange) {
	op := x.Request.Method + " " + sandbox.Pattern(x.Request.URL.Path)
	var found []string
	if r.contract != nil {
		if known, ok := r.contract.Operation(x.Request); ok {
			op = known
			found = append(r.contract.Request(x.Request, x.Sent), r.contract.Answer(x.Request, x.Status, x.Header, x.Body)...)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if r.statuses[op] == nil {
		r.statuses[op] = map[int]int{}
	}
	r.statuses[op][x.Status]++
	for _, f := range found {
		r.findings[f] = true
	}
	class := strings.Join(strings.Split(x.Request.URL.Path, "/")[:min(4, strings.Count(x.Request.URL.Path, "/")+1)], "/")
	if limit := x.Header.Get("X-Rate-Limit-Limit"); limit != "" {
		r.limits[class] = limit + " per window"
	} else if r.limits[class] == "" {
		r.limits[class] = "not stated"
	}
	switch {
	case x.Request.Method == http.MethodGet && x.Request.URL.Path == agentsAPI && x.Status == http.StatusOK:
		r.agents(x)
	case x.Request.Method == http.MethodGet && x.Request.URL.Path == "/api/v1/logs" && x.Status == http.StatusOK:
		r.log(x.Body)
	}
}

// agents looks for where the list of agents has its next link and its platform.
func (r *liveReport) agents(x contract.Exchange) {
	var body struct {
		Data []struct {
			Platform string `json:"platform"`
			Profile  struct {
				Platform string `json:"platform"`
			} `json:"profile"`
		} `json:"data"`
		Links struct {
			Next json.RawMessage `json:"next"`
		} `json:"_links"`
	}
	if json.Unmarshal(x.Body, &body) != nil {
		return
	}
	for _, a := range body.Data {
		if a.Platform != "" {
			r.facts["platform at the top level"]++
		}
		if a.Profile.Platform != "" {
			r.facts["platform in profile"]++
		}
	}
	if strings.Contains(strings.Join(x.Header.Values("Link"), ","), `rel="next"`) {
		r.facts["agents: next in the Link header"]++
	}
	if len(body.Links.Next) > 0 {
		r.facts["agents: next in the body"]++
	}
}

// log looks at what the entries about agents call their targets and their actors.
func (r *liveReport) log(b []byte) {
	var entries []struct {
		Type  string `json:"eventType"`
		Actor struct {
			ID, Type string
		} `json:"actor"`
		Targets []struct{ Type string } `json:"target"`
	}
	if json.Unmarshal(b, &entries) != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Actor.ID, "wlp") {
			r.facts["log: an agent as actor has the type "+e.Actor.Type]++
		}
		if !strings.HasPrefix(e.Type, "workload_principal.") {
			continue
		}
		r.facts["log: type "+e.Type]++
		for _, t := range e.Targets {
			r.facts["log: a target of "+e.Type+" has the type "+t.Type]++
		}
	}
}

// lines are the report for a person, and the answers to the open questions that it can give.
func (r *liveReport) lines() (out []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out = append(out, fmt.Sprintf("%d calls in all", r.calls))
	for _, op := range slices.Sorted(maps.Keys(r.statuses)) {
		out = append(out, fmt.Sprintf("status codes of %s: %v", op, r.statuses[op]))
	}
	for _, class := range slices.Sorted(maps.Keys(r.limits)) {
		out = append(out, fmt.Sprintf("rate limit of %s: %s", class, r.limits[class]))
	}
	for _, fact := range slices.Sorted(maps.Keys(r.facts)) {
		out = append(out, fmt.Sprintf("seen %d times: %s", r.facts[fact], fact))
	}
	for _, absent := range []string{"platform at the top level", "platform in profile", "agents: next in the Link header", "agents: next in the body"} {
		if r.facts[absent] == 0 {
			out = append(out, "never seen: "+absent)
		}
	}
	if r.contract == nil {
		return append(out, "nothing was held to the published contract")
	}
	out = append(out, fmt.Sprintf("%d departures from the published contract", len(r.findings)))
	for _, f := range slices.Sorted(maps.Keys(r.findings)) {
		out = append(out, "departs from the contract: "+f)
	}
	return out
}
