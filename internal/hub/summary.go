package hub

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
)

type checkpoint = projections.Checkpoint

// Summary is what a roll call found.
type Summary struct {
	Agents          int                 `json:"agents"`           // in the roster, deleted ones included
	Identities      int                 `json:"identities"`       // of those agents, over all vendors
	Events          uint64              `json:"events"`           // in the log; cursors and claims are not counted
	LastSequence    uint64              `json:"last_sequence"`    // of the log
	ByVendor        map[string]int      `json:"by_vendor"`        // identities
	ByStatus        map[string]int      `json:"by_status"`        // agents
	Unowned         int                 `json:"unowned"`          // live agents of whom it is known that nobody answers for them
	StewardsUnknown int                 `json:"stewards_unknown"` // live agents of whom it is not known whether somebody does
	Findings        map[string]int      `json:"findings"`         // by severity
	CaughtUp        bool                `json:"caught_up"`        // all that can be read is read, and the roster covers the log
	Stuck           []string            `json:"stuck"`            // what waits for a person
	Blind           []roster.Coverage   `json:"blind"`            // feeds that do not see everything
	Connections     []connectors.Status `json:"connections"`
}

// Statuses are the connections' states, ordered by tenant and name.
func (h *Hub) Statuses() []connectors.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]connectors.Status, 0, len(h.statuses))
	for _, s := range h.statuses {
		out = append(out, h.withHook(s))
	}
	slices.SortFunc(out, func(a, b connectors.Status) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Connection, b.Connection))
	})
	return out
}

// Moved is closed when a status or the roster's checkpoint changes.
func (h *Hub) Moved() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.moved
}

// Settled reports whether there is nothing to wait for: every feed of every connection is caught up, or needs a person (then
// stuck says why), or is read by another hub.
func (h *Hub) Settled() (settled bool, stuck []string) {
	statuses := h.Statuses()
	configured := 0
	for _, t := range h.opts.Config.Tenants {
		configured += len(t.Connections)
	}
	if len(statuses) < configured {
		return false, nil
	}
	for _, s := range statuses {
		switch {
		case s.State == connectors.StateStandby:
		case s.State == connectors.StateUnauthorized:
			stuck = append(stuck, fmt.Sprintf("connection %s: %s: %s", s.Connection, s.State, s.Reason))
		case !s.CaughtUp():
			return false, nil
		case s.State == connectors.StateHeld:
			stuck = append(stuck, fmt.Sprintf("connection %s: %s: %s", s.Connection, s.State, s.Reason))
		}
	}
	return true, stuck
}

// CaughtUp blocks until everything is settled, a tick has followed and the roster covers the whole log, and returns what needs a person.
func (h *Hub) CaughtUp(ctx context.Context) (stuck []string, err error) {
	for {
		moved := h.Moved()
		settled, stuck := h.Settled()
		if settled && h.isJudged() {
			covered, err := h.covered(ctx)
			if err != nil || covered {
				return stuck, err
			}
		}
		select {
		case <-ctx.Done():
			return stuck, ctx.Err()
		case <-moved:
		}
	}
}

// Trouble says what is wrong with NATS as far as the hub's own server tells, or nil. Connections that wait for the log may not
// know why.
func (h *Hub) Trouble() error {
	if h.server == nil {
		return nil
	}
	return h.server.Trouble()
}

// covered reports whether the roster reflects every event in the log.
func (h *Hub) covered(ctx context.Context) (bool, error) {
	c, err := h.View.Checkpoint(ctx)
	if err != nil || c.Rebuilding || c.Revision == 0 {
		return false, err
	}
	for _, err := range h.Log().Read(ctx, events.Query{From: c.Sequence + 1}) {
		return false, err
	}
	return true, nil
}

// Summarize counts what the roster and the log hold.
func (h *Hub) Summarize(ctx context.Context) (Summary, error) {
	s := Summary{ByVendor: map[string]int{}, ByStatus: map[string]int{}, Findings: map[string]int{}, Connections: h.Statuses()}
	r := roster.Reader{Store: h.View}
	coverage, err := r.Coverage(ctx, "")
	if err != nil {
		return s, err
	}
	agents, err := r.Agents(ctx, "")
	if err != nil {
		return s, err
	}
	for i := range agents {
		s.add(&agents[i], coverage)
	}
	s.Blind = slices.DeleteFunc(coverage, func(c roster.Coverage) bool { return c.State == events.CoverageComplete })
	if s.Events, err = h.Log().Count(ctx); err != nil {
		return s, err
	}
	end, err := h.Log().End(ctx)
	s.LastSequence = end.Sequence
	return s, err
}

func (s *Summary) add(a *roster.Agent, coverage []roster.Coverage) {
	s.Agents++
	s.ByStatus[string(a.Status)]++
	s.Identities += len(a.Identities)
	for _, f := range a.Findings {
		s.Findings[string(f.Severity)]++
	}
	for _, i := range a.Identities {
		s.ByVendor[i.Vendor]++
	}
	if a.Status == events.StatusDeleted {
		return
	}
	switch roster.WhoAnswers(coverage, a) {
	case roster.AnsweredByNobody:
		s.Unowned++
	case roster.AnsweredUnknown:
		s.StewardsUnknown++
	}
}
