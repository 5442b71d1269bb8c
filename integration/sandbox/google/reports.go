package google

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// reportRetention is how long Workspace keeps activities.
const reportRetention = 180 * 24 * time.Hour

// maxActivities bounds them, since the whole state is saved after each change.
const maxActivities = 2000

// activity is one record of a Workspace report.
type activity struct {
	Application string // token, login, admin, or one of Gemini's
	Number      int    // makes the qualifier
	Time        time.Time
	Visible     time.Time // reports are late, some by much
	User        string    // e-mail
	Event       string    // authorize, activity, revoke; login_success; AUTHORIZE_API_CLIENT_ACCESS
	Client      string    // OAuth client id
	ClientName  string
	Scopes      []string
	Agent       *attribution
}

// attribution says which agent did it for the user.
type attribution struct {
	ID    string
	Name  string
	Owner string
}

// key sorts activities from the newest to the oldest when it is read backwards.
func (a *activity) key() string { return sortable(a.Time) + a.qualifier() }

// qualifier tells activities of the same moment apart. It may be negative.
func (a *activity) qualifier() string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%d", a.Application, a.Number)
	return fmt.Sprint(int64(h.Sum64()))
}

func (s *state) act(opt Options, at time.Time, a activity) *activity {
	s.Serial++
	a.Number, a.Time, a.Visible = s.Serial, at.Truncate(time.Millisecond), at.Add(opt.ReportLag)
	if opt.LateEvery > 0 && s.Serial%opt.LateEvery == 0 {
		a.Visible = at.Add(opt.LateBy)
	}
	s.Activities = append(s.Activities, &a)
	if n := len(s.Activities) - maxActivities; n > 0 {
		s.Activities = slices.Delete(s.Activities, 0, n)
	}
	return &a
}

// activities seeds what people and agents did in Workspace.
func (s *seeding) activities() {
	for range min(60, 5*len(s.company.People)) {
		user, at := s.person(), s.at.Add(-time.Duration(s.Rand.Pick(90*24*3600))*time.Second)
		s.act(s.opt, at, activity{Application: "login", User: user, Event: "login_success"})
		a := activity{Application: "token", User: user, Event: "authorize", Client: fmt.Sprintf("%s.apps.googleusercontent.com", s.Rand.Digits(12)),
			ClientName: "Calendar helper", Scopes: []string{"https://www.googleapis.com/auth/calendar.events"}}
		if agents := s.Apps[0].Agents; s.Rand.Chance(0.4) {
			g := agents[s.Rand.Pick(len(agents))]
			a.ClientName, a.Agent = "Gemini Enterprise", &attribution{g.ID, g.Title, s.person()}
		}
		s.suite(s.opt, at.Add(time.Minute), a)
	}
}

// profile is the number of a person's profile.
func profile(email string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.ToLower(email)))
	return fmt.Sprintf("1%020d", h.Sum32())
}
