package show

import (
	"strings"
	"unicode/utf8"
)

// column is one column of a table.
type column struct {
	head  string
	least int                 // the width down to which it may be cut on a narrow terminal; 0: never cut
	drop  int                 // the column with the highest is left out first where the table is too wide; 0: never
	paint func(string) string // nil: plain
}

// table writes rows in columns under a head, fitted to the paper: columns are cut first, then left out. indent is in columns.
func (p *Paper) table(indent int, columns []column, rows [][]string) {
	for i := range rows {
		for j := range rows[i] {
			rows[i][j] = clean(rows[i][j])
		}
	}
	columns, rows, widths := fit(p.Width-indent, columns, rows)
	margin := strings.Repeat(" ", indent)
	heads := make([]string, len(columns))
	for i, c := range columns {
		heads[i] = p.Dim(pad(c.head, widths[i]))
	}
	p.line(margin, heads)
	for _, r := range rows {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = pad(cut(r[i], widths[i]), widths[i])
			if i == len(columns)-1 {
				cells[i] = strings.TrimRight(cells[i], " ")
			}
			if c.paint != nil {
				cells[i] = c.paint(cells[i])
			}
		}
		p.line(margin, cells)
	}
}

func (p *Paper) line(margin string, cells []string) {
	p.Printf("%s\n", strings.TrimRight(margin+strings.Join(cells, "  "), " "))
}

// fit finds each column's width, so that all together take no more than room (none or less: as much as they like).
func fit(room int, columns []column, rows [][]string) ([]column, [][]string, []int) {
	for {
		widths := natural(columns, rows)
		if room <= 0 || shrink(room, columns, widths) {
			return columns, rows, widths
		}
		last := -1
		for i, c := range columns {
			if c.drop > 0 && (last < 0 || c.drop > columns[last].drop) {
				last = i
			}
		}
		if last < 0 {
			return columns, rows, widths
		}
		columns, rows = without(columns, last), withoutAll(rows, last)
	}
}

func natural(columns []column, rows [][]string) []int {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = utf8.RuneCountInString(c.head)
		for _, r := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(r[i]))
		}
	}
	return widths
}

// shrink cuts the widest column that may be cut, again and again, and reports whether the table fits.
func shrink(room int, columns []column, widths []int) bool {
	total := 2 * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for ; total > room; total-- {
		widest := -1
		for i, c := range columns {
			if c.least > 0 && widths[i] > max(c.least, len(c.head)) && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		widths[widest]--
	}
	return true
}

func without[T any](list []T, i int) []T {
	return append(append([]T(nil), list[:i]...), list[i+1:]...)
}

func withoutAll(rows [][]string, i int) [][]string {
	out := make([][]string, len(rows))
	for n, r := range rows {
		out[n] = without(r, i)
	}
	return out
}
