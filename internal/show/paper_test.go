package show

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// hostile is a name that a vendor might send: it clears the screen, sets the title, rings, breaks lines, and runs backwards.
const hostile = "\x1b[2Jevil\x1b]0;title\x07\r\n\tname\u009b31m\u202eback\u2028line\u200b\xff"

// harmless checks that a text steers no terminal.
func harmless(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			t.Errorf("%U is in %q", r, text)
		}
	}
	if !utf8.ValidString(text) {
		t.Errorf("not valid UTF-8: %q", text)
	}
}

func TestCleanKeepsTheTextAndNothingElse(t *testing.T) {
	got := clean(hostile)
	harmless(t, got)
	if strings.Contains(got, "\n") || !strings.Contains(got, "evil") || !strings.Contains(got, "name") {
		t.Errorf("clean = %q", got)
	}
	if name := "Bjørn Müller 株式会社 ✓"; clean(name) != name {
		t.Errorf("%q became %q", name, clean(name))
	}
	if got := Lines("one\x1b[1m\ntwo\r"); got != "one [1m\ntwo " {
		t.Errorf("Lines = %q", got)
	}
}

func FuzzClean(f *testing.F) {
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, s string) {
		harmless(t, clean(s))
		harmless(t, cut(s, 5))
		if n := utf8.RuneCountInString(cut(s, 5)); n > 5 {
			t.Errorf("cut to 5 is %d long", n)
		}
		p := &Paper{Width: 30}
		harmless(t, p.wrap(s, 4))
	})
}

func TestWrap(t *testing.T) {
	p := &Paper{Width: 30}
	if diff := cmp.Diff("one two three four five\n    six seven", p.wrap("one two three four five six seven", 4)); diff != "" {
		t.Error(diff)
	}
	long := strings.Repeat("x", 40)
	if got := p.wrap("id "+long, 4); got != "id "+long {
		t.Errorf("a word that fits no line is not moved to the next: %q", got)
	}
	if got := (&Paper{}).wrap("a  b", 4); got != "a  b" {
		t.Errorf("unbounded paper wraps nothing: %q", got)
	}
}

func TestTableFitsItsPaper(t *testing.T) {
	columns := []column{{head: "NAME", least: 8}, {head: "STATUS"}, {head: "NOTE", drop: 1}, {head: "WHY", least: 6, drop: 2}}
	rows := func() [][]string {
		return [][]string{{"Invoice matcher", "active", "first", "because of the second"}, {"B", "disabled", "-", ""}}
	}
	for width, want := range map[int]string{
		0: "NAME             STATUS    NOTE   WHY\n" +
			"Invoice matcher  active    first  because of the second\n" +
			"B                disabled  -\n",
		40: "NAME        STATUS    NOTE   WHY\n" +
			"Invoice m…  active    first  because of…\n" +
			"B           disabled  -\n",
		30: "NAME           STATUS    NOTE\n" +
			"Invoice matc…  active    first\n" +
			"B              disabled  -\n",
		20: "NAME        STATUS\n" +
			"Invoice m…  active\n" +
			"B           disabled\n",
		5: "NAME      STATUS\n" +
			"Invoice…  active\n" +
			"B         disabled\n",
	} {
		var b bytes.Buffer
		(&Paper{Writer: &b, Width: width}).table(0, columns, rows())
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("width %d:\n%s", width, diff)
		}
		for l := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSpace(l)); width > 16 && n > width {
				t.Errorf("width %d: a line of %d", width, n)
			}
		}
	}
}

func TestColourIsOnlyColour(t *testing.T) {
	columns := []column{{head: "A"}, {head: "B"}}
	var plain, colour bytes.Buffer
	(&Paper{Writer: &plain}).table(2, columns, [][]string{{"x", "y"}})
	(&Paper{Writer: &colour, Colour: true}).table(2, columns, [][]string{{"x", "y"}})
	stripped := strings.NewReplacer(reset, "", dim, "", bold, "").Replace(colour.String())
	if diff := cmp.Diff(plain.String(), stripped); diff != "" || colour.String() == plain.String() {
		t.Errorf("%q and %q", plain.String(), colour.String())
	}
}

func TestShortWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 300 * time.Millisecond: "0.3s", 12 * time.Second: "12s", 5 * time.Minute: "5m", 3 * time.Hour: "3h", 72 * time.Hour: "3d",
	} {
		if got := ago(d); got != want {
			t.Errorf("ago(%v) = %s, want %s", d, got, want)
		}
	}
	for want, got := range map[string]string{"1 entity": count(1, "entity"), "2 entities": count(2, "entity"), "0 calls": count(0, "call")} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
