package sandbox

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompanyIsDeterministic(t *testing.T) {
	if diff := cmp.Diff(NewCompany(7, 60), NewCompany(7, 60)); diff != "" {
		t.Errorf("same seed, different company (-first +second):\n%s", diff)
	}
	if cmp.Equal(NewCompany(7, 60).Agents, NewCompany(8, 60).Agents) {
		t.Error("seeds 7 and 8 give the same agents")
	}
}

func TestCompanyAtTenThousandAgents(t *testing.T) {
	c := NewCompany(1, 10_000)
	slugForm := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	unique := func(what string, seen map[string]bool, v string) {
		if seen[v] {
			t.Errorf("%s %q stands twice", what, v)
		}
		seen[v] = true
	}
	keys, names, owned := map[string]bool{}, map[string]bool{}, 0
	for _, a := range c.Agents {
		unique("agent key", keys, a.Key)
		unique("agent name", names, a.Name)
		if !slugForm.MatchString(a.Key) || a.Description == "" || a.Purpose == "" {
			t.Errorf("agent %+v: bad key or empty text", a)
		}
		if _, ok := c.Person(a.Owner); a.Owner != "" && !ok {
			t.Errorf("agent %s is owned by %q, whom nobody knows", a.Key, a.Owner)
		}
		if a.Owner != "" {
			owned++
		}
	}
	if len(c.Agents) != 10_000 || owned < 8_000 || owned > 9_500 {
		t.Errorf("%d agents, %d owned; want 10000, most but not all owned", len(c.Agents), owned)
	}
	people := map[string]bool{}
	for _, p := range c.People {
		unique("person", people, p.Key)
		if !slugForm.MatchString(p.Key) || p.Title == "" || p.Department == "" {
			t.Errorf("person %+v: bad key or empty text", p)
		}
	}
}

func TestCompanyIsSharedOutFairly(t *testing.T) {
	c := NewCompany(3, 60)
	total := 0
	for _, v := range vendors {
		natives := map[string]int{}
		for _, s := range c.For(v.name) {
			natives[s.Native]++
			total++
		}
		if n := len(c.For(v.name)); n != 20 {
			t.Errorf("%s has %d of 60 agents, want 20", v.name, n)
		}
		for _, n := range v.natives {
			if natives[n] == 0 {
				t.Errorf("%s has no %s among %v", v.name, n, natives)
			}
		}
	}
	if total != 60 || len(c.People) < 40 {
		t.Errorf("%d agents over all vendors and %d people, want 60 and at least 40", total, len(c.People))
	}
	for _, g := range c.Groups {
		if len(g.Members) < 2 {
			t.Errorf("group %s has %d members; some vendors refuse groups of fewer than two", g.Name, len(g.Members))
		}
	}
}

func TestRandForms(t *testing.T) {
	r := NewRand(1, "forms")
	for what, c := range map[string]struct{ got, want string }{
		"UUID":   {r.UUID(), `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
		"Digits": {r.Digits(21), `^[1-9][0-9]{20}$`},
		"Base62": {r.Base62(17), `^[0-9A-Za-z]{17}$`},
	} {
		if !regexp.MustCompile(c.want).MatchString(c.got) {
			t.Errorf("%s gives %q, want the form %s", what, c.got, c.want)
		}
	}
	if r.Chance(0) || !r.Chance(1) {
		t.Error("Chance(0) is true or Chance(1) is false")
	}
}

func TestRandGoesOnFromItsState(t *testing.T) {
	a := NewRand(5, "x")
	a.UUID()
	b := Rand{State: a.State}
	if x, y := a.UUID(), b.UUID(); x != y {
		t.Errorf("a restored generator gives %s, the original %s", y, x)
	}
	if NewRand(5, "ab", "c").State == NewRand(5, "a", "bc").State {
		t.Error("words ab,c and a,bc derive the same generator")
	}
}

func TestCompanyAtOneVendor(t *testing.T) {
	c := NewCompanyAt(1, "okta", map[string]int{"ai_agent": 70, "service_app": 30})
	got, names := map[string]int{}, map[string]bool{}
	for _, a := range c.For("okta") {
		got[a.Native]++
		names[a.Name] = true
	}
	if diff := cmp.Diff(map[string]int{"ai_agent": 70, "service_app": 30}, got); diff != "" || len(c.Agents) != 100 || len(names) != 100 {
		t.Errorf("%d agents with %d names (-want +got):\n%s", len(c.Agents), len(names), diff)
	}
	turns := 0
	for i := range c.Agents[1:] {
		if c.Agents[i].Native != c.Agents[i+1].Native {
			turns++
		}
	}
	if turns < 20 {
		t.Errorf("the natives turn %d times, so they stand in blocks", turns)
	}
	if diff := cmp.Diff(c, NewCompanyAt(1, "okta", map[string]int{"service_app": 30, "ai_agent": 70})); diff != "" {
		t.Errorf("the same company differs:\n%s", diff)
	}
}
