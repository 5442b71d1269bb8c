// Package show is what a person sees in a terminal: tables, one agent whole, events as they come, the summary of a roll call.
package show

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/term"
)

// Paper is where things are shown: plain, or with colour on a terminal that wants it.
type Paper struct {
	io.Writer
	Colour bool
	Width  int // columns; 0: unbounded
}

// NewPaper looks at what w is. NO_COLOR and TERM=dumb are heeded.
func NewPaper(w io.Writer) *Paper {
	p := &Paper{Writer: w}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return p
	}
	p.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(f.Fd())); err == nil {
		p.Width = width
	}
	return p
}

// Printf writes as fmt.Fprintf does. A terminal that is gone is noticed elsewhere.
func (p *Paper) Printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// JSON writes v indented. A nil slice is an empty list.
func (p *Paper) JSON(v any) error {
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	_, err = p.Write(append(b, '\n'))
	return err
}

// JSONLine writes v on one line.
func (p *Paper) JSONLine(v any) error {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	_, err = p.Write(append(b, '\n'))
	return err
}

const (
	reset  = "\x1b[0m"
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

func (p *Paper) paint(style, s string) string {
	if !p.Colour || s == "" || style == "" {
		return s
	}
	return style + s + reset
}

// Dim puts s into the background.
func (p *Paper) Dim(s string) string { return p.paint(dim, s) }

// Bold makes s stand out.
func (p *Paper) Bold(s string) string { return p.paint(bold, s) }

// Red marks s as wrong.
func (p *Paper) Red(s string) string { return p.paint(red, s) }

// Green marks s as right.
func (p *Paper) Green(s string) string { return p.paint(green, s) }

// Yellow marks s as to be looked at.
func (p *Paper) Yellow(s string) string { return p.paint(yellow, s) }

// clean keeps what a vendor sent from steering the terminal, breaking a table or reading backwards: control characters, line
// breaks and invisible marks that change the direction of text become spaces.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, s)
}

// Lines is [clean] for a text of several lines, such as an error: its line breaks stay.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// wrap breaks a text between words so that it fits the paper, where the lines after the first begin at the column indent.
func (p *Paper) wrap(s string, indent int) string {
	room := p.Width - indent
	if p.Width == 0 || room < 20 {
		return clean(s)
	}
	var b strings.Builder
	used := 0
	for n, word := range strings.Fields(clean(s)) {
		length := utf8.RuneCountInString(word)
		switch {
		case n == 0:
		case used+1+length > room && length <= room: // what fits no line, such as a long id, breaks anyway
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += length
	}
	return b.String()
}

// cut shortens s to n characters.
func cut(s string, n int) string {
	s = clean(s)
	if n <= 1 || utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// pad fills s up to n columns, so that colour codes do not count.
func pad(s string, n int) string {
	if missing := n - utf8.RuneCountInString(s); missing > 0 {
		return s + strings.Repeat(" ", missing)
	}
	return s
}

// when shows a time in the reader's zone; the zero time is a dash.
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// ago shows how long something takes or took, coarsely.
func ago(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.0fm", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0fh", d.Hours())
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// date shows the day of a time in the reader's zone; the zero time is a dash.
func date(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateOnly)
}

func count(n int, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case strings.HasSuffix(thing, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(thing, "y"))
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
