package hub

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/eventlog"
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

// Archived is the note of where a hub archives the log, how far it has come, and what it has removed from the stream since.
type Archived struct {
	Folder   string `json:"folder"`         // absolute, on the machine of the hub
	Segment  uint64 `json:"segment"`        // number of the last one
	Digest   string `json:"digest"`         // its own
	Epoch    string `json:"epoch,omitzero"` // of the log
	Sequence uint64 `json:"sequence"`       // up to which the log is archived

	// Thinning is the sequence up to which the stream may lack events, but for last states; Thinned the one up to which they are removed.
	Thinning uint64 `json:"thinning,omitzero"`
	Thinned  uint64 `json:"thinned,omitzero"`
}

const archivedKey = "log"

func archived(ctx context.Context, board *eventlog.Board) (Archived, bool, error) {
	var a Archived
	b, ok, err := board.Get(ctx, archivedKey)
	if err == nil && ok {
		err = events.Unmarshal(b, &a)
	}
	return a, ok && err == nil, err
}

// Archived is what a hub has noted of the log's archive; false: nothing.
func (r *Reader) Archived(ctx context.Context) (Archived, bool, error) {
	return archived(ctx, r.Boards.Archives)
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
	n, err := missing(ctx, h)
	if errors.Is(err, errBusy) {
		return 0, nil // nothing is known to be missing
	}
	return n, err
}

// errBusy: the log grew each time its events were counted.
var errBusy = errors.New("the log's events could not be counted, because it is being written all the time: try again")

// missing counts while the log may grow: what its places count lies between what it holds before and after they are read.
func missing(ctx context.Context, h History) (uint64, error) {
	for range countTries {
		before, err := h.Count(ctx)
		if err != nil {
			return 0, err
		}
		places, err := h.Places(ctx)
		if err != nil {
			return 0, err
		}
		var appended uint64
		for _, p := range places {
			appended += p.Events
		}
		if appended <= before {
			return 0, nil
		}
		after, err := h.Count(ctx)
		if err != nil || appended > after {
			return appended - min(appended, after), err
		}
		if !pause(ctx, countPause) {
			return 0, context.Cause(ctx)
		}
	}
	return 0, errBusy
}

// How often events are counted again while the log grows.
const (
	countTries = 20
	countPause = 50 * time.Millisecond
)

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

// folded is what this hub's roster is folded from: the log, and with it, where a hub archives, what the stream no longer has.
type folded struct {
	*eventlog.Log
	hub *Hub
}

// Read implements [projections.Log]. Archive and log are joined at each reading, since both move on.
func (f *folded) Read(ctx context.Context, q events.Query) iter.Seq2[events.Message, error] {
	return func(yield func(events.Message, error) bool) {
		log, err := f.from(ctx, q.From)
		if err != nil {
			yield(events.Message{}, err)
			return
		}
		log.Read(ctx, q)(yield)
	}
}

// from is where a reading from a sequence on is read.
func (f *folded) from(ctx context.Context, seq uint64) (projections.Log, error) {
	note, _, err := archived(ctx, f.hub.Board.Archives)
	switch {
	case err != nil:
		return nil, err
	case seq > note.Sequence: // nothing there is in the archive
		return f.Log, nil
	case f.hub.folder == nil && seq > note.Thinning:
		return f.Log, nil
	case f.hub.folder == nil:
		return nil, fmt.Errorf("events up to %d were archived and removed from the stream: set archive.folder to the archive, which a hub has written to %s", note.Thinning, note.Folder)
	}
	log, err := joined(ctx, f.Log, f.hub.folder.String())
	if err == nil && seq <= note.Thinning {
		return log, complete(ctx, log)
	}
	if err == nil || errors.Is(err, events.ErrEpoch) || ctx.Err() != nil {
		return log, err
	}
	if lacking := complete(ctx, f.Log); lacking != nil {
		return nil, fmt.Errorf("%w, and the archive cannot be read: %w", lacking, err)
	}
	f.hub.opts.Logger.Warn("the archive cannot be read: the roster is folded from the log alone, which is whole", "why", err)
	return f.Log, nil
}
