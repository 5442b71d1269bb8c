package projections

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// folding is one stay at a view: loaded once, then fed.
type folding struct {
	cfg   Config
	p     Projection
	saved Checkpoint      // what the view holds
	at    Checkpoint      // what p holds
	stale map[string]bool // rebuilding: keys of the former view that p has not written yet
	tells *telling        // nil: nobody hears what p concludes

	// flying, if set, tells how a write ends that is under way: until then saved is its own.
	flying chan error
}

// load brings p to what the view holds. A view that another version wrote, one left half rebuilt, and one that reflects what
// the log no longer holds are not continued but rebuilt from the log's start, over the documents that are there.
func (f *folding) load(ctx context.Context) error {
	var err error
	if f.saved, err = f.cfg.View.Checkpoint(ctx); err != nil {
		return fmt.Errorf("reading the checkpoint of view %s: %w", f.cfg.Name, err)
	}
	end, err := f.cfg.Log.End(ctx)
	if err != nil {
		return fmt.Errorf("reading the log's end: %w", err)
	}
	f.p, f.at = f.cfg.New(), f.saved
	if why := f.unfit(end); why != "" {
		f.cfg.Logger.Info("the view is rebuilt from the log", "view", f.cfg.Name, "why", why)
		f.stale = map[string]bool{}
		f.at = Checkpoint{Position: events.Position{Epoch: end.Epoch}, Version: f.cfg.Version, Rebuilding: f.saved.Revision > 0}
	}
	for doc, err := range f.cfg.View.Documents(ctx) {
		switch {
		case err != nil:
			return fmt.Errorf("reading view %s: %w", f.cfg.Name, err)
		case f.stale != nil:
			f.stale[doc.Key] = true
		default:
			if err := f.p.Load(doc); err != nil {
				return &BrokenError{"document " + doc.Key, err}
			}
		}
	}
	f.tells, err = newTelling(ctx, f)
	return err
}

func (f *folding) unfit(end events.Position) string {
	switch s := f.saved; {
	case s.Revision == 0:
		return "it is new"
	case s.Rebuilding:
		return "an earlier rebuild did not end"
	case s.Version != f.cfg.Version:
		return fmt.Sprintf("it was written by version %d, this is %d", s.Version, f.cfg.Version)
	case s.Epoch != end.Epoch:
		return "the log was restored: it has a new epoch"
	case s.Sequence > end.Sequence:
		return fmt.Sprintf("it reflects sequence %d and the log ends at %d", s.Sequence, end.Sequence)
	}
	return ""
}

// fold applies what q selects and commits whenever nothing more is waiting, or a batch is full. While a full batch is written, it goes on.
func (f *folding) fold(ctx context.Context, q events.Query) (err error) {
	defer func() { err = errors.Join(err, f.land()) }()
	for m, err := range f.cfg.Log.Read(ctx, q) {
		switch {
		case events.Damaged(err):
			f.cfg.Logger.Error("the log is damaged: the view goes on without the message", "view", f.cfg.Name, "why", err)
		case errors.Is(err, events.ErrTooNew):
			return &BrokenError{"the log", err}
		case err != nil:
			return fmt.Errorf("reading the log: %w", err)
		default:
			if err := f.p.Apply(m); err != nil {
				return &BrokenError{"event " + m.Event.ID + " at " + m.Position.String(), err}
			}
		}
		f.at.Position = m.Position
		switch {
		case m.Pending == 0:
			if err := f.commit(ctx); err != nil {
				return err
			}
		case f.p.Dirty() >= MaxBatch/2:
			docs, err := f.drain(ctx)
			if err != nil {
				return err
			}
			f.launch(ctx, docs)
		}
	}
	return ctx.Err()
}

// catchUp loads the view and folds what the log holds beyond it.
func (f *folding) catchUp(ctx context.Context) error {
	if err := f.load(ctx); err != nil {
		return err
	}
	if err := f.fold(ctx, events.Query{From: f.at.Sequence + 1}); err != nil {
		return err
	}
	if err := f.settle(ctx); err != nil {
		return err
	}
	if f.cfg.Committed != nil {
		f.cfg.Committed(f.saved)
	}
	return nil
}

// settle ends a rebuild: documents that the new view does not have are removed, and the checkpoint says that it is whole.
func (f *folding) settle(ctx context.Context) error {
	if err := f.tells.amend(ctx, f); err != nil {
		return err
	}
	if err := f.commit(ctx); err != nil || f.stale == nil {
		return err
	}
	var gone []Document
	for _, key := range slices.Sorted(maps.Keys(f.stale)) {
		gone = append(gone, Document{Key: key})
	}
	f.stale, f.at.Rebuilding = nil, false
	return f.write(ctx, f.at, gone)
}

func (f *folding) commit(ctx context.Context) error {
	docs, err := f.drain(ctx)
	if err != nil {
		return err
	}
	if len(docs) == 0 && f.at.Position == f.saved.Position && f.at.Heard == f.saved.Heard {
		return nil
	}
	return f.write(ctx, f.at, docs)
}

// drain has told what was concluded, when all that was written before is there, and returns what is to be written.
func (f *folding) drain(ctx context.Context) ([]Document, error) {
	if err := f.land(); err != nil {
		return nil, err
	}
	if err := f.tells.tell(ctx, f); err != nil {
		return nil, err
	}
	docs, err := f.p.Drain()
	if err != nil {
		return nil, &BrokenError{"view " + f.cfg.Name, err}
	}
	for _, d := range docs {
		if d.Body != nil {
			delete(f.stale, d.Key)
		}
	}
	return docs, nil
}

// launch writes documents while the fold goes on.
func (f *folding) launch(ctx context.Context, docs []Document) {
	f.flying = make(chan error, 1)
	go func(at Checkpoint) { f.flying <- f.write(ctx, at, docs) }(f.at)
}

// land waits for what is being written.
func (f *folding) land() error {
	if f.flying == nil {
		return nil
	}
	err := <-f.flying
	f.flying = nil
	return err
}

// write commits documents. What one batch does not hold goes in several, of which all but the last say that the view is not
// whole: a crash between them makes the next start rebuild it.
func (f *folding) write(ctx context.Context, at Checkpoint, docs []Document) error {
	for len(docs) > MaxBatch {
		torn := at
		torn.Rebuilding = true
		if err := f.put(ctx, torn, docs[:MaxBatch]); err != nil {
			return err
		}
		docs = docs[MaxBatch:]
	}
	return f.put(ctx, at, docs)
}

func (f *folding) put(ctx context.Context, next Checkpoint, docs []Document) error {
	failpoint.Hit("projections.commit.before")
	saved, err := f.cfg.View.Commit(ctx, f.saved, next, docs)
	if err != nil {
		return fmt.Errorf("writing view %s: %w", f.cfg.Name, err)
	}
	failpoint.Hit("projections.commit.after")
	f.saved = saved
	if f.cfg.Committed != nil && !saved.Rebuilding {
		f.cfg.Committed(saved)
	}
	return nil
}
