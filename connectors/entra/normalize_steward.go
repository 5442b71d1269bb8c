package entra

import (
	"fmt"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// member is a user, a group, or a service principal, as far as a relation names it.
type member struct {
	Type string `json:"@odata.type"`
	ID   string `json:"id"`
}

// roles are the roles that records tell of.
var roles = map[string]string{recordOwners: "owner", recordSponsors: "sponsor", recordManager: "manager"}

func readStewards(r connectors.Record) (connectors.Reading, error) {
	holder, all, err := listOf[member](r)
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
	var one *member
	if err := decodeBody(r, &one); err != nil {
		return connectors.Reading{}, err
	}
	if one == nil {
		return stewardships(r.Type, holder, nil)
	}
	return stewardships(r.Type, holder, []member{*one})
}

// stewardships are the whole of one role at one object.
func stewardships(record, holder string, all []member) (connectors.Reading, error) {
	scope := record + "/" + holder
	out := connectors.Reading{Replaces: []string{scope}}
	for _, s := range all {
		if s.ID == "" {
			return connectors.Reading{}, fmt.Errorf("a steward has no id")
		}
		out.Entities = append(out.Entities, events.Entity{
			Kind: events.KindStewardship, Holder: holder, Key: roles[record] + ":" + s.ID, Scope: scope,
			Stewardship: &events.Stewardship{Role: roles[record], Person: s.ID, Native: s.native()},
		})
	}
	return out, nil
}

func (s *member) native() string {
	if s.Type == "" {
		return "directory_object"
	}
	return nativeName(s.Type)
}
