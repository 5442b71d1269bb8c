package filter_test

import (
	"errors"
	"testing"

	"github.com/rollcallhq/rollcall/events/filter"
)

// Whatever is written as an expression: it is refused, or it comes to an end on every event, without a panic.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`[1,2,3].exists(a, [1,2].all(b, a + b > size(tenant)))`, `type == "agent.disabled"`, `data.entity.grant.role != "owner" || !has(data.gone)`, `dyn(data).entity.agent.labels[0] in data.raw.x`,
		`data.entity.agent.identifiers.exists(i, i.value.matches("^c+$"))`, `recordedtime - time > duration("1h")`, `[data.entity, data.activity] == []`,
		`data.changed.map(k, data.changed[k]).size() > 0`, `data.raw.profile.tags.filter(t, t != "x") == ["y"] ? true : false`, `{"a": time}.a == stored`,
		`string(data.sealed.text) == b"\x00" + ""`, `position.sequence % 2 == 0`, `type(data.entity) == type(null)`,
	} {
		f.Add(text)
	}
	list := company(f)
	f.Fuzz(func(t *testing.T, text string) {
		x, err := filter.Parse(text)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error that says nothing")
			}
			return
		}
		for i := range list {
			_, err := x.Match(&list[i])
			if e := (*filter.Error)(nil); err != nil && !errors.As(err, &e) {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}
