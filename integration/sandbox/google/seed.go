package google

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// governed and labs are the places of the two projects in state.Projects. Agent Registry covers the hosts of the first
// by itself; in the second, only what users register.
const (
	governed = 0
	labs     = 1
)

// seeding builds the organization of a company.
type seeding struct {
	*state
	company sandbox.Company
	layout  Layout
	at      time.Time // when the organization is as it is; what expires does so around it
	opt     Options   // none: history was well behaved
}

func seeded(c sandbox.Company, seed uint64, l Layout) *state {
	r, at := sandbox.NewRand(seed, "google"), l.At
	if at.IsZero() {
		at = morning(time.Now())
	}
	st := &state{Seed: seed, Rand: *r, Domain: c.Domain, Founded: at.AddDate(-3, 0, 0), Access: map[string]access{}, Policies: map[string]*policy{}}
	st.reindex()
	s := &seeding{state: st, company: c, layout: l, at: at}
	s.Token = "ya29.sandbox-" + s.Rand.Base62(40)
	s.Org = s.Rand.Digits(12)
	s.Admin = "cloud-admin@" + c.Domain
	s.projects()
	for _, a := range c.For("google") {
		s.agent(a)
	}
	s.humans()
	s.geminiApps()
	s.authManager()
	s.registryBindings()
	s.further()
	st.indexLog()
	return st
}

// morning is the last nine o'clock (UTC) that was not after t: an organization is the same all day.
func morning(t time.Time) time.Time {
	return t.UTC().Add(-9 * time.Hour).Truncate(24 * time.Hour).Add(9 * time.Hour)
}

func (s *seeding) projects() {
	slug := strings.Trim(cutBytes(label(s.company.Name), 20), "-")
	names := []string{"agents", "labs"}
	for i := len(names); i < s.layout.Projects; i++ {
		names = append(names, fmt.Sprintf("p%04d", i))
	}
	for i, name := range names {
		p := &project{ProjectID: slug + "-" + name, Number: s.Rand.Digits(12), Title: s.company.Name + " " + name,
			Created: s.at.AddDate(-1, -i%12, 0), Labels: map[string]string{"environment": []string{"prod", "lab"}[min(i, labs)]}}
		s.Projects = append(s.Projects, p)
		s.ix.addProject(p)
		s.Policies[projectPolicyKey(p.ProjectID)] = &policy{}
	}
}

// agent makes one of the company's agents, after its native type.
func (s *seeding) agent(a sandbox.Seed) {
	at, location := s.date(), regions[s.Rand.Pick(len(regions))]
	switch a.Native {
	case nativeAccount:
		s.accountAgent(a, at)
	case nativeEngine:
		s.engineAgent(a, at, location)
	default:
		s.registryAgent(a, at, location)
	}
}

// accountAgent is an agent that runs somewhere as a service account, often with keys.
func (s *seeding) accountAgent(a sandbox.Seed, at time.Time) {
	acc := s.newAccount(s.opt, at, s.Projects[s.Rand.Pick(len(s.Projects))], a.Key, a.Name, a.Description)
	for range s.Rand.Pick(3) {
		s.seedKey(acc, at)
	}
	s.seedGrants(acc.Project, acc.member(), at)
	s.impersonators(acc)
	if s.Rand.Chance(0.2) {
		acc.Disabled = true
		s.accountDeed(s.opt, at.Add(72*time.Hour), acc, "DisableServiceAccount", "serviceAccounts.disable", nil)
	}
}

// seedKey makes a key that does not expire, or that expires before, soon after or long after the organization is seeded.
func (s *seeding) seedKey(acc *account, at time.Time) {
	made := at.Add(time.Duration(s.Rand.Pick(48)) * time.Hour)
	before := []time.Time{never, s.at.AddDate(0, 0, -12), s.at.AddDate(0, 0, 35), s.at.AddDate(0, 6, 0)}[s.Rand.Pick(4)]
	if !before.After(made) {
		before = never
	}
	k := s.newKey(s.opt, acc, made, before)
	if s.Rand.Chance(0.1) {
		k.Disabled, k.Reason = true, "SERVICE_ACCOUNT_KEY_DISABLE_REASON_EXPOSED"
	}
	if s.Rand.Chance(0.15) {
		k.Origin = "USER_PROVIDED"
	}
}

// engineAgent is an engine in the labs project, which Agent Registry does not cover. A third run as a service account of
// their own, and a few as the project's service agent.
func (s *seeding) engineAgent(a sandbox.Seed, at time.Time, location string) {
	p := s.Projects[labs]
	if n := len(s.Projects) - labs; n > 1 {
		p = s.Projects[labs+s.Rand.Pick(n)]
	}
	e := s.newEngine(s.opt, at, p, location, a.Name, a.Description, a.Purpose)
	switch {
	case s.Rand.Chance(0.33):
		acc := s.newAccount(s.opt, at, p, a.Key, a.Name+" runtime", "Runs reasoningEngines/"+e.ID)
		e.IdentityType, e.Account = "SERVICE_ACCOUNT", acc.Email
		s.seedGrants(p.ProjectID, acc.member(), at)
	case s.Rand.Chance(0.15):
		e.IdentityType = ""
	default:
		s.seedGrants(p.ProjectID, e.principal(s.state), at)
	}
	s.callers(e)
}

// registryAgent is an agent that Agent Registry shows: an engine or a Cloud Run service of the governed project, or a
// registration by hand, in either.
func (s *seeding) registryAgent(a sandbox.Seed, at time.Time, location string) {
	p := s.Projects[governed]
	switch n := s.Rand.Pick(20); {
	case n < 13:
		e := s.newEngine(s.opt, at, p, location, a.Name, a.Description, a.Purpose)
		s.registerEngine(at.Add(70*time.Second), e)
		s.seedGrants(p.ProjectID, e.principal(s.state), at)
		s.callers(e)
	case n < 17:
		r := s.newRun(s.opt, at, p, location, a.Key, a.Description)
		s.register(at.Add(4*time.Minute), p.ProjectID, p.Number, location, serviceRun, r.host(), a.Name, a.Description)
		s.seedGrants(p.ProjectID, r.principal(s.state), at)
	default:
		p = s.Projects[s.Rand.Pick(2)]
		if s.Rand.Chance(0.5) {
			location = "global"
		}
		m := s.newManual(s.opt, at, p, location, a.Name, a.Description)
		s.register(at, p.ProjectID, p.Number, location, serviceRegistry, m.host(), a.Name, a.Description)
	}
}

// date is a moment in the year before the organization is as it is, at office hours.
func (s *seeding) date() time.Time {
	day := s.at.AddDate(0, 0, -3-s.Rand.Pick(330))
	return day.Add(time.Duration(s.Rand.Pick(8*3600)) * time.Second).Add(time.Duration(s.Rand.Pick(1e6)) * time.Microsecond)
}

// person is somebody, and group some team, by e-mail address.
func (s *seeding) person() string {
	if len(s.company.People) == 0 {
		return s.Admin
	}
	return s.company.People[s.Rand.Pick(len(s.company.People))].Email
}

func (s *seeding) group() string {
	if len(s.company.Groups) == 0 {
		return "everyone@" + s.Domain
	}
	return s.company.Groups[s.Rand.Pick(len(s.company.Groups))].Key + "@" + s.Domain
}
