package show

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Access writes the answer to a question about access: what it is about, a line for each thing that may be done, how many there are of
// each level, and what is not known. left is how many were left out because of their level.
func (p *Paper) Access(a *roster.Answer, left int, names *Names) {
	for _, s := range a.About {
		p.Printf("%s\n", p.subject(&s, names))
	}
	if len(a.Access) > 0 {
		p.Printf("\n")
		p.accessTable(a, names)
	}
	p.Printf("\n%s\n", p.wrap(sum(a, left), 0))
	for _, d := range a.Unknown {
		p.row("unknown", doubt(&d, names))
	}
}

// subject names what a question is about.
func (p *Paper) subject(s *roster.Subject, names *Names) string {
	id := func(parts ...string) string { return p.Dim(clean(strings.Join(nonEmpty(parts...), " "))) }
	switch s.Kind {
	case "agent":
		return p.Bold(clean(cmp.Or(s.Name, s.ID))) + "  " + id(s.ID)
	case "person":
		return p.Bold(clean(names.Person(s.Tenant, s.Connection, s.ID))) + "  " + id(s.Connection, short(s.ID))
	case "credential":
		return p.Bold(clean(cmp.Or(s.Name, short(s.ID)))) + clean("  credential of "+names.Of(s.Tenant, s.Connection, s.Holder)) + "  " + id(s.Connection, short(s.ID))
	}
	if s.Name == "" {
		return p.Bold(clean(s.ID)) + "  " + id(s.Connection)
	}
	return p.Bold(clean(s.Name)) + "  " + id(s.Connection, s.ID)
}

func (p *Paper) accessTable(a *roster.Answer, names *Names) {
	rows := make([][]string, len(a.Access))
	for n := range a.Access {
		x := &a.Access[n]
		rows[n] = []string{level(x), who(x, names), x.Connection, deed(x), on(x, names), whom(x, names), how(x, names), consent(x, names), limits(x)}
	}
	columns := []column{
		{head: "LEVEL", paint: p.levelled}, {head: "WHO", least: 14, paint: p.Bold}, {head: "AT", drop: 2}, {head: "MAY", least: 16},
		{head: "ON", least: 12}, {head: "FOR", least: 8}, {head: "BY WAY OF", least: 14}, {head: "CONSENT", drop: 3}, {head: "LIMITS", least: 10, drop: 1},
	}
	question := a.About[0].Kind
	for n := len(columns) - 1; n > 0; n-- { // a column that says nothing, or nothing but what was asked about, is noise
		alike := !slices.ContainsFunc(rows, func(r []string) bool { return r[n] != rows[0][n] })
		head := columns[n].head
		asked := head == "WHO" && question == "agent" || head == "AT" && alike || head == "ON" && question == "resource" && alike && len(a.About) == 1
		if asked || alike && rows[0][n] == "" {
			columns, rows = without(columns, n), withoutAll(rows, n)
		}
	}
	p.table(0, columns, rows)
}

func level(x *roster.Access) string {
	if x.Privileged {
		return string(x.Level) + "!"
	}
	return string(x.Level)
}

// levelled colours a cell that begins with a level.
func (p *Paper) levelled(cell string) string {
	switch text := strings.TrimRight(cell, " "); {
	case strings.HasSuffix(text, "!"):
		return p.Red(cell)
	case text == string(roster.LevelAdmin), text == string(roster.LevelUnknown):
		return p.Yellow(cell)
	}
	return cell
}

// who names the identity that may do something, with its status where it is not active.
func who(x *roster.Access, names *Names) string {
	s := cmp.Or(x.Name, outsider(names.Of(x.Tenant, x.Connection, x.Holder)))
	if x.HolderKind == events.KindBlueprint || x.HolderKind == events.KindPerson {
		s += ", " + string(x.HolderKind)
	}
	if x.HolderKind == "" { // a set of principals, somebody outside: its status is nobody's
		return s
	}
	return s + inactive(x.Status)
}

// outsider shortens how a policy spells a principal that is no agent of the roster's: its kind, and the end, which tells most.
func outsider(id string) string {
	kind, rest, ok := strings.Cut(id, "://")
	if parts := strings.Split(rest, "/"); ok && len(parts) > 3 {
		return kind + " …/" + strings.Join(parts[len(parts)-2:], "/")
	}
	return id
}

// deed names what may be done.
func deed(x *roster.Access) string {
	role := cmp.Or(x.RoleName, strings.TrimPrefix(x.Role, "roles/"))
	if scopes := strings.Join(x.Scopes, " "); scopes != "" {
		role = scopes
	}
	if x.RoleName == "" && x.Type != "" && isUUID(x.Role) {
		role = words(x.Type) + " " + x.Role
	}
	return cmp.Or(role, words(x.Type), words(string(x.Kind))) + inactive(x.GrantStatus)
}

