package okta

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// text is a string of the vendor's that need not be one: a field whose type changes must not make its whole object unreadable.
// Numbers and booleans are kept as they are written; null, objects and arrays are empty.
type text string

// UnmarshalJSON never fails on valid JSON.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = ""
	switch jsontext.Value(b).Kind() {
	case '"':
		var s string
		err := json.Unmarshal(b, &s)
		*t = text(s)
		return err
	case '0', 't', 'f':
		*t = text(b)
	}
	return nil
}

// time is the moment that the text tells, in UTC; zero when it tells none.
func (t text) time() time.Time {
	at, err := time.Parse(time.RFC3339, string(t))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// optional decodes a part that nothing depends on: one of another shape is as good as absent.
func optional[T any](v jsontext.Value) T {
	var part T
	if len(v) == 0 || json.Unmarshal(v, &part) != nil {
		var none T
		return none
	}
	return part
}

// plainStrings turns texts into strings, without the empty ones.
func plainStrings(texts []text) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, string(t))
		}
	}
	return out
}
