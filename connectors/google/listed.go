package google

import (
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// typeListed is the type of a record that names resources which a list has shown and which are no agents: what others were granted on
// them stands.
const typeListed = "listed"

// listed adds resources, by their full names, to what a page shows.
func (l leaf) listed(resources []string, asked time.Time) (leaf, error) {
	if len(resources) == 0 {
		return l, nil
	}
	body, err := events.Marshal(map[string]any{"resources": resources})
	l.records = append(l.records, connectors.Record{Type: typeListed, Body: body, Asked: asked})
	return l, err
}

// normalizeListed reads which resources are there.
func normalizeListed(r connectors.Record) (connectors.Reading, error) {
	var body struct {
		Resources []string `json:"resources"`
	}
	if err := decode(r, &body); err != nil {
		return connectors.Reading{}, err
	}
	var reading connectors.Reading
	for _, resource := range body.Resources {
		if resource != "" {
			reading.Keeps = append(reading.Keeps, policyScope(resource))
		}
	}
	return reading, nil
}
