package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// deletedFeed reads the recycle bin: what was soft-deleted while no delta was read, a blueprint's agents some time after it among
// them. It tells of nothing but what the log still holds for living, and of that only what its own address confirms: the bin lags
// behind a restore. What is purged the deltas tell.
type deletedFeed struct{ client *client }

// deletedPhase is one list of the recycle bin, and where an object of it would be found were it alive.
type deletedPhase struct {
	name  string
	alive string
	need  string
	kinds []events.Kind
}

var deletedPhases = []deletedPhase{
	{"servicePrincipal", "/servicePrincipals/", needDirectory, []events.Kind{events.KindAgent, events.KindBlueprint, events.KindPerson}},
	{"application", "/applications/", needDirectory, []events.Kind{events.KindBlueprint}},
	{"user", "/users/", needUsers, []events.Kind{events.KindAgent, events.KindPerson}},
}

func deletedItems(c *client) connectors.Feed {
	f := &deletedFeed{c}
	out := led("deleted-items", []events.Kind{events.KindAgent, events.KindBlueprint, events.KindPerson}, f.pull)
	out.Every, out.Alone = time.Hour, 15*time.Minute
	return out
}

func (f *deletedFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur, err := f.client.readCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	i := max(0, slices.IndexFunc(deletedPhases, func(p deletedPhase) bool { return p.name == cur.Phase }))
	ph := deletedPhases[i]
	r := call{url: cur.Link, need: ph.need, followed: true, low: true}
	if cur.Link == "" {
		r.url, r.followed = f.client.url("/directory/deletedItems/microsoft.graph."+ph.name+"?$select=id,deletedDateTime&$top="+strconv.Itoa(f.client.top(999))), false
	}
	var out connectors.Page
	p, err := f.client.page(ctx, r)
	switch {
	case isForbidden(err) && i > 0:
		out.Blind = append(out.Blind, connectors.Blindness{Kinds: ph.kinds, Reason: "of deleted " + ph.name + "s: " + connectors.AsFault(err).Cure})
	case err != nil:
		return connectors.Page{}, err
	}
	if err := f.confirm(ctx, ph, p, &out); err != nil {
		return connectors.Page{}, err
	}
	next := cursor{Phase: ph.name, Link: p.next}
	if p.next == "" {
		if i+1 == len(deletedPhases) {
			return out, nil
		}
		next.Phase = deletedPhases[i+1].name
	}
	out.More = true
	out.Next, err = next.encode()
	return out, err
}

// confirm makes records of those objects that the log holds for living and that are not found alive.
func (f *deletedFeed) confirm(ctx context.Context, ph deletedPhase, p page, out *connectors.Page) error {
	var paths []string
	about := map[string]int{}
	for n, raw := range p.items {
		var it item
		if decode(raw, &it) != nil || !isGUID(it.ID) {
			return fmt.Errorf("GET /directory/deletedItems: an object has no id")
		}
		living := func(k events.Kind) bool { return connectors.IsKnown(ctx, events.Identity(k, it.ID)) }
		if slices.ContainsFunc(ph.kinds, living) {
			path := ph.alive + it.ID + onlyID
			paths, about[path] = append(paths, path), n
		}
	}
	answers, err := (&throttled{}).ask(ctx, f.client, "", paths, ph.need)
	if err != nil {
		return err
	}
	for _, path := range paths {
		a := answers[path]
		if a.status != http.StatusNotFound {
			if err := f.client.check(a, call{need: ph.need}); err != nil {
				return err
			}
			continue
		}
		rec, err := newRecord(recordDeleted, p.items[about[path]], a.asked)
		if err != nil {
			return err
		}
		rec.Context = map[string]string{contextList: ph.name}
		out.Records = append(out.Records, rec)
	}
	return nil
}

// readDeleted reads an object of the recycle bin.
func readDeleted(r connectors.Record) (connectors.Reading, error) {
	var d struct {
		ID string     `json:"id"`
		At *time.Time `json:"deletedDateTime"`
	}
	if err := decodeBody(r, &d); err != nil {
		return connectors.Reading{}, err
	}
	i := slices.IndexFunc(deletedPhases, func(p deletedPhase) bool { return p.name == r.Context[contextList] })
	if d.ID == "" || i < 0 {
		return connectors.Reading{}, errors.New("the object has no id, or its list is not known")
	}
	var out connectors.Reading
	for _, k := range deletedPhases[i].kinds {
		out.Tombstones = append(out.Tombstones, connectors.Tombstone{
			Ref: events.Identity(k, d.ID), Restorable: true, Reason: "soft-deleted", At: when(d.At)})
	}
	return out, nil
}
