package google

import (
	"fmt"
	"strings"
	"time"
)

// never is the end of a key that Google says does not expire.
var never = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// retention is how long deleted things can be restored.
const retention = 30 * 24 * time.Hour

// The builders below make one thing each, with ids from the state's generator, enter it into the log, and leave the
// rest, such as grants, to their callers. They serve the seed and the mutations alike.

func (s *state) newAccount(opt Options, at time.Time, p *project, key, title, text string) *account {
	a := &account{Project: p.ProjectID, UniqueID: "1" + s.Rand.Digits(20), Title: cutBytes(title, 100),
		Description: cutBytes(text, 256), Created: at}
	id := accountName(key)
	for n := 2; ; n++ {
		a.Email = id + "@" + p.ProjectID + ".iam.gserviceaccount.com"
		if s.account(a.Email) == nil {
			break
		}
		suffix := fmt.Sprintf("-%d", n)
		id = cutBytes(accountName(key), 30-len(suffix)) + suffix
	}
	return s.addAccount(opt, at, a)
}

func (s *state) addAccount(opt Options, at time.Time, a *account) *account {
	s.Accounts = append(s.Accounts, a)
	s.ix.add(a)
	s.accountDeed(opt, at, a, "CreateServiceAccount", "serviceAccounts.create", nil)
	return a
}

// accountName makes the part before the @: 6 to 30 characters, lower case, digits and dashes, beginning with a letter.
func accountName(key string) string {
	id := strings.Trim(cutBytes(key, 30), "-")
	if id == "" || id[0] < 'a' || id[0] > 'z' {
		id = strings.Trim(cutBytes("sa-"+id, 30), "-")
	}
	if len(id) < 6 {
		id += "-agent"
	}
	return id
}

// accountID is the part before the @ of an account's e-mail.
func accountID(email string) string {
	id, _, _ := strings.Cut(email, "@")
	return id
}

func (s *state) newKey(opt Options, a *account, at, before time.Time) *accountKey {
	k := &accountKey{ID: s.hexadecimal(40), Origin: "GOOGLE_PROVIDED", After: at, Before: before}
	a.Keys = append(a.Keys, k)
	s.keyDeed(opt, at, a, k, "CreateServiceAccountKey", "serviceAccountKeys.create")
	return k
}

func (s *state) newEngine(opt Options, at time.Time, p *project, location, title, text, team string) *engine {
	e := &engine{Project: p.ProjectID, Number: p.Number, Location: location, ID: s.Rand.Digits(19), Title: title,
		Description: text, Framework: frameworks[s.Rand.Pick(len(frameworks))], IdentityType: "AGENT_IDENTITY",
		Created: at, Updated: at, Revision: 1}
	if team != "" {
		e.Labels = map[string]string{"team": label(team)}
	}
	s.Engines = append(s.Engines, e)
	s.ix.addEngine(e)
	s.engineDeed(opt, at, e, "Create")
	return e
}

func (s *state) newRun(opt Options, at time.Time, p *project, location, key, text string) *runService {
	id := strings.Trim(cutBytes(key, 45), "-")
	if s.run("projects/"+p.Number+"/locations/"+location+"/services/"+id) != nil {
		id = fmt.Sprintf("%s-%d", id, s.Serial)
	}
	r := &runService{Project: p.ProjectID, Number: p.Number, Location: location, ID: id, UID: s.Rand.UUID(),
		Description: text, Identity: true, Created: at, Updated: at, Generation: 1}
	s.Runs = append(s.Runs, r)
	s.ix.runs[r.host()] = r
	s.runDeed(opt, at, r, "Create")
	return r
}

func (s *state) newManual(opt Options, at time.Time, p *project, location, title, text string) *manual {
	m := &manual{Project: p.ProjectID, Number: p.Number, Location: location, ID: "svc-" + s.hexadecimal(12),
		Title: cutBytes(title, 63), Description: text, Created: at, Updated: at}
	m.URL = "https://" + m.ID + ".agents." + s.Domain + "/a2a"
	s.Manual = append(s.Manual, m)
	s.ix.manuals[m.host()] = m
	s.manualDeed(opt, at, m, "Create")
	return m
}

// register enters a host into Agent Registry, which nobody does by hand and so no log mentions. shown is when the
// registry first shows it.
func (s *state) register(shown time.Time, project, number, location, service, host, title, text string) *registered {
	r := &registered{Project: project, Number: number, Location: location, UID: s.Rand.UUID(), Service: service,
		Host: host, Title: title, Text: text, Created: shown, Updated: shown,
		ID:      "agentregistry-00000000-0000-0000-" + s.hexadecimal(4) + "-" + s.hexadecimal(12),
		Ordinal: len(s.Registered) + 1}
	if s.Rand.Chance(0.6) {
		r.A2A, r.Version = true, fmt.Sprintf("%d.%d.0", 1+s.Rand.Pick(3), s.Rand.Pick(9))
	}
	if r.A2A {
		r.Skill = skills[s.Rand.Pick(len(skills))]
	}
	s.Registered = append(s.Registered, r)
	s.ix.addRegistered(r)
	return r
}

func (s *state) registerEngine(shown time.Time, e *engine) *registered {
	return s.register(shown, e.Project, e.Number, e.Location, servicePlatform, e.name(), e.Title, e.Description)
}

func (s *state) hexadecimal(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[s.Rand.Pick(16)]
	}
	return string(b)
}

// cutBytes shortens a text to at most n bytes, at a character's boundary.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// label makes a label's value of a name: lower case, with dashes for spaces.
func label(s string) string { return strings.ReplaceAll(strings.ToLower(s), " ", "-") }

var (
	frameworks = []string{"google-adk", "google-adk", "google-adk", "langchain", "langgraph", "ag2", "custom"}
	skills     = []string{"match", "summarize", "classify", "forecast", "answer", "escalate", "reconcile"}
)
