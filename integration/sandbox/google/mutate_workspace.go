package google

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// delegated is what Workspace reports that an OAuth client may do for a person, or for everybody, or may do no more.
type delegated struct {
	Client string
	Agent  string // id of the Gemini Enterprise agent that the consent is attributed to; empty: whoever uses the client
	User   string // e-mail; * for everybody
	Scopes []string
	Gone   bool
	At     time.Time
}

// key names it in a truth.
func (d *delegated) keys() (out []string) {
	if d.Gone {
		return []string{d.Client + " for " + d.User + " (taken back)"}
	}
	for _, scope := range d.Scopes {
		out = append(out, scope+"@"+d.Client+" for "+d.User)
	}
	return out
}

// suite adds an activity of the office suite, and what it changes of what clients may do.
func (s *state) suite(opt Options, at time.Time, a activity) *activity {
	agent := ""
	if a.Agent != nil {
		agent = a.Agent.ID
	}
	switch a.Event {
	case "authorize", "revoke":
		s.delegate(&delegated{Client: a.Client, Agent: agent, User: a.User, Scopes: a.Scopes, Gone: a.Event == "revoke", At: at})
	case "AUTHORIZE_API_CLIENT_ACCESS", "REMOVE_API_CLIENT_ACCESS":
		s.delegate(&delegated{Client: a.Client, User: "*", Scopes: a.Scopes, Gone: strings.HasPrefix(a.Event, "REMOVE"), At: at})
	}
	return s.act(opt, at, a)
}

// delegate keeps the latest of what is said of a client, an agent and a person.
func (s *state) delegate(d *delegated) {
	same := func(o *delegated) bool { return o.Client == d.Client && o.Agent == d.Agent && o.User == d.User }
	if i := slices.IndexFunc(s.Delegated, same); i < 0 {
		s.Delegated = append(s.Delegated, d)
	} else if !d.At.Before(s.Delegated[i].At) {
		s.Delegated[i] = d
	}
}

// delegatedTo is what is reported of a service account, or of an agent of Gemini Enterprise.
func (s *state) delegatedTo(t target) (out []string) {
	for _, d := range s.Delegated {
		mine := t.account != nil && d.User == "*" && d.Client == t.account.UniqueID
		if t.gemini != nil {
			mine = d.Agent == t.gemini.ID || d.Agent == "" && d.Client == s.clientOf(t.gemini)
		}
		if mine {
			out = append(out, d.keys()...)
		}
	}
	return set(out)
}

// clientOf is the OAuth client through which an agent of Gemini Enterprise is authorized; empty: none.
func (s *state) clientOf(g *geminiAgent) string {
	a := pick(s.Authorizations, func(a *authorization) bool { return g.ToolAuth != "" && a.name() == g.ToolAuth })
	if a == nil {
		return ""
	}
	return a.json().ServerSideOauth2.ClientID
}

// use lets a Gemini Enterprise agent act for a person in Workspace: with an OAuth client, or in the application that Name says. In
// workspace_studio it is a flow, which no other API knows. The outcome's key is the qualifier of the activity.
func (c *change) use() (sandbox.Outcome, error) {
	var in []target
	for _, t := range c.further() {
		if t.gemini != nil && !t.gemini.off() && c.wants(nativeGemini, t.id()) {
			in = append(in, t)
		}
	}
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no Gemini Enterprise agent that users may use")
	}
	t, user := c.any(in), c.Person
	if user == "" {
		user = fmt.Sprintf("colleague.%d@%s", c.Rand.Pick(40), c.Domain)
	}
	a := activity{Application: "token", User: user, Event: []string{"authorize", "activity", "revoke"}[c.Rand.Pick(3)],
		Client: "1234567890.apps.googleusercontent.com", ClientName: "Gemini Enterprise",
		Scopes: []string{"https://www.googleapis.com/auth/drive.readonly"},
		Agent:  &attribution{t.gemini.ID, t.gemini.Title, c.Admin}}
	switch c.Name {
	case "gemini_in_workspace_apps":
		a = activity{Application: c.Name, User: user, Event: "feature_utilization", Agent: a.Agent}
	case "workspace_studio":
		a = activity{Application: c.Name, User: user, Event: "flow_run", Agent: &attribution{"flow-" + c.Rand.Digits(6), "Inbox sorter", user}}
	}
	done := c.suite(c.opt, c.now, a)
	return c.outcome(t.id(), t.title(), done.qualifier(), done.Visible, "%s lets %q act: %s", user, a.Agent.Name, done.Event)
}

// delegateDomain lets a service account act for everybody in Workspace.
func (c *change) delegateDomain() (sandbox.Outcome, error) { return c.domain(false) }

func (c *change) undelegateDomain() (sandbox.Outcome, error) { return c.domain(true) }

func (c *change) domain(gone bool) (sandbox.Outcome, error) {
	has := func(id string) bool {
		return slices.ContainsFunc(c.Delegated, func(d *delegated) bool { return d.User == "*" && d.Client == id && !d.Gone })
	}
	in := c.targets(func(t target) bool { return t.account != nil && has(t.account.UniqueID) == gone })
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no service account that has, or has not, the domain delegated")
	}
	a := c.any(in).account
	act := activity{Application: "admin", User: c.Admin, Event: "AUTHORIZE_API_CLIENT_ACCESS", Client: a.UniqueID,
		Scopes: []string{"https://www.googleapis.com/auth/calendar", "https://www.googleapis.com/auth/gmail.send"}[c.Rand.Pick(2):]}
	if gone {
		act.Event, act.Scopes = "REMOVE_API_CLIENT_ACCESS", nil
	}
	done := c.suite(c.opt, c.now, act)
	return c.outcome(a.UniqueID, a.Title, done.qualifier(), done.Visible, "%s of %q", done.Event, a.Title)
}

// authorizeClient lets a person consent to the OAuth client of an agent of Gemini Enterprise. Nothing says that an agent did it.
func (c *change) authorizeClient() (sandbox.Outcome, error) {
	var in []*geminiAgent
	for _, t := range c.further() {
		if t.gemini != nil && c.clientOf(t.gemini) != "" && c.wants(nativeGemini, t.id()) {
			in = append(in, t.gemini)
		}
	}
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("no agent of Gemini Enterprise has an OAuth client")
	}
	user := c.Person
	if user == "" {
		user = fmt.Sprintf("colleague.%d@%s", c.Rand.Pick(40), c.Domain)
	}
	return c.consented("authorize", c.clientOf(in[c.Rand.Pick(len(in))]), user)
}

// revokeClient takes such a consent back.
func (c *change) revokeClient() (sandbox.Outcome, error) {
	var in []*delegated
	for _, d := range c.Delegated {
		if d.Agent == "" && d.User != "*" && !d.Gone && strings.HasPrefix(d.Client, "rollcall-") && (c.Person == "" || c.Person == d.User) {
			in = append(in, d)
		}
	}
	if len(in) == 0 {
		return sandbox.Outcome{}, c.none("nobody has consented to an OAuth client of an agent's")
	}
	d := in[c.Rand.Pick(len(in))]
	return c.consented("revoke", d.Client, d.User)
}

func (c *change) consented(event, client, user string) (sandbox.Outcome, error) {
	done := c.suite(c.opt, c.now, activity{Application: "token", User: user, Event: event, Client: client, ClientName: "Gemini Enterprise",
		Scopes: []string{"https://www.googleapis.com/auth/drive.readonly", "https://www.googleapis.com/auth/calendar.readonly"}})
	return c.outcome("", "", client, done.Visible, "%s: %s %s", user, event, client)
}