func isUUID(id string) bool { return strings.Count(id, "-") == 4 && len(id) == 36 }

func on(x *roster.Access, names *Names) string {
	return cmp.Or(x.ResourceName, resource(x.Resource, func(id string) string { return names.Of(x.Tenant, x.Connection, id) }))
}

// whom names on whose behalf; empty: as itself.
func whom(x *roster.Access, names *Names) string {
	switch x.OnBehalf {
	case "":
		return ""
	case events.Everyone:
		return "everyone"
	case roster.SomebodyUnknown:
		return "somebody"
	}
	return names.Person(x.Tenant, x.Connection, x.OnBehalf)
}

// how says by which way it comes to that, where it is not given directly.
func how(x *roster.Access, names *Names) string {
	var out []string
	for _, h := range x.Via {
		s := ways[h.How] + " " + cmp.Or(h.Name, names.Of(x.Tenant, x.Connection, h.Holder)) + inactive(h.Status)
		switch {
		case !h.Until.IsZero():
			s += " until " + date(h.Until)
		case h.Condition != "":
			s += " if " + h.Condition
		}
		out = append(out, s)
	}
	if x.Inherited != "" {
		out = append(out, "from "+names.Of(x.Tenant, x.Connection, x.Inherited))
	}
	return strings.Join(out, ", ")
}

// consent says what made a delegation, and who gave it, where that is not the person alone.
func consent(x *roster.Access, names *Names) string {
	s := words(strings.TrimSuffix(x.Source, "_consent"))
	if x.ConsentedBy != "" && x.ConsentedBy != x.OnBehalf {
		s = strings.TrimPrefix(s+" by "+names.Person(x.Tenant, x.Connection, x.ConsentedBy), " ")
	}
	return s
}

var ways = map[string]string{
	roster.HowRunsAs: "runs as", roster.HowImpersonates: "as", roster.HowMember: "in", roster.HowBlueprint: "of blueprint",
	roster.HowPrincipal: "principal of", roster.HowSame: "with",
}

// limits says until when and under which condition.
func limits(x *roster.Access) string {
	switch {
	case !x.Until.IsZero():
		return "until " + date(x.Until)
	case x.Condition != "":
		return "if " + x.Condition
	}
	return ""
}

// sum says how many there are of each level.
func sum(a *roster.Answer, left int) string {
	privileged := 0
	counts := map[roster.Level]int{}
	for _, x := range a.Access {
		counts[x.Level]++
		if x.Privileged {
			privileged++
		}
	}
	var parts []string
	for _, l := range slices.Backward(roster.Levels) {
		n := counts[l]
		switch {
		case n == 0:
		case l == roster.LevelUnknown:
			parts = append(parts, fmt.Sprintf("%d of unknown level", n))
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, l))
		}
	}
	s := strings.Join(parts, ", ")
	switch {
	case s != "":
	case left > 0:
		s = "none of this level"
	default:
		s = "nothing is known"
	}
	if privileged > 0 {
		s += fmt.Sprintf("; %d privileged (!)", privileged)
	}
	if hidden := a.NoLevel - counts[roster.LevelUnknown]; hidden > 0 {
		s += fmt.Sprintf("; of %d more the level is unknown", hidden)
		left -= hidden
	}
	if left > 0 {
		s += fmt.Sprintf("; %d of other levels are not shown", left)
	}
	return s
}

func doubt(d *roster.Doubt, names *Names) string {
	what := map[events.Kind]string{events.KindGrant: "grants", events.KindDelegation: "delegations"}[d.Kind]
	of := ""
	if d.Identities > 1 {
		of = " of " + count(d.Identities, "identity")
	}
	return fmt.Sprintf("%s: there may be more %s%s: %s", d.Connection, what, of, names.Text(d.Tenant, d.Connection, d.Why))
}

// Unmapped writes the roles and scopes without a level.
func (p *Paper) Unmapped(list []roster.Unlevelled) {
	if len(list) == 0 {
		p.Printf("Every role and scope has a level.\n")
		return
	}
	rows := make([][]string, len(list))
	for n, u := range list {
		rows[n] = []string{u.Vendor, fmt.Sprint(u.Count), u.What}
	}
	p.table(0, []column{{head: "VENDOR"}, {head: "TIMES"}, {head: "ROLE OR SCOPE WITHOUT A LEVEL", least: 30}}, rows)
}
