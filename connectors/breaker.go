package connectors

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// Breaker bounds how many entities may be inferred gone between two moments at which a feed was caught up. A sweep beyond it
// publishes nothing until somebody approves it. What the vendor itself reports as gone is not counted, nor is what merely
// hung on an identity that is gone.
type Breaker struct {
	Max   int     // more than so many; default 100
	Share float64 // or more than this part of the connection's live entities, or half of its agents; default 0.3
	Min   int     // fewer than so many never trip it; default 10
}

func (b Breaker) withDefaults() Breaker {
	if b.Max <= 0 {
		b.Max = 100
	}
	if b.Share <= 0 {
		b.Share = 0.3
	}
	if b.Min <= 0 {
		b.Min = 10
	}
	return b
}

// trips reports whether n of live entities are too many to lose.
func (b Breaker) trips(n, live int) bool {
	return n >= b.Min && (n > b.Max || float64(n) > b.Share*float64(live))
}

// Held is a sweep that the breaker has stopped.
type Held struct {
	Feed     string    `json:"feed"`
	Scopes   []string  `json:"scopes"`   // at most five
	Count    int       `json:"count"`    // entities that would be held to be gone
	Live     int       `json:"live"`     // entities that the connection has
	Examples []string  `json:"examples"` // at most five, as kind holder key
	Digest   string    `json:"digest"`   // of which entities they are
	Since    time.Time `json:"since"`
	Cure     string    `json:"cure"` // what to look at, and how to approve
}

// Approval lets one sweep through that the breaker would stop: the one with the digest that was shown, or else any of up to
// Count entities.
type Approval struct {
	ID     string    `json:"id"` // new for each approval: it is good for one sweep
	Digest string    `json:"digest,omitzero"`
	Count  int       `json:"count,omitzero"`
	By     string    `json:"by,omitzero"`     // who approved it
	Reason string    `json:"reason,omitzero"` // and why
	Time   time.Time `json:"time,omitzero"`
}

// covers reports whether a lets the sweep through.
func (a *Approval) covers(h *Held) bool {
	return a != nil && (a.Digest != "" && a.Digest == h.Digest || h.Count <= a.Count)
}

// ActivitySweepApproved is the type of the activity that records how an approval was used.
const ActivitySweepApproved = "sweep_approved"

// heldBack is why a sweep did not take place that the breaker has stopped.
const heldBack = "held back by the breaker"

// agentShare is the part of a connection's agents beyond which losing them trips the breaker, though they be few among all that
// the connection has.
const agentShare = 0.5

// isTooMuch asks the breaker about a sweep, together with what the feed has swept in this round.
func (p *plan) isTooMuch(due []sweep) bool {
	agents := 0
	for _, s := range due {
		if s.ref.Kind == events.KindAgent {
			agents++
		}
	}
	b := p.src.breaker
	half := Breaker{Max: b.Max, Share: max(b.Share, agentShare), Min: b.Min}
	return len(due) > 0 && (b.trips(len(due)+p.swept, p.live+p.swept) || half.trips(agents, p.agents))
}

// mayBury asks the breaker. It sets p.held when the sweep must wait.
func (p *plan) mayBury(due []sweep) error {
	if !p.isTooMuch(due) {
		return nil
	}
	h := p.describe(due)
	if p.allowed.covers(h) {
		p.approved = p.allowed
		return p.recordApproval(h)
	}
	p.held = h
	held := map[string]bool{}
	for _, s := range due {
		if !held[s.scope] {
			p.later = append(p.later, later{scope: s.scope, why: heldBack})
		}
		held[s.scope] = true
	}
	p.settled = slices.DeleteFunc(p.settled, func(name string) bool { return held[name] })
	return nil
}

func (p *plan) describe(due []sweep) *Held {
	h := &Held{Feed: p.feed.Name, Count: len(due), Live: p.live, Since: p.now.UTC().Round(0)}
	var refs []string
	for _, s := range due {
		refs = append(refs, s.ref.String())
		if len(h.Examples) < 5 {
			h.Examples = append(h.Examples, fmt.Sprintf("%s %s %s", s.ref.Kind, s.ref.Holder, s.ref.Key))
		}
		if len(h.Scopes) < 5 && !slices.Contains(h.Scopes, s.scope) {
			h.Scopes = append(h.Scopes, s.scope)
		}
	}
	h.Digest = events.Digest(refs...)
	h.Cure = fmt.Sprintf("check at the vendor whether they are really gone, or the connection has lost a permission; "+
		"if they are gone: rollcall connections approve %s", p.src.connection)
	return h
}

// recordApproval publishes that an approval was used.
func (p *plan) recordApproval(h *Held) error {
	a := events.Activity{
		Holder: events.ConnectionHolder, Type: ActivitySweepApproved, ID: p.approved.ID, Outcome: "success", Time: p.now,
		Message: fmt.Sprintf("%d of %d entities that %s no longer shows are held to be gone, as approved", h.Count, h.Live, h.Feed),
		Details: map[string]string{"digest": h.Digest, "reason": p.approved.Reason, "feed": h.Feed},
	}
	if p.approved.By != "" {
		a.Actor = &events.Actor{ID: p.approved.By, Type: "operator"}
	}
	if p.st.recent.has(a.ID) {
		return nil
	}
	p.publish(a, events.Evidence{Feed: p.feed.Name, How: events.HowSeen}, p.now)
	return nil
}
