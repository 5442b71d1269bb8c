package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// row is an event as analysts have it. What an event does not have is null. A person's name stands in the event alone.
type row struct {
	Sequence uint64    `parquet:"sequence,delta"`
	Epoch    string    `parquet:"epoch,dict"`
	Stored   time.Time `parquet:"stored,timestamp(microsecond)"`   // by the server's clock
	Recorded time.Time `parquet:"recorded,timestamp(microsecond)"` // by the hub's
	Time     time.Time `parquet:"time,timestamp(microsecond)"`     // at the vendor

	ID         string `parquet:"id"`
	Type       string `parquet:"type,dict"`
	Kind       string `parquet:"kind,dict"`
	Verb       string `parquet:"verb,dict,optional"` // not of activities
	Tenant     string `parquet:"tenant,dict"`
	Connection string `parquet:"connection,dict"`
	Vendor     string `parquet:"vendor,dict"`
	Holder     string `parquet:"holder,dict"`
	Key        string `parquet:"key,dict"`

	Name    string `parquet:"name,dict,optional"`   // of an agent or blueprint
	Status  string `parquet:"status,dict,optional"` // of an agent, blueprint or person
	Changed string `parquet:"changed,dict,optional"`
	Gone    bool   `parquet:"gone"`
	Guessed bool   `parquet:"gone_inferred"`
	First   string `parquet:"first_seen,dict,optional"`

	Activity string `parquet:"activity,dict,optional"`
	Outcome  string `parquet:"outcome,dict,optional"`
	Actor    string `parquet:"actor,dict,optional"`
	ActorIs  string `parquet:"actor_type,dict,optional"`

	Feed string `parquet:"feed,dict"`
	How  string `parquet:"how,dict"`

	Prev  string `parquet:"prev,optional"`
	Hash  string `parquet:"hash"`
	Event string `parquet:"event,json"` // as stored
}

func newRow(s *events.Stored) (row, error) {
	m, err := s.Message()
	if err != nil {
		return row{}, err
	}
	e := &m.Event
	ref := e.Ref()
	r := row{
		Sequence: s.Position.Sequence, Epoch: s.Position.Epoch, Stored: s.Time, Recorded: e.RecordedTime, Time: e.Time,
		ID: e.ID, Type: string(e.Type), Kind: string(ref.Kind), Verb: string(e.Verb()), Tenant: e.Tenant, Connection: e.Connection, Vendor: e.Vendor,
		Holder: ref.Holder, Key: ref.Key, Changed: strings.Join(slices.Sorted(maps.Keys(e.Data.Changed)), ","), First: e.Data.FirstSeen,
		Feed: s.Feed, How: e.Data.Evidence.How, Prev: s.Prev, Hash: s.Hash, Event: string(s.Body),
	}
	if g := e.Data.Gone; g != nil {
		r.Gone, r.Guessed = true, g.Inferred
	}
	actor := e.Data.Evidence.Actor
	if a := e.Data.Activity; a != nil {
		r.Activity, r.Outcome = a.Type, a.Outcome
		if a.Actor != nil {
			actor = a.Actor
		}
	}
	if actor != nil {
		r.Actor, r.ActorIs = actor.ID, actor.Type
	}
	if n := e.Data.Entity; n != nil {
		r.entity(n)
	}
	return r, nil
}

func (r *row) entity(e *events.Entity) {
	switch {
	case e.Agent != nil:
		r.Name, r.Status = e.Agent.Name, string(e.Agent.Status)
	case e.Blueprint != nil:
		r.Name, r.Status = e.Blueprint.Name, string(e.Blueprint.Status)
	case e.Person != nil:
		r.Status = string(e.Person.Status)
	}
}
