package entra

import (
	"fmt"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// steward is a user, a group, or a service principal, as far as the caller may see it: Graph shows the bare id otherwise.
type steward struct {
	Type     string `json:"@odata.type"`
	ID       string `json:"id"`
	Name     string `json:"displayName"`
	Mail     string `json:"mail"`
	UserName string `json:"userPrincipalName"`
	Enabled  *bool  `json:"accountEnabled"`
}

// roles are the roles that records tell of.
var roles = map[string]string{recordOwners: "owner", recordSponsors: "sponsor", recordManager: "manager"}

func readStewards(r connectors.Record) (connectors.Reading, error) {
	holder, all, err := listOf[steward](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	return stewardships(r.Type, holder, all)
}

func readManager(r connectors.Record) (connectors.Reading, error) {
	holder := r.Context[contextHolder]
	if holder == "" {
		return connectors.Reading{}, fmt.Errorf("the record does not say on what it hangs")
	}
	var one *steward
	if err := decodeBody(r, &one); err != nil {
		return connectors.Reading{}, err
	}
	if one == nil {
		return stewardships(r.Type, holder, nil)
	}
	return stewardships(r.Type, holder, []steward{*one})
}

// stewardships are the whole of one role of one agent, with the persons as far as they are shown.
func stewardships(record, holder string, all []steward) (connectors.Reading, error) {
	scope := record + "/" + holder
	out := connectors.Reading{Replaces: []string{scope}}
	for _, s := range all {
		if s.ID == "" {
			return connectors.Reading{}, fmt.Errorf("a steward has no id")
		}
		out.Entities = append(out.Entities, s.person(), events.Entity{
			Kind: events.KindStewardship, Holder: holder, Key: roles[record] + ":" + s.ID, Scope: scope,
			Stewardship: &events.Stewardship{Role: roles[record], Person: s.ID, Native: s.native()},
		})
	}
	return out, nil
}

// person has no scope: who answers for no agent any more is not gone.
func (s *steward) person() events.Entity {
	p := &events.Person{Native: s.native(), Name: s.Name, UserName: s.UserName, Status: events.StatusUnknown}
	switch {
	case s.Enabled != nil && *s.Enabled:
		p.Status = events.StatusActive
	case s.Enabled != nil:
		p.Status = events.StatusDisabled
	case p.Native == "group":
		p.Status = events.StatusActive // a group cannot be disabled
	}
	if s.Mail != "" {
		p.Emails = []string{s.Mail}
	}
	return events.Entity{Kind: events.KindPerson, Holder: s.ID, Key: events.Self, Person: p}
}

func (s *steward) native() string {
	if s.Type == "" {
		return "directory_object"
	}
	return nativeName(s.Type)
}
