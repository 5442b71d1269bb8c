package entra

import (
	"context"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// peopleFeed reads again, in the order of their ids, the persons that the log knows. It is no pass: what is read of one replaces what
// was known of it, and nothing else.
type peopleFeed struct{ client *client }

// somePeople is how many persons a page covers: with the first page of the list of users they fill batches.
const somePeople = 5*batchSize - 1

func people(c *client) connectors.Feed {
	return led("people", []events.Kind{events.KindPerson}, (&peopleFeed{c}).pull)
}

func (f *peopleFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur, err := f.client.readCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	var some []somebody
	more := false
	for _, id := range connectors.Known(ctx, events.KindPerson) {
		switch {
		case id <= cur.After || !isGUID(id):
		case len(some) == somePeople:
			more = true
		default:
			some = append(some, somebody{id: id})
		}
	}
	var out connectors.Page
	if out.Records, out.Blind, err = f.client.peopleBeside(ctx, some, "/users?$top=1&$select=id"); err != nil || !more {
		return out, err
	}
	out.More = true
	out.Next, err = cursor{After: some[len(some)-1].id}.encode()
	return out, err
}
