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
}

// Defaults of the archive.
const (
	DefaultSegment = 20_000
	DefaultAge     = time.Hour
	MinAge         = time.Second
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
			schema: &jsonschema.Schema{Type: "string"}, read: readAge},
	}
}

func readAge(d *decoder, n *yaml.Node, path string, to *Archive) {
	s, ok := d.text(n, path)
	if !ok {
		return
	}
	age, err := time.ParseDuration(s)
	switch {
	case err != nil:
		d.fail(n.Line, path, "%q is not a duration such as 30m or 24h", n.Value)
	case age < MinAge:
		d.fail(n.Line, path, "%s is too short: at least %v, since each segment is an object of its own", n.Value, MinAge)
	default:
		to.Age = age
	}
}
