package roster

import (
	"cmp"
	"embed"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// The tables of levels, one for each vendor, ordered by kind, name and resource, each row with the page that it was read from.
//
//	of          what the name is of: scope, app_role, directory_role, iam_role, admin_role
//	name        the vendor's name or id; in a scope "*" stands for one part between dots, "**" for any number of them
//	on          the name of the resource at which alone the scope means this; empty: everywhere
//	level       read, write, admin
//	privileged  yes: see [Privileged]
//	title       what the vendor calls it, where the name is an id
//	source      the public page that says so
//
//go:embed levels/*.csv
var levelFiles embed.FS

// levelRow is one row of a table.
type levelRow struct {
	of, name, on string
	level        Level
	privileged   bool
	title        string
	source       string
}

// levelTable is what is known of one vendor's roles and scopes.
type levelTable struct {
	exact    map[[3]string]*levelRow // by of, name and on
	patterns []*levelRow             // the most exact first
}

// find is the row of a name at a resource: the one for just that name before any pattern.
func (t *levelTable) find(of, name, on string) *levelRow {
	for _, at := range []string{on, ""} {
		if r := t.exact[[3]string{of, name, at}]; r != nil {
			return r
		}
	}
	for _, r := range t.patterns {
		if r.of == of && (r.on == "" || r.on == on) && fitsName(parts(r.name), parts(name)) {
			return r
		}
	}
	return nil
}

// table is the table of a vendor; that of a vendor without one is empty.
func table(vendor string) *levelTable {
	if t := levelTables()[vendor]; t != nil {
		return t
	}
	return &levelTable{}
}

// levelTables reads the tables once. They are part of the program: one that cannot be read is a defect, which a test finds.
var levelTables = sync.OnceValue(func() map[string]*levelTable {
	out := map[string]*levelTable{}
	for _, vendor := range []string{"entra", "google", "okta"} {
		f, err := levelFiles.Open("levels/" + vendor + ".csv")
		if err != nil {
			panic(err)
		}
		rows, err := readLevels(f)
		if err != nil {
			panic(fmt.Errorf("levels of %s: %w", vendor, err))
		}
		out[vendor] = newLevelTable(rows)
	}
	return out
})

var levelColumns = []string{"of", "name", "on", "level", "privileged", "title", "source"}

func readLevels(from io.Reader) ([]levelRow, error) {
	lines, err := csv.NewReader(from).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 || !slices.Equal(lines[0], levelColumns) {
		return nil, fmt.Errorf("the columns are not %v", levelColumns)
	}
	var out []levelRow
	for _, l := range lines[1:] {
		out = append(out, levelRow{l[0], l[1], l[2], Level(l[3]), l[4] == "yes", l[5], l[6]})
	}
	return out, nil
}

func newLevelTable(rows []levelRow) *levelTable {
	t := &levelTable{exact: map[[3]string]*levelRow{}}
	for i := range rows {
		r := &rows[i]
		if strings.Contains(r.name, "*") {
			t.patterns = append(t.patterns, r)
		} else {
			t.exact[[3]string{r.of, r.name, r.on}] = r
		}
	}
	slices.SortStableFunc(t.patterns, func(a, b *levelRow) int { return cmp.Compare(literal(b.name), literal(a.name)) })
	return t
}

// literal counts the parts of a pattern that stand for themselves.
func literal(pattern string) int {
	n := 0
	for _, p := range parts(pattern) {
		if p != "*" && p != "**" {
			n++
		}
	}
	return n
}
