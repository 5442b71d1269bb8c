package google

import (
	"cmp"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// allowPolicy is a Policy of IAM, at version 3.
type allowPolicy struct {
	Bindings []binding `json:"bindings"`
}

type binding struct {
	Role      string   `json:"role"`
	Members   []string `json:"members"`
	Condition *struct {
		Title      string `json:"title"`
		Expression string `json:"expression"`
	} `json:"condition"`
}

func parsePolicy(body []byte) (allowPolicy, error) {
	var p allowPolicy
	err := json.Unmarshal(body, &p)
	return p, err
}

// normalizePolicy reads a resource's whole allow policy: a grant for every member that the record's context names the holder of.
// Other members, people and groups among them, are nobody that this connection reads.
func normalizePolicy(r connectors.Record) (connectors.Reading, error) {
	var p allowPolicy
	if err := decode(r, &p); err != nil {
		return connectors.Reading{}, err
	}
	resource := r.Context[ctxResource]
	if resource == "" {
		return connectors.Reading{}, missing(r, "resource in its context")
	}
	holders := map[string]string{}
	if err := json.Unmarshal([]byte(r.Context[ctxHolders]), &holders); err != nil {
		return connectors.Reading{}, missing(r, "holders in its context")
	}
	scope := policyScope(resource)
	var reading connectors.Reading
	if r.Context[ctxPartial] == "" {
		reading.Replaces = []string{scope}
	}
	for _, b := range p.Bindings {
		for _, m := range b.Members {
			if holder := holders[m]; holder != "" && b.Role != "" {
				reading.Entities = append(reading.Entities, b.grant(holder, scope, resource))
			}
		}
	}
	reading.Entities = onePerRef(reading.Entities)
	return reading, nil
}

// grant is what one member of the binding may do. Bindings that differ in nothing but a condition's title are one grant.
func (b *binding) grant(holder, scope, resource string) events.Entity {
	g := &events.Grant{Type: "iam_role", Role: b.Role, Resource: resource}
	if b.Condition != nil {
		g.Condition = b.Condition.Expression
	}
	key := events.Digest(g.Role, g.Resource, g.Condition)
	return events.Entity{Kind: events.KindGrant, Holder: holder, Key: key, Scope: scope, Grant: g}
}

// onePerRef orders entities and leaves repetitions out.
func onePerRef(list []events.Entity) []events.Entity {
	slices.SortStableFunc(list, func(a, b events.Entity) int {
		return cmp.Or(cmp.Compare(a.Holder, b.Holder), cmp.Compare(a.Key, b.Key))
	})
	return slices.CompactFunc(list, func(a, b events.Entity) bool { return a.Ref() == b.Ref() })
}
