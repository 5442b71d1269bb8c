package config

import (
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v4"
)

// Archive says where closed stretches of the log are kept outside of NATS.
type Archive struct {
	Folder  string        // empty: nothing is archived
	Segment int           // events in a segment, at most
	Age     time.Duration // of the first event of a segment that is not full, when it is closed
	Keep    time.Duration // how long the stream keeps events that are archived and are no last states; 0: for ever
}

// Defaults of the archive.
const (
	DefaultSegment = 20_000
	DefaultAge     = time.Hour
	MinAge         = time.Second
	MinKeep        = 24 * time.Hour
)

func archiveFields() []field[Archive] {
	return []field[Archive]{
		{name: "folder", about: "folder to archive to, best on another disk than the log's; its file system must have hard links", required: true, schema: text(),
			read: func(d *decoder, n *yaml.Node, path string, to *Archive) {
				var ok bool
				if to.Folder, ok = d.text(n, path); ok && to.Folder == "" {
					d.fail(n.Line, path, "the archive's folder must have a name")
				}
			}},
		{name: "segment", about: "events in a segment, at most, 100 to 1000000; default 20000, some 4 MB", schema: number(100, 1e6),
			read: func(d *decoder, n *yaml.Node, path string, to *Archive) {
				to.Segment = int(d.number(n, path, 100, 1e6, true))
			}},
		{name: "age", about: "how old the first event of a segment may become before it is closed though it is not full: 30m; at least 1s; default 1h",
			schema: &jsonschema.Schema{Type: "string"}, read: func(d *decoder, n *yaml.Node, path string, to *Archive) { to.Age = d.atLeast(n, path, MinAge) }},
		{name: "keep", about: "how long the log's stream keeps what is archived: 8760h; at least 24h; older events are removed from it, but never the last one about an entity; default: for ever",
			schema: &jsonschema.Schema{Type: "string"}, read: func(d *decoder, n *yaml.Node, path string, to *Archive) { to.Keep = d.atLeast(n, path, MinKeep) }},
	}
}

// atLeast reads a duration with a lower bound.
func (d *decoder) atLeast(n *yaml.Node, path string, low time.Duration) time.Duration {
	s, ok := d.text(n, path)
	if !ok {
		return 0
	}
	v, err := time.ParseDuration(s)
	switch {
	case err != nil:
		d.fail(n.Line, path, "%q is not a duration such as 30m or 24h", n.Value)
	case v < low:
		d.fail(n.Line, path, "%s is too short: at least %v", n.Value, low)
	}
	return v
}
