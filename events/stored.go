package events

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Stored is an event as its bytes lie in the log, not decoded: what is only passed on, counted or verified need not be understood.
type Stored struct {
	Position   Position
	Time       time.Time // by the server's clock
	Subject    string    // NATS's
	Feed       string    // that appended it
	Prev, Hash string    // its place in the feed's chain
	Body       []byte    // [Encode] of the event, by the version that wrote it
	Pending    uint64    // how many more messages the reader's query had waiting when this one was delivered
	Keys       Keys      // that open what is sealed in it; nil: it stays sealed
}

// Damage is the error that says that this message cannot be trusted or read.
func (s *Stored) Damage(err error) error {
	return &DamageError{Position: s.Position, Subject: s.Subject, Err: err}
}

// Message decodes it, and opens what is sealed in it as far as its Keys can. A *[DamageError] says that it is no event; another error, that
// the keys could not be asked.
func (s *Stored) Message() (Message, error) {
	m := Message{Position: s.Position, Stored: s.Time, Prev: s.Prev, Hash: s.Hash, Pending: s.Pending}
	e, err := Decode(s.Body)
	if err != nil {
		return m, s.Damage(err)
	}
	if s.Keys != nil {
		if err := OpenPerson(&e, s.Keys); errors.Is(err, ErrAltered) {
			return m, s.Damage(err)
		} else if err != nil {
			return m, err
		}
	}
	m.Event = e
	return m, nil
}

// Opened is s with what is sealed in it opened as far as its Keys can: for a person to see. Its Hash stays that of the bytes as stored.
func (s *Stored) Opened() (Stored, error) {
	if s.Keys == nil || !strings.HasSuffix(s.Subject, personSuffix) {
		return *s, nil
	}
	m, err := s.Message()
	if err != nil {
		return *s, err
	}
	out := *s
	out.Body, err = Encode(&m.Event)
	return out, err
}

const personSuffix = "." + string(KindPerson) + "." + Self

// Type reads the event's type alone, which stands near its beginning. A *[DamageError] says that it has none.
func (s *Stored) Type() (Type, error) {
	d := jsontext.NewDecoder(bytes.NewReader(s.Body))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return "", s.Damage(errors.Join(errors.New("it is no JSON object"), err))
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return "", s.Damage(err)
		}
		if name.String() != "type" {
			if err := d.SkipValue(); err != nil {
				return "", s.Damage(err)
			}
			continue
		}
		v, err := d.ReadToken()
		if err != nil || v.Kind() != '"' {
			return "", s.Damage(errors.Join(errors.New("its type is no text"), err))
		}
		return Type(v.String()), nil
	}
	return "", s.Damage(errors.New("it has no type"))
}

// Valid says whether the event is JSON at all. Its hash proves that it is what was stored, not that a Rollcall has stored it.
func (s *Stored) Valid() error {
	if !jsontext.Value(s.Body).IsValid() {
		return s.Damage(errors.New("it is no JSON"))
	}
	return nil
}

// With is the event's JSON with members before all others, which the event itself must not have: `"a":1,"b":2`. It stays one line,
// and is JSON if the event [Stored.Valid]: to check that costs as much as to read it.
func (s *Stored) With(members string) ([]byte, error) {
	rest, ok := bytes.CutPrefix(s.Body, []byte("{\""))
	if !ok || bytes.ContainsAny(s.Body, "\r\n") {
		return nil, s.Damage(errors.New("it is no JSON object on one line"))
	}
	b := make([]byte, 0, len(members)+len(s.Body)+3) // and room for the line's end
	b = append(append(append(b, '{'), members...), ",\""...)
	return append(b, rest...), nil
}

// MatchStored reports whether f selects s, as [Filter.Match] does for an event, by its subject and, where f names one, its type.
func (f Filter) MatchStored(s *Stored) (bool, error) {
	rest, ok := strings.CutPrefix(s.Subject, EventsPrefix+".")
	if !ok {
		return false, s.Damage(fmt.Errorf("its subject does not begin with %s", EventsPrefix))
	}
	for _, want := range []string{f.Tenant, f.Connection, f.Holder, string(f.Kind)} {
		var part string
		part, rest, _ = strings.Cut(rest, ".")
		if want != "" && part != Token(want) {
			return false, nil
		}
	}
	if f.Type == "" {
		return true, nil
	}
	t, err := s.Type()
	return t == f.Type, err
}

// Member is the member by which an event in JSON carries its position: "position":{"epoch":"…","sequence":42}
func (p Position) Member() string {
	return `"position":{"epoch":` + quoted(p.Epoch) + `,"sequence":` + strconv.FormatUint(p.Sequence, 10) + `}`
}

// Extensions are the members by which a CloudEvent carries its position: sequence, as the CloudEvents extension of that name has
// it, and epoch.
func (p Position) Extensions() string {
	return `"epoch":` + quoted(p.Epoch) + `,"sequence":"` + strconv.FormatUint(p.Sequence, 10) + `"`
}

func quoted(s string) string {
	b, _ := jsontext.AppendQuote(nil, s) // what is no UTF-8 is mended
	return string(b)
}
