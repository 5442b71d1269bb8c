package okta

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// cursorVersion is what this code writes. A cursor of another version, or one that cannot be read, starts a new pass: that
// costs calls, and loses nothing.
const cursorVersion = 1

// cursor is a feed's place: every feed reads lists in passes, so it is where a pass stands. At the end of a pass the cursor is
// nil. It holds no secret.
type cursor struct {
	Version int                    `json:"v"`
	Next    string                 `json:"next,omitzero"`   // target of the next page
	Phase   string                 `json:"phase,omitzero"`  // which of a feed's lists Next belongs to
	Pass    string                 `json:"pass,omitzero"`   // names the pass whose findings the feed keeps in memory
	After   string                 `json:"after,omitzero"`  // of a walk: the last thing that was asked about
	Opened  bool                   `json:"opened,omitzero"` // the page that opened the pass has been handed out
	Broken  bool                   `json:"broken,omitzero"` // a page of this pass was not whole
	Blind   []connectors.Blindness `json:"blind,omitzero"`  // what the pass could not see so far
}

// parseCursor reads a cursor that this version can go on from; the zero cursor starts a new pass.
func parseCursor(from connectors.Cursor) cursor {
	var c cursor
	if len(from) == 0 || json.Unmarshal(from, &c) != nil || c.Version != cursorVersion {
		return cursor{}
	}
	if c.Next != "" && !strings.HasPrefix(c.Next, "/") {
		return cursor{} // anything else would change the host that the SDK asks
	}
	return c
}

func newPass() string { return rand.Text()[:10] }

// at moves the cursor to a target of a phase.
func (c cursor) at(phase, next string) cursor {
	c.Phase, c.Next = phase, next
	return c
}

// hide notes what the pass could not see, once.
func (c *cursor) hide(reason string, kinds ...events.Kind) {
	same := func(b connectors.Blindness) bool { return b.Reason == reason }
	if reason != "" && !slices.ContainsFunc(c.Blind, same) {
		c.Blind = append(slices.Clone(c.Blind), connectors.Blindness{Kinds: kinds, Reason: reason})
	}
}

// page makes a page of a pass over a scope. last says that nothing follows; else the pass goes on from c.
func (c cursor) page(scope string, records []connectors.Record, last bool) (connectors.Page, error) {
	p := connectors.Page{Records: records, Blind: c.Blind}
	if !c.Opened {
		p.Opens = []string{scope}
	}
	switch {
	case last && c.Broken:
		p.Breaks = []string{scope}
		return p, nil
	case last:
		p.Seals = []string{scope}
		return p, nil
	}
	c.Opened = true
	next, err := c.encode()
	p.Next, p.More = next, true
	return p, err
}

func (c cursor) encode() (connectors.Cursor, error) {
	c.Version = cursorVersion
	return events.Marshal(c)
}

// record makes a record of what one request brought, without the secrets in it.
func (a *answer) record(kind string, body jsontext.Value, about map[string]string) (connectors.Record, error) {
	clean, err := strip(body)
	if err != nil {
		return connectors.Record{}, misshapen(a, "JSON that can be kept", err)
	}
	return connectors.Record{Type: kind, Body: clean, Context: about, Asked: a.asked}, nil
}

// readable reports whether the record can be normalized. One that cannot proves nothing about what it stands for, so the
// listing that shows it is not whole.
func readable(r connectors.Record) bool {
	_, err := normalize(r)
	return err == nil
}

// forbidden reports whether err says that something may not be read, and what would cure it.
func forbidden(err error) (cure string, ok bool) {
	f := connectors.AsFault(err)
	if f == nil || f.Kind != connectors.Forbidden {
		return "", false
	}
	return f.Cure, true
}

// notThere reports whether err says that the org lacks a feature, so that nothing of its kind can exist.
func notThere(err error) bool {
	r := refusalOf(err)
	return r != nil && r.status != http.StatusForbidden && connectors.AsFault(err) != nil &&
		connectors.AsFault(err).Kind == connectors.Forbidden
}
