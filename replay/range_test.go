package replay

import (
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.FixedZone("CET", 3600))

func TestParseBound(t *testing.T) {
	cet := now.Location()
	for in, want := range map[string]Bound{
		"":                               {},
		"  ":                             {},
		"42":                             {Sequence: 42},
		" 42 ":                           {Sequence: 42},
		"18446744073709551615":           {Sequence: 1<<64 - 1},
		"2h":                             {Time: now.Add(-2 * time.Hour)},
		"-2h":                            {Time: now.Add(-2 * time.Hour)},
		"90m":                            {Time: now.Add(-90 * time.Minute)},
		"7d":                             {Time: now.Add(-7 * 24 * time.Hour)},
		"2026-11-22":                     {Time: time.Date(2026, 11, 22, 0, 0, 0, 0, cet)},
		"2026-11-22 13:14":               {Time: time.Date(2026, 11, 22, 13, 14, 0, 0, cet)},
		"2026-11-22 13:14:15":            {Time: time.Date(2026, 11, 22, 13, 14, 15, 0, cet)},
		"2026-11-22T13:14:15":            {Time: time.Date(2026, 11, 22, 13, 14, 15, 0, cet)},
		"2026-11-22T13:14:15Z":           {Time: time.Date(2026, 11, 22, 13, 14, 15, 0, time.UTC)},
		"2026-11-22T13:14:15.5+02:00":    {Time: time.Date(2026, 11, 22, 11, 14, 15, 5e8, time.UTC)},
		"2026-11-22T13:14:15.000000001Z": {Time: time.Date(2026, 11, 22, 13, 14, 15, 1, time.UTC)},
	} {
		got, err := ParseBound(in, now)
		if err != nil || got.Sequence != want.Sequence || !got.Time.Equal(want.Time) {
			t.Errorf("ParseBound(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"yesterday", "-5", "1.5", "+3", "2026-13-01", "2026-11-31", "d", "-d", "99999999d", "--2h", "epoch:42", "18446744073709551616", "12:00", "2h ago"} {
		got, err := ParseBound(in, now)
		if err == nil || !strings.Contains(err.Error(), "neither a sequence (42)") {
			t.Errorf("ParseBound(%q) = %v, %v; want an error that says what there is", in, got, err)
		}
	}
}

func TestParseRange(t *testing.T) {
	r, err := ParseRange("2026-11-01", "2026-11-02", now)
	if err != nil {
		t.Fatal(err)
	}
	if last := time.Date(2026, 11, 3, 0, 0, 0, 0, now.Location()).Add(-1); !r.To.Time.Equal(last) {
		t.Errorf("the last day ends at %v, want %v", r.To.Time, last)
	}
	for _, c := range []struct{ from, to, why string }{
		{"42", "7", "--from 42 lies after --to 7"},
		{"1h", "2h", "lies after --to"},
		{"2026-11-02", "2026-11-01", "lies after --to"},
		{"x", "", "--from: \"x\""},
		{"", "x", "--to: \"x\""},
		{"", "0", "sequences begin with 1"},
	} {
		if _, err := ParseRange(c.from, c.to, now); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("ParseRange(%q, %q): %v, want %q in it", c.from, c.to, err, c.why)
		}
	}
	for _, c := range [][2]string{{"", ""}, {"0", ""}, {"7", "7"}, {"2026-11-01", "2026-11-01"}, {"9", "1h"}} {
		if _, err := ParseRange(c[0], c[1], now); err != nil {
			t.Errorf("ParseRange(%q, %q): %v", c[0], c[1], err)
		}
	}
}

// FuzzParseBound: whatever is typed, a bound is a sequence or a time and not both, and what is refused is named.
func FuzzParseBound(f *testing.F) {
	for _, s := range []string{"", "42", "2h", "7d", "-1m", "2026-11-22", "2026-11-22T13:14:15Z", "\x00", "9e9h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := ParseBound(s, now)
		switch {
		case err != nil && (b != Bound{} || !strings.Contains(err.Error(), "neither")):
			t.Errorf("%q: %v with %v", s, err, b)
		case b.Sequence != 0 && !b.Time.IsZero():
			t.Errorf("%q is both: %v", s, b)
		case err == nil && strings.TrimSpace(s) == "" && b != Bound{}:
			t.Errorf("nothing is %v", b)
		}
	})
}
