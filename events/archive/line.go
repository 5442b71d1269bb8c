package archive

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
)

// Between the head of a line and the event's bytes. No JSON text in the head can hold them: a quotation mark within it is escaped.
var (
	eventMember = []byte(`,"event":`)
	bytesMember = []byte(`,"bytes":`)
)

// appendLine appends an event as one line of a segment, its body as it is; one that is no JSON on one line, which is damaged, in base64.
func appendLine(b []byte, s *events.Stored) []byte {
	b = append(b, `{"sequence":`...)
	b = strconv.AppendUint(b, s.Position.Sequence, 10)
	b = append(b, `,"time":"`...)
	b = s.Time.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	for _, m := range [...]struct{ name, value string }{{"subject", s.Subject}, {"feed", s.Feed}, {"prev", s.Prev}, {"hash", s.Hash}} {
		if m.value != "" {
			b = append(append(append(b, `,"`...), m.name...), `":`...)
			b, _ = jsontext.AppendQuote(b, m.value) // what is no UTF-8 is mended
		}
	}
	if bytes.ContainsAny(s.Body, "\r\n") || !jsontext.Value(s.Body).IsValid() {
		quoted, _ := events.Marshal(s.Body) // bytes become base64
		b = append(append(b, bytesMember...), quoted...)
	} else {
		b = append(append(b, eventMember...), s.Body...)
	}
	return append(b, '}', '\n')
}

// lineHead is what a line says of its event.
type lineHead struct {
	Sequence uint64    `json:"sequence"`
	Time     time.Time `json:"time"`
	Subject  string    `json:"subject"`
	Feed     string    `json:"feed"`
	Prev     string    `json:"prev"`
	Hash     string    `json:"hash"`
}

// parseLine reads what appendLine wrote, without the end of the line. The body is a part of the line.
func parseLine(line []byte) (events.Stored, error) {
	if len(line) == 0 || line[len(line)-1] != '}' {
		return events.Stored{}, errors.New("a line has no end")
	}
	at, coded := bytes.Index(line, eventMember), false
	if at < 0 {
		at, coded = bytes.Index(line, bytesMember), true
	}
	if at < 0 {
		return events.Stored{}, errors.New("a line has no event")
	}
	body := line[at+len(eventMember) : len(line)-1]
	if coded {
		quoted := body
		body = nil
		if err := events.Unmarshal(quoted, &body); err != nil {
			return events.Stored{}, fmt.Errorf("a line's event cannot be read: %w", err)
		}
	}
	var h lineHead
	if err := events.Unmarshal(append(line[:at:at], '}'), &h); err != nil {
		return events.Stored{}, fmt.Errorf("a line cannot be read: %w", err)
	}
	return events.Stored{
		Position: events.Position{Sequence: h.Sequence}, Time: h.Time, Subject: h.Subject, Feed: h.Feed, Prev: h.Prev, Hash: h.Hash, Body: body,
	}, nil
}
