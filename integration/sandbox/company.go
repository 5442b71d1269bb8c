package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Company is the seeded company: the same people, groups and agents for the same seed and size, at every vendor. A vendor
// derives its own ids from the keys, and knows a person by the same e-mail address as the other vendors do.
type Company struct {
	Name   string
	Domain string // the domain of every e-mail address; a reserved name that never resolves
	People []Person
	Groups []Group
	Agents []Seed // all three vendors' together, see [Company.For]
}

// Person is somebody who works at the company.
type Person struct {
	Key        string // short stable slug, unique
	Name       string
	Email      string
	Title      string
	Department string
}

// Group is a team. It has at least two members, since some vendors refuse smaller ones as owners.
type Group struct {
	Key     string
	Name    string
	Members []string // Person.Key
}

// Seed is one agent that a vendor has from the start.
type Seed struct {
	Key         string // stable slug, unique over all vendors
	Name        string // unique over all vendors
	Description string
	Purpose     string // the department that it works for
	Vendor      string // entra, google or okta
	Native      string // as in [TruthAgent.Native]
	Owner       string // Person.Key, or empty: nobody owns it
}

// NewCompany builds the company of a seed, with the given number of agents in total, about a third of them per vendor.
func NewCompany(seed uint64, agents int) Company {
	return build(seed, agents, func(i int, r *Rand) (vendor, native string) {
		v := vendors[i%len(vendors)]
		return v.name, v.natives[r.Pick(len(v.natives))]
	})
}

// NewCompanyAt builds a company that has all its agents at one vendor, so many of each native type, well mixed. It is meant
// for large vendors: a company of [NewCompany] would need three times as many agents and could not say how many of which.
func NewCompanyAt(seed uint64, vendor string, natives map[string]int) Company {
	var all []string
	for _, native := range slices.Sorted(maps.Keys(natives)) {
		all = append(all, slices.Repeat([]string{native}, natives[native])...)
	}
	all = shuffled(NewRand(seed, "natives"), all)
	return build(seed, len(all), func(i int, _ *Rand) (string, string) { return vendor, all[i] })
}

func build(seed uint64, agents int, deal func(i int, r *Rand) (vendor, native string)) Company {
	c := Company{Name: "Tessellate", Domain: "tessellate.example"}
	c.People = people(seed, c.Domain, 48+min(agents/25, 400))
	c.Groups = groups(c.People)
	c.Agents = seeds(seed, c.People, agents, deal)
	return c
}

// For returns the agents of one vendor, in the company's order.
func (c Company) For(vendor string) []Seed {
	var out []Seed
	for _, s := range c.Agents {
		if s.Vendor == vendor {
			out = append(out, s)
		}
	}
	return out
}

// Person finds somebody by key; ok is false when nobody has it.
func (c Company) Person(key string) (p Person, ok bool) {
	for _, p := range c.People {
		if p.Key == key {
			return p, true
		}
	}
	return Person{}, false
}

func people(seed uint64, domain string, n int) []Person {
	r := NewRand(seed, "people")
	first, last := shuffled(r, firstNames), shuffled(r, lastNames)
	out := make([]Person, n)
	for i := range out {
		// The shift by a whole round keeps pairs distinct until every first name has met every last name.
		f, l := first[i%len(first)], last[(i+i/len(first))%len(last)]
		d := departments[i%len(departments)]
		key := slug(f + " " + l)
		out[i] = Person{
			Key: key, Name: f + " " + l, Email: strings.ReplaceAll(key, "-", ".") + "@" + domain,
			Title: d.titles[(i/len(departments))%len(d.titles)], Department: d.name,
		}
	}
	return out
}

func groups(people []Person) []Group {
	out := make([]Group, 0, len(departments)+1)
	for _, d := range departments {
		g := Group{Key: slug(d.group), Name: d.group}
		for _, p := range people[:48] { // a team stays a team, however large the company
			if p.Department == d.name {
				g.Members = append(g.Members, p.Key)
			}
		}
		out = append(out, g)
	}
	council := Group{Key: "ai-governance-council", Name: "AI Governance Council"}
	for i := 0; i < 48; i += 7 {
		council.Members = append(council.Members, people[i].Key)
	}
	return append(out, council)
}

// seeds deals the jobs out in turn; deal says where an agent is and as what.
func seeds(seed uint64, people []Person, n int, deal func(i int, r *Rand) (vendor, native string)) []Seed {
	order := shuffled(NewRand(seed, "agents"), jobs)
	out := make([]Seed, n)
	for i := range out {
		r := NewRand(seed, "agent", fmt.Sprint(i))
		j := order[i%len(order)]
		name, where := j.name, ""
		if round := i / len(order); round > 0 {
			area := areas[(round-1)%len(areas)]
			name, where = name+" "+area, " for "+area
			if again := (round - 1) / len(areas); again > 0 {
				name = fmt.Sprintf("%s %d", name, again+1)
			}
		}
		vendor, native := deal(i, r)
		out[i] = Seed{
			Key: slug(name), Name: name, Description: j.does + where + ".", Purpose: j.department,
			Vendor: vendor, Native: native, Owner: owner(r, people, j.department),
		}
	}
	return out
}

// owner leaves one agent in eight to nobody; of the others, most belong to somebody of the department that they work for.
func owner(r *Rand, people []Person, department string) string {
	if r.Chance(0.125) {
		return ""
	}
	p := people[r.Pick(len(people))]
	for try := 0; try < 20 && p.Department != department; try++ {
		p = people[r.Pick(len(people))]
	}
	return p.Key
}

func shuffled[T any](r *Rand, in []T) []T {
	out := append([]T(nil), in...)
	for i := len(out) - 1; i > 0; i-- {
		j := r.Pick(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

var plain = strings.NewReplacer("é", "e", "ö", "o", "ü", "u", "ł", "l", "ñ", "n", "ç", "c", "ø", "o", "á", "a", "í", "i", "ã", "a")

// slug makes a key of a name: lower case, letters and digits, single dashes between.
func slug(name string) string {
	var b strings.Builder
	for _, c := range plain.Replace(strings.ToLower(name)) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}
