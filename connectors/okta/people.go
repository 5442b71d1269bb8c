package okta

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// isUser and isGroup tell by an id's first letters what it names.
func isUser(id string) bool  { return isID(id, "00u") }
func isGroup(id string) bool { return isID(id, "00g") }

// personOf reads a user or a group by its id. One that is not there by its own id is gone: people are not made seconds before
// they own something.
func personOf(ctx context.Context, c *client, id string) ([]connectors.Record, []connectors.Blindness, error) {
	path, kind := usersPath, typeUser
	if isGroup(id) {
		path, kind = groupsPath, typeGroup
	}
	began := c.now()
	a, err := c.object(ctx, path, id)
	if missingObject(err) {
		return one(goneRecord(signal{ID: id}, began))
	}
	if err != nil {
		return nil, nil, err
	}
	body, err := onlyPerson(a.body)
	if err != nil {
		return nil, nil, misshapen(a, "a user or a group", err)
	}
	return one(a.record(kind, body, nil))
}

// onlyPerson keeps of a person what is told of them; a profile holds much more.
func onlyPerson(body []byte) ([]byte, error) {
	var p wirePerson
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, err
	}
	return events.Marshal(p)
}

// withPeople adds to records of owners who those are, where nobody has told yet: read one by one, at most [mostPeople], else
// as the list of owners names them, until the walk over all people comes by. It never fails.
func (c *client) withPeople(ctx context.Context, records []connectors.Record) []connectors.Record {
	var fresh []string
	for _, r := range records {
		for _, id := range ownersIn(r) {
			if (isUser(id) || isGroup(id)) && !connectors.IsKnown(ctx, events.Identity(events.KindPerson, id)) {
				fresh = append(fresh, id)
			}
		}
	}
	fresh = sortedOnce(fresh)
	if len(fresh) == 0 {
		return records
	}
	answers, _ := c.ask(ctx, fresh[:min(len(fresh), mostPeople)], partPerson)
	told := map[string]bool{}
	for _, t := range answers {
		if t.err == nil && len(t.records) > 0 {
			told[t.id], records = true, append(records, t.records...)
		}
	}
	untold := slices.DeleteFunc(fresh, func(id string) bool { return told[id] })
	if len(untold) > 0 && !c.isBarred(partPerson) {
		c.unmet.Store(true)
	}
	for i := range records {
		if records[i].Type == typeOwners && len(untold) > 0 {
			records[i].Context[aboutPeople] = strings.Join(untold, ",")
		}
	}
	return records
}

// mostPeople bounds how many people one page reads.
const mostPeople = 200

// ownersIn are the people that a record of owners names.
func ownersIn(r connectors.Record) []string {
	reading, err := normalize(r)
	if err != nil {
		return nil
	}
	var ids []string
	for _, e := range reading.Entities {
		if e.Stewardship != nil {
			ids = append(ids, e.Stewardship.Person)
		}
	}
	return ids
}

// wirePerson is a user or a group, as far as it is kept.
type wirePerson struct {
	ID      string `json:"id"`
	Status  text   `json:"status,omitzero"`
	Created text   `json:"created,omitzero"`
	Updated text   `json:"lastUpdated,omitzero"`
	Profile struct {
		Name    text `json:"name,omitzero"` // of a group
		Display text `json:"displayName,omitzero"`
		First   text `json:"firstName,omitzero"`
		Last    text `json:"lastName,omitzero"`
		Login   text `json:"login,omitzero"`
		Email   text `json:"email,omitzero"`
	} `json:"profile,omitzero"`
}

// normalizePerson reads a user or a group.
func normalizePerson(r connectors.Record) (connectors.Reading, error) {
	var p wirePerson
	if err := json.Unmarshal(r.Body, &p); err != nil {
		return connectors.Reading{}, err
	}
	if p.ID == "" {
		return connectors.Reading{}, errors.New("it has no id")
	}
	n := &events.Person{Native: r.Type, Name: p.name(), UserName: string(p.Profile.Login), Created: p.Created.time(),
		Status: personStatus(p.Status), NativeStatus: string(p.Status)}
	if r.Type == typeGroup {
		n.Status = events.StatusActive // groups have no other
	}
	if p.Profile.Email != "" {
		n.Emails = []string{string(p.Profile.Email)}
	}
	return connectors.Reading{Entities: []events.Entity{{
		Kind: events.KindPerson, Holder: p.ID, Key: events.Self, Version: p.Updated.time(), Person: n,
	}}}, nil
}

func (p *wirePerson) name() string {
	for _, name := range []text{p.Profile.Display, p.Profile.Name, p.Profile.First + " " + p.Profile.Last} {
		if s := strings.TrimSpace(string(name)); s != "" {
			return s
		}
	}
	return ""
}
