package events

import (
	"cmp"
	"errors"
	"fmt"
)

// Self is the key of an identity itself: an agent, a blueprint or a person.
const Self = "self"

// ConnectionHolder is the holder of what is said about a connection itself, such as its coverage. No vendor uses it as an id.
const ConnectionHolder = "_connection"

// Ref addresses one entity inside a connection.
type Ref struct {
	Kind   Kind
	Holder string // the vendor's id of the identity that the entity hangs on
	Key    string // Self for the identity itself; else unique among the holder's entities of this kind
}

// Identity is the address of an agent, blueprint or person.
func Identity(k Kind, id string) Ref { return Ref{Kind: k, Holder: id, Key: Self} }

// String is the CloudEvents subject: holder, kind and key as tokens, joined by dots.
func (r Ref) String() string {
	return Token(r.Holder) + "." + Token(string(r.Kind)) + "." + Token(r.Key)
}

// Compare orders refs by holder, kind and key.
func (r Ref) Compare(o Ref) int {
	return cmp.Or(cmp.Compare(r.Holder, o.Holder), cmp.Compare(r.Kind, o.Kind), cmp.Compare(r.Key, o.Key))
}

// maxPart bounds a holder or key, so that a subject stays far below what a NATS server takes on one line.
const maxPart = 600

// Check says what is wrong with r, if anything.
func (r Ref) Check() error {
	switch {
	case !r.Kind.Valid():
		return fmt.Errorf("ref has the unknown kind %q", r.Kind)
	case r.Holder == "":
		return errors.New("ref has no holder")
	case r.Key == "":
		return errors.New("ref has no key")
	case r.Kind.IsIdentity() != (r.Key == Self):
		return fmt.Errorf("ref of kind %s has the key %q: identities, and only they, have the key %q", r.Kind, r.Key, Self)
	case len(r.Holder) > maxPart || len(r.Key) > maxPart:
		return fmt.Errorf("ref of kind %s has a holder of %d and a key of %d bytes: at most %d each; use a digest as key",
			r.Kind, len(r.Holder), len(r.Key), maxPart)
	}
	return nil
}
