package okta

import (
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// What a signal says to read again besides parts, whose names it uses as well.
const (
	readAgent = "agent"
	readApp   = "app"
)

// signal is something that log entries have named and that is to be read again, and the entry that is evidence for it.
type signal struct {
	What  string        `json:"what"`
	ID    string        `json:"id"`
	ORN   string        `json:"orn,omitzero"`
	LogID string        `json:"log"`
	At    time.Time     `json:"at"`
	Actor *events.Actor `json:"actor,omitzero"`
	New   bool          `json:"new,omitzero"`   // the entry says that it was made
	Gone  bool          `json:"gone,omitzero"`  // the entry says that it was deleted
	Want  string        `json:"want,omitzero"`  // the status that the entry says it got; "new": any change
	Also  []string      `json:"also,omitzero"`  // earlier entries about the same
	Tries int           `json:"tries,omitzero"` // how often it was read without showing what the entry says
	Skip  int           `json:"skip,omitzero"`  // so many polls go by before it is read again
}

// wantNew stands for any state that is not older than the entry.
const wantNew = "new"

// mostAlso bounds how many earlier entries a signal names.
const mostAlso = 5

// effect is what a type of entries says: what to read again, and how to know that the vendor shows it already.
type effect struct {
	reads []string
	want  string
	made  bool
	gone  bool
	wakes []string // feeds that show what the entry does not name
}

// lifecycle are the ends of the types that tell of an agent or an app itself. Writes to agents take effect seconds after their
// entries.
var lifecycle = map[string]effect{
	"create": {want: wantNew, made: true}, "register": {want: wantNew, made: true}, "update": {want: wantNew},
	"activate": {want: "ACTIVE"}, "deactivate": {want: "INACTIVE"}, "delete": {gone: true},
}

// effectOf reads an event type, in the old spelling of agents (workload_principal.update) or the new one
// (workload_principal.ai_agent.update). known is false for a type of the agents' own that was never heard of.
func effectOf(eventType string) (e effect, known bool) {
	if rest, ok := strings.CutPrefix(eventType, "workload_principal."); ok {
		return agentEffect(strings.TrimPrefix(rest, "ai_agent."))
	}
	for _, prefix := range []string{"application.lifecycle.", "app.oauth2.client.lifecycle."} {
		if verb, ok := strings.CutPrefix(eventType, prefix); ok {
			e = lifecycle[verb]
			e.reads = []string{readApp}
			return e, true
		}
	}
	for _, o := range otherEffects {
		if verb, ok := strings.CutPrefix(eventType, o.prefix); ok {
			e = o.effect
			e.gone = slices.Contains(o.gone, verb)
			return e, true
		}
	}
	return effect{}, true
}

// otherEffects are the types that are told apart by their beginning alone; gone are the ends that tell of a deletion. An import
// of agents tells of none of them.
var otherEffects = []struct {
	prefix string
	effect effect
	gone   []string
}{
	{"app.oauth2.client.privilege.", effect{reads: []string{readRoles}}, nil},
	{"app.oauth2.credentials.lifecycle.", effect{reads: []string{readAppKeys, readApp}}, nil},
	{"app.oauth2.admin.consent.", effect{reads: []string{readGrants}}, nil},
	{"resource.owner.", effect{reads: []string{readOwners}}, nil},
	{"system.api_token.", effect{reads: []string{readToken}}, []string{"revoke"}},
	{"user.lifecycle.", effect{reads: []string{readPerson}}, []string{"delete.completed"}},
	{"user.account.update_profile", effect{reads: []string{readPerson}}, nil},
	{"group.lifecycle.", effect{reads: []string{readPerson}}, []string{"delete"}},
	{"group.profile.", effect{reads: []string{readPerson}}, nil},
	{"app.ai_agent_provider.import.complete", effect{wakes: []string{"ai-agents", "owners"}}, nil},
}

func agentEffect(rest string) (effect, bool) {
	part, verb, parted := strings.Cut(rest, ".")
	switch part {
	case "credential":
		return effect{reads: []string{readKeys}}, true
	case "resource_connection":
		return effect{reads: []string{readConnections}}, true
	case "delegation_link":
		return effect{reads: []string{readDelegations}}, true
	case "sign_on_provider":
		return effect{reads: []string{readAgent}}, true
	}
	e, known := lifecycle[part]
	e.reads = []string{readAgent}
	if part == "register" && verb == "" {
		e.reads = []string{readAgent, readOwners} // all else has entries of its own
	}
	return e, known && !parted
}

// signals are what an entry says to read again. An attempt that failed changes nothing.
func (e *wireEntry) signals() []signal {
	if e.Outcome.Result != "SUCCESS" {
		return nil
	}
	says, _ := effectOf(string(e.Type))
	var out []signal
	for _, what := range says.reads {
		for _, id := range e.about(what) {
			s := signal{What: what, ID: id, ORN: e.ornOf(id), LogID: string(e.UUID), At: e.Published.time(), Actor: e.actor()}
			switch what {
			case readAgent, readApp:
				s.Gone, s.New, s.Want = says.gone, says.made, says.want
			case readPerson, readToken:
				s.Gone = says.gone
			}
			out = append(out, s)
		}
	}
	return out
}

// wakes are the feeds that show what an entry tells of without naming it.
func (e *wireEntry) wakes() []string {
	if e.Outcome.Result != "SUCCESS" {
		return nil
	}
	says, _ := effectOf(string(e.Type))
	return says.wakes
}

// about are the things that an entry says to read again. Their ids tell what they are, since the types of targets are not settled.
func (e *wireEntry) about(what string) []string {
	agents, apps := e.named()
	switch what {
	case readApp, readAppKeys, readGrants, readRoles:
		return apps
	case readPerson:
		return e.targetsLike(func(id string) bool { return isUser(id) || isGroup(id) })
	case readToken:
		return e.targetsLike(func(id string) bool { return isID(id, "00T") })
	}
	return agents
}

func (e *wireEntry) targetsLike(fits func(string) bool) []string {
	var ids []string
	for i := range e.Targets {
		if id := string(e.Targets[i].ID); fits(id) {
			ids = append(ids, id)
		}
	}
	return sortedOnce(ids)
}

// add puts a signal on the list. One object is read once for all entries about it: the last of them is the evidence, unless an
// earlier one has said that the object is gone, which nothing takes back.
func (c *logCursor) add(s signal) {
	n := slices.IndexFunc(c.Todo, func(t signal) bool { return t.What == s.What && t.ID == s.ID })
	if n < 0 {
		c.Todo = append(c.Todo, s)
		return
	}
	old := c.Todo[n]
	if old.LogID == s.LogID {
		return
	}
	if old.Gone && !s.Gone {
		old, s = s, old
	}
	s.Also = append(slices.Clone(old.Also), old.LogID)
	s.Also = s.Also[max(0, len(s.Also)-mostAlso):]
	s.Tries, s.Skip, s.New = 0, 0, s.New || old.New
	c.Todo[n] = s
}

// hasFresh reports whether something was named and not read since.
func (c *logCursor) hasFresh() bool {
	return slices.ContainsFunc(c.Todo, func(s signal) bool { return s.Tries == 0 })
}
