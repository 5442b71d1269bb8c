package integration

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"

	"github.com/rollcallhq/rollcall/integration/contract"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// liveReport gathers what an org shows of itself while it is read: nothing of it is a failure, and none of it names anybody.
type liveReport struct {
	vendor   *liveVendor
	contract published // nil: nothing is held to it

	mu       sync.Mutex
	calls    int
	statuses map[string]map[int]int // operation → status → how often
	limits   map[string]string      // class of paths → its rate limit as the headers state it
	findings map[string]bool        // departures from the contract
	facts    map[string]int         // what answers to the open questions were seen, and how often
}

func newLiveReport(v *liveVendor, c published) *liveReport {
	return &liveReport{vendor: v, contract: c, statuses: map[string]map[int]int{}, limits: map[string]string{}, findings: map[string]bool{}, facts: map[string]int{}}
}

// see takes note of one exchange, and of those that it was made of.
func (r *liveReport) see(x contract.Exchange) { r.take(x, true) }

// seeLoosely is see for requests that need not be such as the contract has.
func (r *liveReport) seeLoosely(x contract.Exchange) { r.take(x, false) }

func (r *liveReport) take(x contract.Exchange, strict bool) {
	r.mu.Lock()
	r.calls++
	r.mu.Unlock()
	for _, part := range contract.Parts(x) {
		r.note(part, strict)
	}
}

// namesOnWay are what a path names by what a company calls it.
var namesOnWay = regexp.MustCompile(`(projects|folders|organizations|accounts)(/|%2F)[^/:%]+`)

func (r *liveReport) note(x contract.Exchange, strict bool) {
	op := x.Request.Method + " " + namesOnWay.ReplaceAllString(sandbox.Pattern(x.Request.URL.Path), "$1$2{id}")
	var found []string
	if r.contract != nil {
		if known, ok := r.contract.Operation(x.Request); ok {
			op = known
			if strict {
				found = r.contract.Request(x.Request, x.Sent)
			}
			found = append(found, r.contract.Answer(x.Request, x.Status, x.Header, x.Body)...)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.statuses[op] == nil {
		r.statuses[op] = map[int]int{}
	}
	r.statuses[op][x.Status]++
	for _, f := range found {
		r.findings[f] = true
	}
	r.vendor.limit(r, op, x)
	r.vendor.look(r, x)
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
	for _, absent := range r.vendor.absent {
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
