package entra

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// blocked tells whether Microsoft itself has disabled an object.
func (o *object) blocked() bool {
	return o.text("disabledByMicrosoftStatus") == disabledByMicrosoft
}

// The values of disabledByMicrosoftStatus; null means the same as NotDisabled.
const (
	disabledByMicrosoft = "DisabledDueToViolationOfServicesAgreement"
	notDisabled         = "NotDisabled"
)

// microsoft marks what the vendor did.
var microsoft = initiator{App: &appActor{DisplayName: "Microsoft Trust and Safety"}}

func (s *Sandbox) blockAgent(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.target(c, func(o *object) bool { return o.Type == "agentIdentity" && o.live() && !o.blocked() })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	s.block(o, disabledByMicrosoft, now)
	return outcome(o, "", "agent %s disabled by Microsoft", shown(o))
}

func (s *Sandbox) unblockAgent(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.target(c, func(o *object) bool { return o.Type == "agentIdentity" && o.live() && o.blocked() })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	s.block(o, notDisabled, now)
	return outcome(o, "", "agent %s no longer disabled by Microsoft", shown(o))
}

// block sets the vendor's own switch, which leaves the customer's accountEnabled as it is.
func (s *Sandbox) block(o *object, to string, now time.Time) {
	before := o.text("disabledByMicrosoftStatus")
	s.set(o, "disabledByMicrosoftStatus", to)
	s.record(entryOf(now, "Update", o, change("DisabledByMicrosoftStatus", list(before), list(to))), microsoft)
}

// somebodyOf finds the user or group that a change names, or draws one that answers for an agent.
func (s *Sandbox) somebodyOf(c sandbox.Change, fits func(*object) bool) (*object, error) {
	if c.Native != "" && c.Native != "user" && c.Native != "group" {
		return nil, none(c, "a person is a user or a group")
	}
	all := s.responsible()
	if c.Person != "" {
		all = s.named(c.Person)
	}
	all = slices.DeleteFunc(all, func(p *object) bool { return !p.live() || c.Native != "" && p.Type != c.Native || !fits(p) })
	if len(all) == 0 {
		return nil, none(c, fmt.Sprintf("person %q: nobody fits", c.Person))
	}
	return all[s.st.Rand.Pick(len(all))], nil
}

// named finds users and groups by object id, principal name or the company's key.
func (s *Sandbox) named(name string) []*object {
	var out []*object
	for o := range s.each("", 0) {
		if o.Type != "user" && o.Type != "group" {
			continue
		}
		key := strings.ReplaceAll(o.text("mailNickname"), ".", "-")
		if o.ID == name || key == name || o.Type == "user" && strings.EqualFold(o.text("userPrincipalName"), name) {
			out = append(out, o)
		}
	}
	return out
}

func (s *Sandbox) disablePerson(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	return s.switchPerson(c, false, now)
}

func (s *Sandbox) enablePerson(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	return s.switchPerson(c, true, now)
}

func (s *Sandbox) switchPerson(c sandbox.Change, on bool, now time.Time) (sandbox.Outcome, error) {
	u, err := s.somebodyOf(c, func(p *object) bool { return p.Type == "user" && p.enabled() != on })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	s.setEnabled(u, on, now, s.admin())
	did := map[bool]string{true: "enabled", false: "disabled"}[on]
	return personOutcome(u, "%s %s", u.text("displayName"), did)
}

// renamePerson gives a user another last name, or a group another name. Principal names and addresses stay.
func (s *Sandbox) renamePerson(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	p, err := s.somebodyOf(c, func(p *object) bool { return c.Name == "" || p.text("displayName") != c.Name })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	before := p.text("displayName")
	after := cmp.Or(c.Name, s.otherName(p))
	if p.Type == "user" {
		given, last, _ := strings.Cut(after, " ")
		s.set(p, "givenName", given)
		s.set(p, "surname", last)
	}
	s.rename(p, after, now, s.admin())
	return personOutcome(p, "%s is called %s now", before, after)
}

// otherName is a name that somebody may have after a marriage, or a group after a reorganization.
func (s *Sandbox) otherName(p *object) string {
	name := p.text("displayName")
	if p.Type == "group" {
		return strings.TrimRight(name, " 0123456789") + " " + s.st.Rand.Digits(3)
	}
	first, last, _ := strings.Cut(name, " ")
	if i := strings.LastIndex(last, "-"); i >= 0 {
		return first + " " + last[:i]
	}
	other := s.ix.people[s.st.Rand.Pick(len(s.ix.people))].text("surname")
	return first + " " + last + "-" + other
}

// personOutcome describes a change to somebody.
func personOutcome(p *object, text string, args ...any) (sandbox.Outcome, error) {
	return sandbox.Outcome{Name: p.text("displayName"), Key: p.ID, Text: fmt.Sprintf(text, args...)}, nil
}
