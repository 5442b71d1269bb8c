package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// Verification is what Verify found: a view compared with what the log makes of it, at one sequence.
type Verification struct {
	Checkpoint  projections.Checkpoint // the view's; the log was folded up to it
	Events      uint64                 // folded
	Damaged     []error                // messages of the log that could not be folded, first ones first
	Differences []Difference           // ordered by key
}

// Difference is a document in which view and log disagree.
type Difference struct {
	Key    string  `json:"key"`
	Name   string  `json:"name,omitzero"`    // of the agent or person, if the document has one
	InView bool    `json:"in_view"`          // the view has the document
	InLog  bool    `json:"in_log"`           // the log makes it
	Fields []Field `json:"fields,omitempty"` // where both have it
	Since  *Since  `json:"since,omitzero"`   // the first event after which they disagreed in anything; nil: no event has to do with it
}

// Field is a field in which a document of the view and of the log differ. Values are JSON, empty where there is none.
type Field struct {
	Path  string `json:"path"` // identities[0].agent.status
	View  string `json:"view"`
	Log   string `json:"log"`
	Since *Since `json:"since,omitzero"` // the first event after which it differed
}

// Since is an event, as a place from which on something is so.
type Since struct {
	Position events.Position `json:"position"`
	Event    string          `json:"event"`
	Type     events.Type     `json:"type"`
}

// Verify folds the log from its start, up to the checkpoint of the view, into an empty projection, and compares document by
// document. progress, if set, is told after each message how many are still to come. It costs one reading of the log, and
// another where something differs.
func Verify(ctx context.Context, log Log, view projections.Snapshot, version int, fresh func() projections.Projection, progress func(pending uint64)) (Verification, error) {
	v := Verification{Checkpoint: view.Checkpoint}
	if view.Checkpoint.Version != version {
		return v, fmt.Errorf("the view was written by version %d of its code, this is version %d: a hub of this version writes it anew", view.Checkpoint.Version, version)
	}
	p := fresh()
	err := v.fold(ctx, log, func(m *events.Message) error {
		v.Events++
		if progress != nil {
			progress(m.Pending)
		}
		return p.Apply(*m)
	})
	if err != nil {
		return v, err
	}
	docs, err := p.Drain()
	if err != nil {
		return v, err
	}
	if err := p.Check(); err != nil {
		return v, fmt.Errorf("what the log makes breaks a rule of the view: %w", err)
	}
	if err := v.compare(view.Documents, docs); err != nil || len(v.Differences) == 0 {
		return v, err
	}
	return v, v.trace(ctx, log, view, fresh())
}

// fold gives each message up to the checkpoint to apply.
func (v *Verification) fold(ctx context.Context, log Log, apply func(*events.Message) error) error {
	v.Damaged = nil
	if v.Checkpoint.Sequence == 0 {
		return nil
	}
	all := Read(ctx, log, nil, Range{To: Bound{Sequence: v.Checkpoint.Sequence}})
	for m, err := range Decoded(all) {
		switch {
		case events.Damaged(err):
			v.Damaged = append(v.Damaged, err)
		case err != nil:
			return err
		case m.Position.Epoch != v.Checkpoint.Epoch:
			return errors.New("the view reflects another epoch of the log, which was restored since: a hub must run to write the view anew")
		default:
			if err := apply(&m); err != nil {
				return fmt.Errorf("event %s at %s: %w", m.Event.ID, m.Position, err)
			}
		}
	}
	return nil
}

func (v *Verification) compare(view map[string][]byte, docs []projections.Document) error {
	left := maps.Clone(view)
	for _, d := range docs {
		if d.Body == nil {
			continue
		}
		body, ok := view[d.Key]
		delete(left, d.Key)
		if string(body) == string(d.Body) {
			continue
		}
		diff := Difference{Key: d.Key, Name: nameIn(d.Body), InView: ok, InLog: true}
		if ok {
			fields, err := differ(body, d.Body)
			if err != nil {
				return fmt.Errorf("document %s: %w", d.Key, err)
			}
			diff.Fields = fields
		}
		v.Differences = append(v.Differences, diff)
	}
	for key, body := range left {
		v.Differences = append(v.Differences, Difference{Key: key, Name: nameIn(body), InView: true})
	}
	sort.Slice(v.Differences, func(i, j int) bool { return v.Differences[i].Key < v.Differences[j].Key })
	return nil
}

// trace folds again and finds the event after which each difference began: the first one since view and log last agreed.
func (v *Verification) trace(ctx context.Context, log Log, view projections.Snapshot, p projections.Projection) error {
	wanted := map[string]*Difference{}
	for i := range v.Differences {
		wanted[v.Differences[i].Key] = &v.Differences[i]
	}
	return v.fold(ctx, log, func(m *events.Message) error {
		if err := p.Apply(*m); err != nil || p.Dirty() == 0 {
			return err
		}
		docs, err := p.Drain()
		if err != nil {
			return err
		}
		for _, doc := range docs {
			if d := wanted[doc.Key]; d != nil {
				if err := d.since(view.Documents, doc, &Since{m.Position, m.Event.ID, m.Event.Type}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// since takes note of whether view and log agree in this state of the document.
func (d *Difference) since(view map[string][]byte, doc projections.Document, now *Since) error {
	body, ok := view[d.Key]
	if agree := ok == (doc.Body != nil) && string(body) == string(doc.Body); agree {
		d.Since = nil
	} else if d.Since == nil {
		d.Since = now
	}
	if !d.InView || !d.InLog || doc.Body == nil {
		return nil
	}
	fields, err := differ(body, doc.Body)
	if err != nil {
		return err
	}
	for i := range d.Fields {
		f := &d.Fields[i]
		differs := slices.ContainsFunc(fields, func(g Field) bool { return g.Path == f.Path })
		if !differs {
			f.Since = nil
		} else if f.Since == nil {
			f.Since = now
		}
	}
	return nil
}
