package hub

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/replay"
)

// NoArchive says in place of a folder that the log is to be read alone.
const NoArchive = "none"

// History is the log from its start: the stream, or archive and stream read as one.
type History interface {
	replay.Chains
	projections.Log
	Count(ctx context.Context) (uint64, error)
}

// Archived is the note of where a hub archives the log, and how far it has come.
type Archived struct {
	Folder   string `json:"folder"`   // absolute, on the machine of the hub
	Segment  uint64 `json:"segment"`  // number of the last one
	Digest   string `json:"digest"`   // its own
	Sequence uint64 `json:"sequence"` // up to which the log is archived
}

const archivedKey = "log"

// Archived is what a hub has noted of the log's archive; false: nothing.
func (r *Reader) Archived(ctx context.Context) (Archived, bool, error) {
	var a Archived
	b, ok, err := r.Boards.Archives.Get(ctx, archivedKey)
	if err == nil && ok {
		err = events.Unmarshal(b, &a)
	}
	return a, ok && err == nil, err
}

// History opens what the log holds and what was archived of it, as one. Without an archive it is the log.
func (r *Reader) History(ctx context.Context) (History, error) {
	if r.history != nil {
		return r.history, nil
	}
	folder, noted := r.where.Archive, false
	if folder == "" {
		note, _, err := r.Archived(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(note.Folder); err == nil { // else it lies on the hub's machine
			folder, noted = note.Folder, true
		}
	}
	if folder == "" || folder == NoArchive {
		r.history = r.Log
		return r.Log, nil
	}
	h, err := joined(ctx, r.Log, folder)
	if err != nil && noted {
		return nil, fmt.Errorf("%w (a hub has noted this archive: --archive names another, and --archive %s reads the log alone)", err, NoArchive)
	}
	if err != nil {
		return nil, err
	}
	r.history = h
	return h, nil
}

func joined(ctx context.Context, log archive.Whole, folder string) (History, error) {
	f, err := archive.OpenFolder(folder)
	if err != nil {
		return nil, err
	}
	a, err := archive.Open(ctx, f)
	if err != nil {
		return nil, err
	}
	return archive.Join(ctx, log, a)
}

// Missing counts the events that the feeds have appended and that the history lacks: they were removed from the stream, and are in no archive
// that is known. What is folded from such a history is not what was.
func (r *Reader) Missing(ctx context.Context) (uint64, error) {
	h, err := r.History(ctx)
	if err != nil {
		return 0, err
	}
	return missing(ctx, h)
}

func missing(ctx context.Context, h History) (uint64, error) {
	places, err := h.Places(ctx)
	if err != nil {
		return 0, err
	}
	var appended uint64
	for _, p := range places {
		appended += p.Events
	}
	held, err := h.Count(ctx) // after the places: it may only have grown
	return appended - min(appended, held), err
}

// Whole is the history, if it lacks nothing.
func (r *Reader) Whole(ctx context.Context) (History, error) {
	h, err := r.History(ctx)
	if err != nil {
		return nil, err
	}
	return h, complete(ctx, h)
}

func complete(ctx context.Context, h History) error {
	n, err := missing(ctx, h)
	if err == nil && n > 0 {
		err = fmt.Errorf("the log lacks %d events that its feeds have appended: name the archive that has them", n)
	}
	return err
}

// history is what this hub's roster is folded from: the log, and with it the archive, where a hub keeps one. An archive that cannot be read
// stops the roster only if the log alone is not whole.
func (h *Hub) history(ctx context.Context) (projections.Log, error) {
	if h.folder == nil {
		return h.Log(), nil
	}
	log, err := joined(ctx, h.Log(), h.folder.String())
	if err == nil || errors.Is(err, events.ErrEpoch) || ctx.Err() != nil {
		return log, err
	}
	if lacking := complete(ctx, h.Log()); lacking != nil {
		return nil, fmt.Errorf("%w, and its archive cannot be read: %w", lacking, err)
	}
	h.opts.Logger.Warn("the archive cannot be read: the roster is folded from the log alone, which is whole", "why", err)
	return h.Log(), nil
}
