package events

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// options are the only JSON options with which Rollcall writes: maps in order, so that equal values are equal bytes.
var options = json.JoinOptions(json.Deterministic(true), jsontext.EscapeForHTML(false))

// Marshal writes v as Rollcall writes all JSON that is stored or compared: deterministic, compact.
func Marshal(v any) ([]byte, error) { return json.Marshal(v, options) }

// Unmarshal reads what Marshal wrote. Fields that this version does not know are passed over.
func Unmarshal(b []byte, v any) error { return json.Unmarshal(b, v) }

// Encode writes an event as it is stored and sent.
func Encode(e *Event) ([]byte, error) {
	b, err := Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding event %s of %s: %w", e.Type, e.Subject, err)
	}
	return b, nil
}

// Decode reads an event of any version ever written. It is the one place where older versions are brought up to date.
func Decode(b []byte) (Event, error) {
	var e Event
	if !e.readPlain(b) {
		e = Event{}
		if err := Unmarshal(b, &e); err != nil {
			return Event{}, fmt.Errorf("decoding event: %w", err)
		}
	}
	switch {
	case e.SchemaVersion > SchemaVersion:
		return Event{}, fmt.Errorf("event %s has schema version %d, this program reads 1 to %d: %w", e.ID, e.SchemaVersion, SchemaVersion, ErrTooNew)
	case e.SchemaVersion < 1:
		return Event{}, fmt.Errorf("event %s has no schema version", e.ID)
	case e.Data.Finding != nil && e.Data.Entity == nil && e.Data.Activity == nil:
	case e.Data.Finding != nil || (e.Data.Entity == nil) == (e.Data.Activity == nil):
		return Event{}, fmt.Errorf("event %s must have either an entity or an activity or a finding", e.ID)
	}
	return e, nil
}

// Sealed is an event with its place in its feed's chain: Hash covers Prev and Body, and Prev is the hash of the event that
// the feed appended before, empty for its first. So that loss and damage are found.
type Sealed struct {
	Event *Event
	Body  []byte // [Encode] of Event
	Prev  string // 64 hex digits or empty
	Hash  string // 64 hex digits
}

// Seal gives an event its id and its place after prev in its feed's chain. The id is put into the bytes that it was made of,
// since encoding is most of what an append costs.
func Seal(prev string, e *Event) (Sealed, error) {
	e.ID = ""
	b, err := Encode(e)
	if err != nil {
		return Sealed{}, err
	}
	e.ID = ChainHash(prev, b)[:32]
	at := bytes.Index(b, emptyID) + len(emptyID) - 1 // the envelope's, which comes before anything a vendor has said
	b = slices.Insert(b, at, []byte(e.ID)...)
	return Sealed{Event: e, Body: b, Prev: prev, Hash: ChainHash(prev, b)}, nil
}

var emptyID = []byte(`"id":""`)

// ChainHash is the SHA-256 of the former hash and a body, in hex.
func ChainHash(prev string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(prev))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
