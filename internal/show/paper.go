// Package show is what a person sees in a terminal: tables, one agent whole, events as they come, the summary of a roll call.
package show

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
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

// Dim, Bold and Red style a text on paper that has colour.
func (p *Paper) Dim(s string) string { return p.paint(dim, s) }

// Bold makes s stand out.
func (p *Paper) Bold(s string) string { return p.paint(bold, s) }

// Red marks s as wrong.
func (p *Paper) Red(s string) string { return p.paint(red, s) }

// Green marks s as right.
func (p *Paper) Green(s string) string { return p.paint(green, s) }

// Yellow marks s as to be looked at.
func (p *Paper) Yellow(s string) string { return p.paint(yellow, s) }

// table writes rows in columns under a head; the last column is cut to the paper's width.
func (p *Paper) table(head []string, rows [][]string) error {
	w := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	return w.Flush()
}

// clean keeps what a vendor sent from steering the terminal or breaking a table: control characters become spaces.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
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
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Round(time.Second).String(), "0s")
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
