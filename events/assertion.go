package events

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// OperatorsConnection is the connection under which the log keeps what operators say; no configuration can name one so.
const OperatorsConnection = "_operators"

// Says is what an assertion says.
type Says string

// What operators can say about which identities are one agent.
const (
	SaysSame    Says = "same"     // the identities are one agent
	SaysNoProof Says = "no_proof" // the identifier does not prove that the identities which have it are one agent
)

// Assertion is what an operator says about which identities are one agent. Its holder is [ConnectionHolder] of the connection
// [OperatorsConnection]. It holds until it is taken back, which is a deletion.
type Assertion struct {
	Says       Says       `json:"says"`
	Identities []string   `json:"identities,omitzero"` // of "same": two, each "<connection>/<vendor id>", sorted
	Identifier Identifier `json:"identifier,omitzero"` // of "no_proof"
	By         string     `json:"by"`                  // the operator
	Why        string     `json:"why"`
	Time       time.Time  `json:"time"`
}

// Key is what the assertion speaks of, so that nothing is said of the same twice.
func (a *Assertion) Key() string {
	if a.Says == SaysSame {
		return string(a.Says) + "-" + Digest(a.Identities...)[:20]
	}
	return string(a.Says) + "-" + Digest(string(a.Identifier.Type), a.Identifier.Value)[:20]
}

// Check says what is wrong with the assertion, if anything.
func (a *Assertion) Check() error {
	switch {
	case a.By == "":
		return errors.New("the assertion does not say by whom")
	case a.Why == "":
		return errors.New("the assertion does not say why")
	case a.Says == SaysNoProof && (a.Identifier.Type == "" || a.Identifier.Value == ""):
		return errors.New("the assertion names no identifier")
	case a.Says == SaysSame && (len(a.Identities) != 2 || !slices.IsSorted(a.Identities) || a.Identities[0] == a.Identities[1]):
		return errors.New("the assertion does not name two identities, sorted")
	case a.Says != SaysSame && a.Says != SaysNoProof:
		return fmt.Errorf("the assertion says %q, which is neither %s nor %s", a.Says, SaysSame, SaysNoProof)
	}
	for _, i := range a.Identities {
		if connection, holder, ok := strings.Cut(i, "/"); !ok || connection == "" || holder == "" {
			return fmt.Errorf("identity %q is not of the form <connection>/<vendor id>", i)
		}
	}
	return nil
}
