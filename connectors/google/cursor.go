package google

import (
	"cmp"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// place is where a list is read: a project, or a location in it; a folder or an organization. Lists are walked in the order of
// places.
type place struct {
	Level    string `json:"level,omitzero"` // folder or organization; empty: project
	Project  string `json:"project"`        // id or number, be it a folder's or an organization's
	Location string `json:"location,omitzero"`
}

const (
	levelFolder       = "folder"
	levelOrganization = "organization"
)

// levelOf is a place's level by how resource names begin.
var levelOf = map[string]string{"projects": "", "folders": levelFolder, "organizations": levelOrganization}

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.Level, o.Level), cmp.Compare(p.Project, o.Project), cmp.Compare(p.Location, o.Location))
}

// parent is the place's resource name: projects/acme/locations/us-central1.
func (p place) parent() string {
	if p.Level != "" {
		return p.Level + "s/" + p.Project
	}
	if p.Location == "" {
		return "projects/" + p.Project
	}
	return "projects/" + p.Project + "/locations/" + p.Location
}

// cursorVersion is the version that this code writes.
const cursorVersion = 1

// cursor is where a walk over places goes on. It names its place rather than a number, so that it holds when places come and go.
type cursor struct {
	Version int    `json:"v"`
	Place   place  `json:"place"`
	Token   string `json:"token,omitzero"`  // the vendor's page token within the place's list
	Broken  bool   `json:"broken,omitzero"` // a page of the place's list was not whole: no seal

	// Blind is what the round could not see so far, so that a process that goes on in its middle does not take it for seen.
	Blind []connectors.Blindness `json:"blind,omitzero"`
}

// mostBlind bounds how many of them a cursor holds.
const mostBlind = 30

// distinct are the first of a list of what cannot be seen, each once.
func distinct(list []connectors.Blindness) []connectors.Blindness {
	var out []connectors.Blindness
	for _, b := range list {
		same := func(o connectors.Blindness) bool { return o.Reason == b.Reason && slices.Equal(o.Kinds, b.Kinds) }
		if len(out) < mostBlind && !slices.ContainsFunc(out, same) {
			out = append(out, b)
		}
	}
	return out
}

// parseCursor reads a feed's cursor of this or an older version. What it cannot read, it calls expired: the feed starts again.
func parseCursor(b connectors.Cursor) (cursor, error) {
	var c cursor
	if len(b) == 0 {
		return c, nil
	}
	err := json.Unmarshal(b, &c)
	if err != nil || c.Version < 1 || c.Version > cursorVersion || !name.MatchString(c.Place.Project) {
		return cursor{}, &connectors.Fault{Kind: connectors.CursorExpired, Err: errCursor}
	}
	return c, nil
}

func (c cursor) encode() (connectors.Cursor, error) {
	c.Version = cursorVersion
	return events.Marshal(c)
}
