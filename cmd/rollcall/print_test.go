package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/show"
)

// What is damaged is told of and passed over, each event counts once, and the end is no success.
func TestPrintingPassesOverWhatIsDamaged(t *testing.T) {
	var out, aside bytes.Buffer
	p := &printer{ctx: t.Context(), paper: &show.Paper{Writer: &out}, aside: &show.Paper{Writer: &aside}, format: "json"}
	err := p.print(func(yield func(events.Stored, error) bool) {
		good := events.Stored{Position: events.Position{Epoch: "e", Sequence: 7}, Body: []byte(`{"id":"1"}`)}
		lines := events.Stored{Position: events.Position{Epoch: "e", Sequence: 9}, Body: []byte("{\"id\":\n\"1\"}")}
		_ = yield(good, nil) && yield(events.Stored{Position: events.Position{Sequence: 8}}, good.Damage(errors.New("a bit flipped\x1b[2J"))) &&
			yield(lines, nil) && yield(good, nil)
	})
	want := `{"position":{"epoch":"e","sequence":7},"id":"1"}` + "\n"
	if err != nil || out.String() != want+want {
		t.Errorf("%v, %q", err, out.String())
	}
	if p.printed != 2 || p.damaged != 2 || p.end() == nil {
		t.Errorf("%d printed, %d damaged, %v", p.printed, p.damaged, p.end())
	}
	if said := aside.String(); bytes.Count(aside.Bytes(), []byte("damaged:")) != 2 || bytes.Contains(aside.Bytes(), []byte("\x1b[2J")) {
		t.Errorf("%q", said)
	}
}
