package roster

import (
	"fmt"
	"slices"

	"github.com/rollcallhq/rollcall/events"
)

// Unknown says why it is not known which things of a kind an identity has, beyond those that are shown; empty where it is
// known, so that an identity without any has none. Unknown is never none: it is known only where the identity itself could be
// read, and the connection has feeds that are a source of the kind, all of which see everything.
func Unknown(coverage []Coverage, i *Identity, k events.Kind) string {
	if slices.Contains(i.Unknown, k) {
		return fmt.Sprintf("the %ss of this identity could not be read", k)
	}
	sources := 0
	for _, c := range coverage {
		if c.Tenant != i.Tenant || c.Connection != i.Connection || !slices.Contains(c.Kinds, k) {
			continue
		}
		if c.State != events.CoverageComplete {
			return fmt.Sprintf("feed %s is %s: %s", c.Feed, c.State, c.Reason)
		}
		sources++
	}
	if sources == 0 {
		return fmt.Sprintf("no feed of connection %s tells of %ss", i.Connection, k)
	}
	return ""
}

// Answered says whether somebody answers for an agent, as far as it is known.
type Answered string

// The answers.
const (
	AnsweredBySomebody Answered = "somebody"
	AnsweredByNobody   Answered = "nobody"  // every identity's stewards are known, and there are none
	AnsweredUnknown    Answered = "unknown" // none is known, and there may be some
)

// WhoAnswers says whether somebody answers for an agent. coverage is that of its connections, others do no harm.
func WhoAnswers(coverage []Coverage, a *Agent) Answered {
	answered := AnsweredByNobody
	for n := range a.Identities {
		i := &a.Identities[n]
		if len(i.Stewards) > 0 {
			return AnsweredBySomebody
		}
		if Unknown(coverage, i, events.KindStewardship) != "" {
			answered = AnsweredUnknown
		}
	}
	return answered
}
