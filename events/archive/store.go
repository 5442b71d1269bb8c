package archive

import (
	"context"
	"errors"
)

// Store is where an archive lies: objects by name, each written once and never altered. Names are slash-separated, of [a-z0-9./-].
//
// Its methods may be called at the same time, by several processes too. The caller does not retry: what passes by itself is the
// store's to repeat.
type Store interface {
	// Put stores an object, whole or not at all, and returns when it is durable. If there is one of that name, it stays as it is and
	// the error is ErrExists: of two who put the same name, one succeeds.
	Put(ctx context.Context, name string, content []byte) error

	// Get returns an object's content, which is the caller's; ErrNotFound if there is none.
	Get(ctx context.Context, name string) ([]byte, error)

	// List returns the names that begin with prefix, sorted. What was put before the call is among them.
	List(ctx context.Context, prefix string) ([]string, error)

	// String names the place for a person, without secrets.
	String() string
}

// The errors of a [Store] that are told apart; wrapped.
var (
	ErrExists   = errors.New("there is an object of that name")
	ErrNotFound = errors.New("there is no such object")
)
