package events

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// unmarshaled is what a body says, read as any JSON.
func unmarshaled(b []byte) (Event, bool) {
	var e Event
	ok := Unmarshal(b, &e) == nil
	return e, ok
}

// plainly checks that a body that is read plainly says the same as any JSON, and reports whether it is.
func plainly(t *testing.T, b []byte) bool {
	t.Helper()
	var e Event
	if !e.readPlain(b) {
		return false
	}
	if want, ok := unmarshaled(b); !ok {
		t.Errorf("read plainly, and is no event: %s", b)
	} else if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("read plainly, %s\nsays something else (-want +got):\n%s", b, diff)
	}
	return true
}

func TestWhatEncodeWritesIsPlain(t *testing.T) {
	for _, e := range everyKind() {
		for _, at := range []time.Time{e.Time, e.Time.Add(123456789)} {
			e.Time = at
			b, err := Encode(&e)
			if err != nil {
				t.Fatal(err)
			}
			if !plainly(t, b) {
				t.Errorf("not read plainly: %s", b)
			}
		}
	}
}

// spellings are events as others may write them, or damaged: what follows in place of what.
var spellings = [][2]string{
	{`"tenant":"acme"`, `"tenant":"ac\u006de"`}, {`"tenant":"acme"`, `"tenant":"acmé"`}, {`"tenant":"acme"`, "\"tenant\":\"ac\xffme\""},
	{`"tenant":"acme"`, "\"tenant\":\"ac\nme\""}, {`"tenant":"acme"`, `"tenant":null`}, {`"tenant":"acme"`, `"tenant":"acme","tenant":"acme"`},
	{`"tenant":"acme",`, ``}, {`"tenant":"acme"`, `"tenant": "acme"`}, {`{"specversion":"1.0"`, `{"specversion":"1.1"`}, {`{"specversion"`, ` {"specversion"`},
	{`application/json`, `text/plain`}, {`"schemaversion":1`, `"schemaversion":12`}, {`"schemaversion":1`, `"schemaversion":01`}, {`"schemaversion":1`, `"schemaversion":-1`},
	{`"time":"2026-`, `"time":"26-`}, {`Z","datacontenttype"`, `+02:00","datacontenttype"`}, {`Z","datacontenttype"`, `,5Z","datacontenttype"`},
	{`"data":{`, `"data":{"later":{"a":[1,"}"]},`}, {`"data":{`, `"data":{"evidence":{},`}, {`"data":{`, `"data":[{`}, {`,"data":{`, `{`}, {`"data":{`, `"data":null,"more":{`},
	{`}}}`, `}}`}, {`}}}`, `}}},"more":1}`}, {`}}}`, `}}}}`}, {`}}}`, `}}} `}, {`}}}`, `}} }`},
}

func TestPlainIsAnyJSON(t *testing.T) {
	e := everyKind()[0]
	e.Tenant = "acme"
	b, err := Encode(&e)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range spellings {
		if !bytes.Contains(b, []byte(s[0])) {
			t.Fatalf("%s does not contain %s", b, s[0])
		}
		plainly(t, []byte(strings.Replace(string(b), s[0], s[1], 1)))
	}
	for _, at := range []string{"2026-11-01T1:00:00Z", "2026-11-01T25:00:00Z", "2026-11-01", "", "Z", "2026-11-01T01:00:00.Z", "2026-11-01T01:00:00,5Z", "2026-11-01T01:00:00+24:00", "2026-11-01T01:00:00z"} {
		was := e.RecordedTime.Format(time.RFC3339Nano)
		plainly(t, []byte(strings.Replace(string(b), `"recordedtime":"`+was, `"recordedtime":"`+at, 1)))
	}
	for n := range b {
		plainly(t, b[:n])
	}
}

func FuzzPlainIsAnyJSON(f *testing.F) {
	for _, e := range everyKind() {
		b, err := Encode(&e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { plainly(t, b) })
}
