package filter_test

import (
	"testing"

	"github.com/rollcallhq/rollcall/events/filter"
)

// BenchmarkMatch is what an expression costs on one event, and what of it is the decoding.
func BenchmarkMatch(b *testing.B) {
	s := company(b)[0]
	b.Run("decoding alone", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Message(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("an endless expression", func(b *testing.B) {
		f, err := filter.Parse(endless)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			_, _ = f.Match(&s) // it takes too many steps
		}
	})
	for _, text := range []string{
		`type == "agent.disabled"`,
		`type == "grant.created" && data.entity.grant.role == "owner"`,
		`data.entity.agent.status == "active"`,
		`data.entity.grant.role == "owner"`,
		`data.entity.agent.identifiers.exists(i, i.type == "client_id" && i.value == "c1") && recordedtime - time > duration("1h")`,
	} {
		f, err := filter.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				if _, err := f.Match(&s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
