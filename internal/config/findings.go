package config

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v4"

	"github.com/rollcallhq/rollcall/events"
)

func findingsFields() []field[events.Thresholds] {
	span := func(name, about string, to func(*events.Thresholds) *time.Duration) field[events.Thresholds] {
		return field[events.Thresholds]{name: name, about: about, schema: &jsonschema.Schema{Type: "string", Pattern: spanForm.String()},
			read: func(d *decoder, n *yaml.Node, path string, t *events.Thresholds) {
				if v, ok := d.span(n, path); ok {
					*to(t) = v
				}
			}}
	}
	return []field[events.Thresholds]{
		span("settle", "how long what belongs together may arrive apart before anything is missed; default 1h",
			func(t *events.Thresholds) *time.Duration { return &t.Settle }),
		span("expiring", "how long before its end a credential is said to expire; default 14d",
			func(t *events.Thresholds) *time.Duration { return &t.Expiring }),
		span("long_life", "the longest life of a secret, key or certificate; default 400d",
			func(t *events.Thresholds) *time.Duration { return &t.LongLife }),
		span("unused", "how long an agent may do nothing; default 90d",
			func(t *events.Thresholds) *time.Duration { return &t.Unused }),
		span("forget", "how long an agent that is deleted everywhere stays in the roster; default 90d",
			func(t *events.Thresholds) *time.Duration { return &t.Forget }),
	}
}

// maxSpan bounds a threshold.
const maxSpan = 100 * 365 * 24 * time.Hour

var spanForm = regexp.MustCompile(`^([0-9]+d|([0-9]+h)?([0-9]+m)?([0-9]+s)?)$`)

// span reads a length of time in days, or in hours, minutes and seconds.
func (d *decoder) span(n *yaml.Node, path string) (time.Duration, bool) {
	s, ok := d.text(n, path)
	if !ok {
		return 0, false
	}
	v, err := time.ParseDuration(s)
	if days, is := strings.CutSuffix(s, "d"); is {
		var n int
		if n, err = strconv.Atoi(days); err == nil && n <= int(maxSpan/(24*time.Hour)) {
			v = time.Duration(n) * 24 * time.Hour
		}
	}
	if err != nil || !spanForm.MatchString(s) || v <= 0 || v > maxSpan {
		d.fail(n.Line, path, "%q is no length of time such as 14d or 12h, up to 36500d", n.Value)
		return 0, false
	}
	return v, true
}
