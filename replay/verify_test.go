package replay_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

// renamed is the agent after a change of its name.
func renamed(e events.Event, name string) events.Event {
	n := *e.Data.Entity
	a := *n.Agent
	a.Name, n.Agent = name, &a
	return events.New(e.Tenant, e.Connection, e.Vendor, "agent.updated", e.Time, e.RecordedTime, events.Data{Entity: &n})
}

// view is what the log makes, up to a sequence.
func view(t *testing.T, l *eventlog.Log, to uint64) projections.Snapshot {
	t.Helper()
	p := roster.New()
	s := projections.Snapshot{Documents: map[string][]byte{}}
	for m, err := range l.Read(t.Context(), events.Query{To: to}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Apply(m); err != nil {
			t.Fatal(err)
		}
		s.Checkpoint = projections.Checkpoint{Position: m.Position, Version: roster.Version}
	}
	docs, err := p.Drain()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		if d.Body != nil {
			s.Documents[d.Key] = d.Body
		}
	}
	return s
}

func verify(t *testing.T, l *eventlog.Log, s projections.Snapshot) replay.Verification {
	t.Helper()
	v, err := replay.Verify(t.Context(), l, s, roster.Version, roster.New, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVerifyEqual(t *testing.T) {
	l, at := write(t, append(company, renamed(company[0], "later"))...)
	for n := range at {
		if v := verify(t, l, view(t, l, at[n])); len(v.Differences) > 0 || len(v.Damaged) > 0 || v.Events != uint64(n+1) {
			t.Errorf("to %d: %+v", n, v)
		}
	}
}

// Each sort of difference is found, in its fields, with the event since which it is there.
func TestVerifyFindsDifferences(t *testing.T) {
	l, at := write(t, append(company, renamed(company[0], "second"), renamed(company[0], "third"))...)
	stale, full := view(t, l, at[5]), view(t, l, at[6])
	key := ""
	for k, doc := range full.Documents {
		if bytes.Contains(doc, []byte(`"name":"third"`)) {
			key = k
		}
	}
	now := func() projections.Snapshot { return view(t, l, at[6]) }

	missed := now() // the last event never reached the view
	missed.Documents[key] = stale.Documents[key]
	d := one(t, verify(t, l, missed))
	fields := map[string]string{}
	for _, f := range d.Fields {
		fields[f.Path] = f.View + " " + f.Log
		if f.Since == nil || f.Since.Position.Sequence != at[6] {
			t.Errorf("%s since %+v, want %d", f.Path, f.Since, at[6])
		}
	}
	if fields["name"] != `"second" "third"` || fields["identities[0].agent.name"] != `"second" "third"` || d.Since.Position.Sequence != at[6] || d.Since.Type != "agent.updated" {
		t.Errorf("%+v", d)
	}

	altered := now() // a field that no event ever made so
	altered.Documents[key] = bytes.Replace(altered.Documents[key], []byte(`"status":"active"`), []byte(`"status":"disabled"`), 1)
	d = one(t, verify(t, l, altered))
	if len(d.Fields) != 1 || !strings.HasSuffix(d.Fields[0].Path, "status") || d.Fields[0].View != `"disabled"` || d.Fields[0].Since.Position.Sequence != at[0] {
		t.Errorf("%+v", d)
	}

	gone := now()
	delete(gone.Documents, key)
	if d = one(t, verify(t, l, gone)); d.InView || !d.InLog || d.Name != "third" || d.Since.Position.Sequence != at[0] {
		t.Errorf("%+v", d)
	}

	extra := now()
	extra.Documents["acme.agt_0"] = []byte(`{"name":"Nobody"}`)
	if d = one(t, verify(t, l, extra)); !d.InView || d.InLog || d.Name != "Nobody" || d.Since != nil {
		t.Errorf("%+v", d)
	}

	broken := now()
	broken.Documents[key] = []byte(`{`)
	if d = one(t, verify(t, l, broken)); d.Key != key || len(d.Fields) < 2 {
		t.Errorf("%+v", d)
	}
}

func one(t *testing.T, v replay.Verification) replay.Difference {
	t.Helper()
	if len(v.Differences) != 1 {
		t.Fatalf("%+v, want one difference", v)
	}
	return v.Differences[0]
}

func TestVerifyRefusesWhatItCannotCompare(t *testing.T) {
	l, at := write(t, company...)
	other := view(t, l, at[4])
	other.Checkpoint.Version++
	if _, err := replay.Verify(t.Context(), l, other, roster.Version, roster.New, nil); err == nil || !strings.Contains(err.Error(), "written by version") {
		t.Error(err)
	}
	other = view(t, l, at[4])
	other.Checkpoint.Epoch = "former"
	if _, err := replay.Verify(t.Context(), l, other, roster.Version, roster.New, nil); err == nil || !strings.Contains(err.Error(), "another epoch") {
		t.Error(err)
	}
	empty := projections.Snapshot{Checkpoint: projections.Checkpoint{Version: roster.Version}}
	if v := verify(t, l, empty); cmp.Diff(replay.Verification{Checkpoint: empty.Checkpoint}, v) != "" {
		t.Errorf("an empty view: %+v", v)
	}
}
