package connectors

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// cover publishes what the feed can see, when it has changed.
func (p *plan) cover() error {
	p.whole = p.blind == nil && !p.page.More && p.openPasses() == 0
	c := p.blind
	if p.saw = p.sight; c == nil {
		c, p.saw = p.sight.page(p.feed, p.page.Blind, p.whole)
	}
	if c = p.unread(c); c == nil {
		return nil
	}
	e := events.Entity{Kind: events.KindCoverage, Holder: events.ConnectionHolder, Key: p.feed.Name, Coverage: c}
	r := &result{record: Record{Type: "coverage", Asked: p.now}}
	return p.entity(r, e)
}

// UnderWay is in the reason of a coverage that is partial because a round has not ended yet.
const UnderWay = "a round is under way: what it has not reached yet is unknown"

// unread adds to a coverage what a feed that asks for thing after thing has not reached: in its first round, and in one that
// something new has asked for, it would look like none. A round of routine finds the coverage of the one before.
func (p *plan) unread(c *events.Coverage) *events.Coverage {
	ref := events.Ref{Kind: events.KindCoverage, Holder: events.ConnectionHolder, Key: p.feed.Name}
	if !p.feed.Rests || p.blind != nil || p.whole && !p.behind || p.look(ref) != nil && !p.behind {
		return c
	}
	if c == nil {
		c = coverageOf(p.feed, nil)
	}
	c.State, c.Reason = events.CoveragePartial, strings.TrimPrefix(c.Reason+"; "+UnderWay, "; ")
	return c
}

// sight is what a feed could see, gathered over the pages of one round: from one moment at which it was caught up to the next.
type sight struct {
	blind []Blindness // what the last whole round could not see
	round []Blindness // what this one could not see so far
	known bool        // there was a whole round
}

// page takes in what one page could not see. whole says that a round ends with it. It returns the coverage to publish, or nil as
// long as nothing is known.
func (s *sight) page(f *Feed, blind []Blindness, whole bool) (*events.Coverage, sight) {
	next := *s
	next.round = append(slices.Clone(s.round), blind...)
	seen := append(slices.Clone(s.blind), next.round...)
	if whole {
		seen = next.round
		next = sight{blind: next.round, known: true}
	}
	if len(seen) == 0 && !next.known {
		return nil, next
	}
	return coverageOf(f, seen), next
}

func coverageOf(f *Feed, blind []Blindness) *events.Coverage {
	c := &events.Coverage{Feed: f.Name, Kinds: sortedKinds(f.Kinds), SignIns: f.SignIns, State: events.CoverageComplete}
	var reasons []string
	for _, b := range blind {
		reason := b.Reason
		if len(b.Kinds) > 0 {
			reason = fmt.Sprintf("%s: %s", joinKinds(b.Kinds), reason)
		}
		reasons = append(reasons, reason)
	}
	if len(reasons) > 0 {
		slices.Sort(reasons)
		c.State, c.Reason = events.CoveragePartial, strings.Join(slices.Compact(reasons), "; ")
	}
	return c
}

// blindness is the coverage of a feed that a fault keeps from seeing anything. The cure is preferred to what the vendor has
// answered, which may differ at every call.
func blindness(f *Feed, fault *Fault, scrub func(string) string) *events.Coverage {
	reason := fault.Kind.String()
	switch {
	case fault.Cure != "":
		reason += ": " + fault.Cure
	case fault.Err != nil:
		reason += ": " + fault.Err.Error()
	}
	return &events.Coverage{Feed: f.Name, Kinds: sortedKinds(f.Kinds), SignIns: f.SignIns, State: events.CoverageBlind, Reason: clip(scrub(reason), 500)}
}

func sortedKinds(kinds []events.Kind) []events.Kind {
	if len(kinds) == 0 {
		return nil
	}
	kinds = slices.Clone(kinds)
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

func joinKinds(kinds []events.Kind) string {
	var words []string
	for _, k := range sortedKinds(kinds) {
		words = append(words, string(k))
	}
	return strings.Join(words, ", ")
}
