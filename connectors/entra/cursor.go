package entra

import (
	"fmt"
	"net/url"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// cursor is a feed's place. Members are only ever added to it, so that an older one is read as what it was.
type cursor struct {
	Version int    `json:"v"`
	Link    string `json:"link,omitzero"` // nextLink or deltaLink; empty: the phase's first page

	// Of a delta.
	Pass  bool     `json:"pass,omitzero"`  // the first round is under way
	Seen  []string `json:"seen,omitzero"`  // the scopes of which this delta has shown something, typed; sorted
	List  string   `json:"list,omitzero"`  // the scope whose own list is being read, between two rounds
	Next  string   `json:"next,omitzero"`  // its nextLink; empty: its first page
	Empty []string `json:"empty,omitzero"` // the scopes whose list was empty when it was read last; sorted

	Barred bool      `json:"barred,omitzero"` // the lists of all scopes are being read, because the delta may not be
	Listed time.Time `json:"listed,omitzero"` // when they were read so to the end

	// Of a sweep.
	Phase string `json:"phase,omitzero"` // the list that is being read
	After string `json:"after,omitzero"` // where there is no list: the last id that was read
}

const cursorVersion = 1

// readCursor reads what encode wrote. What it cannot use, a new start mends.
func (c *client) readCursor(from connectors.Cursor) (cursor, error) {
	if from == nil {
		return cursor{}, nil
	}
	var cur cursor
	if err := decode(from, &cur); err != nil {
		return cursor{}, expiredCursor("the stored cursor is no JSON that this version reads")
	}
	if cur.Version < 1 || cur.Version > cursorVersion {
		return cursor{}, expiredCursor(fmt.Sprintf("the stored cursor has version %d, which this version does not read", cur.Version))
	}
	for _, link := range []string{cur.Link, cur.Next} {
		if err := c.pinned(link); err != nil {
			return cursor{}, expiredCursor("the stored cursor is of another endpoint")
		}
		if _, err := url.ParseRequestURI(link); link != "" && err != nil {
			return cursor{}, expiredCursor("the stored cursor has a link that is no URL")
		}
	}
	return cur, nil
}

func expiredCursor(why string) error {
	return &connectors.Fault{Kind: connectors.CursorExpired, Err: fmt.Errorf("%s", why), Cure: "the feed is read again from the start"}
}

// encode writes a cursor as it is stored.
func (cur cursor) encode() (connectors.Cursor, error) {
	cur.Version = cursorVersion
	b, err := events.Marshal(cur)
	return b, err
}
