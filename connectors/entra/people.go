package entra

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// A person is told by its own record alone, read by its id: a relation that names it, or a delta that shows a change of it, only
// leads to that. So two feeds never tell the same person differently.

// personPath is where a person of one sort is read.
type personPath struct {
	native string
	path   string
	query  string
	need   string
	types  []string // the @odata.types that are read there
}

// personPaths are tried in this order where the type is not known.
var personPaths = []personPath{
	{"user", "/users/", "?$select=id,displayName,mail,userPrincipalName,accountEnabled,createdDateTime", "User.Read.All",
		[]string{"user", typeAgentUser}},
	{"group", "/groups/", "?$select=id,displayName,mail,createdDateTime", "GroupMember.Read.All", []string{"group"}},
	{"service_principal", "/servicePrincipals/", "?$select=id,displayName,accountEnabled", needDirectory,
		[]string{"servicePrincipal", typeAgentIdentity, typePrincipal}},
}

// somebody is a person to read, with what was said of its type.
type somebody struct{ id, typ string }

// pathsOf are where somebody may be read: where a relation or a former reading says, else everywhere.
func (c *client) pathsOf(s somebody) []personPath {
	native, _ := c.natives.Load(s.id)
	for _, p := range personPaths {
		if slices.Contains(p.types, odataName(s.typ)) || s.typ == "" && p.native == native {
			return []personPath{p}
		}
	}
	return personPaths
}

// people reads persons by their ids, one record each. Who may not be read stays as bare as the relation has shown them, unless more
// is known already; who is nowhere is gone.
func (c *client) people(ctx context.Context, who []somebody) ([]connectors.Record, []connectors.Blindness, error) {
	return c.peopleBeside(ctx, who, "")
}

// peopleBeside reads persons so, in the same batches as the first page of a list that no tenant has empty: where it is, nobody is
// told of, because a Graph that shows nothing would have them all gone.
func (c *client) peopleBeside(ctx context.Context, who []somebody, list string) ([]connectors.Record, []connectors.Blindness, error) {
	s := &search{client: c, began: c.now(), hidden: map[string]bool{}}
	for step := 0; len(who) > 0; step++ {
		var paths []string
		for _, one := range who {
			p := c.pathsOf(one)[step]
			paths = append(paths, p.path+one.id+p.query)
		}
		if list != "" {
			paths = append(paths, list)
		}
		answers, err := (&throttled{}).ask(ctx, c, "", paths, needUsers)
		if err != nil {
			return nil, nil, err
		}
		if list != "" && !c.shows(answers[list]) {
			return nil, nil, nil
		}
		list = ""
		var left []somebody
		for i, one := range who {
			found, err := s.take(one, c.pathsOf(one)[step], answers[paths[i]])
			switch {
			case err != nil:
				return nil, nil, err
			case found:
			case step+1 < len(c.pathsOf(one)):
				left = append(left, one)
			default:
				if err := s.miss(ctx, one); err != nil {
					return nil, nil, err
				}
			}
		}
		who = left
	}
	return s.records, s.blind, nil
}

// shows reports whether a list has anything, or may not be read, which proves nothing: then each object's own answer counts.
func (c *client) shows(a answer) bool {
	p, err := c.readPage(a)
	if isForbidden(c.check(a, call{})) {
		return true
	}
	return err == nil && (len(p.items) > 0 || p.next != "")
}

// search looks for persons in one place after the other.
type search struct {
	client  *client
	began   time.Time
	hidden  map[string]bool // those that some place does not show
	records []connectors.Record
	blind   []connectors.Blindness
}

// take takes in what one place answers about a person, and reports whether it is there.
func (s *search) take(one somebody, p personPath, a answer) (found bool, err error) {
	err = s.client.check(a, call{need: p.need})
	switch {
	case err == nil:
		r, err := newRecord(recordPerson, a.body, a.asked)
		if err != nil {
			return false, s.client.strange(a, "a "+p.native)
		}
		r.Context = map[string]string{contextNative: p.native, contextHolder: one.id}
		s.records = append(s.records, r)
		s.client.natives.Store(one.id, p.native)
		return true, nil
	case a.status == http.StatusNotFound:
		return false, nil
	case a.status == http.StatusBadRequest: // not understood is not gone
		s.hidden[one.id] = true
		return false, nil
	case isForbidden(err):
		s.hidden[one.id] = true
		s.blind = append(s.blind, connectors.Blindness{Kinds: []events.Kind{events.KindPerson},
			Reason: "of some " + p.native + "s: " + connectors.AsFault(err).Cure})
		return false, nil
	case connectors.AsFault(err) == nil && a.status >= 400:
		s.hidden[one.id] = true
		s.blind = append(s.blind, connectors.Blindness{Kinds: []events.Kind{events.KindPerson},
			Reason: fmt.Sprintf("of some %ss: Graph answered with status %d; they are read again at the next sweep", p.native, a.status)})
		return false, nil
	}
	return false, err
}

// miss makes the record of a person that no place shows.
func (s *search) miss(ctx context.Context, one somebody) error {
	if known := connectors.IsKnown(ctx, events.Identity(events.KindPerson, one.id)); known == s.hidden[one.id] {
		return nil // more is known than that it may not be read; or nothing at all, and nothing is there
	}
	r, err := absentPerson(one, s.hidden[one.id])
	r.Asked = s.began
	s.records = append(s.records, r)
	return err
}

// absentPerson is the record of a person of whom no more is shown than the id, or who is not there.
func absentPerson(s somebody, hidden bool) (connectors.Record, error) {
	if !hidden {
		body, err := events.Marshal(map[string]string{"id": s.id})
		return connectors.Record{Type: recordGone, Body: body}, err
	}
	body, err := events.Marshal(map[string]string{"id": s.id, "@odata.type": s.typ})
	return connectors.Record{Type: recordPerson, Body: body, Context: map[string]string{contextHolder: s.id}}, err
}

func isForbidden(err error) bool {
	f := connectors.AsFault(err)
	return f != nil && f.Kind == connectors.Forbidden
}

// mostPeople bounds how many persons one page reads for what it names; the rest is left to the feed of people.
const mostPeople = 200

// withPeople adds to records who is named in them, where nobody has told yet.
func (c *client) withPeople(ctx context.Context, records []connectors.Record) ([]connectors.Record, []connectors.Blindness, error) {
	var fresh []somebody
	for _, r := range records {
		for _, s := range namedIn(r) {
			seen := slices.ContainsFunc(fresh, func(t somebody) bool { return t.id == s.id })
			if !seen && isGUID(s.id) && !connectors.IsKnown(ctx, events.Identity(events.KindPerson, s.id)) {
				fresh = append(fresh, s)
			}
		}
	}
	more, blind, err := c.people(ctx, fresh[:min(len(fresh), mostPeople)])
	return append(records, more...), blind, err
}

// namedIn are the persons that a record names: stewards, and who has consented.
func namedIn(r connectors.Record) []somebody {
	reading, err := normalize(r)
	if err != nil {
		return nil
	}
	var out []somebody
	for _, e := range reading.Entities {
		switch {
		case e.Stewardship != nil:
			out = append(out, somebody{e.Stewardship.Person, e.Stewardship.Native})
		case e.Delegation != nil && e.Delegation.Person != events.Everyone && e.Delegation.Person != "":
			out = append(out, somebody{e.Delegation.Person, "user"})
		}
	}
	for i, s := range out { // natives are the types in another spelling
		out[i].typ = strings.ReplaceAll(s.typ, "_", "")
	}
	return out
}
