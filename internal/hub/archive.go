package hub

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// archiveEvery bounds how long a hub waits before it looks again whether something is to be archived.
const archiveEvery = time.Minute

// keepArchive archives the log as it grows, while this hub holds the lease of the folder. What fails is tried again: that nothing can be archived
// stops nobody from reading the vendors.
func (h *Hub) keepArchive(ctx context.Context) error {
	every := min(max(h.opts.Config.Archive.Age/4, 100*time.Millisecond), archiveEvery)
	told := ""
	for ctx.Err() == nil {
		err := h.archiveWhileHeld(ctx, every)
		switch {
		case ctx.Err() != nil || err == nil:
			continue
		case errors.Is(err, events.ErrEpoch):
			return err
		case errors.Is(err, archive.ErrOvertaken):
			h.opts.Logger.Debug("the archive is opened again", "why", err)
		case err.Error() != told:
			told = err.Error()
			h.opts.Logger.Warn("the log could not be archived; this is tried again", "why", err)
		}
		if !pause(ctx, every) {
			break
		}
	}
	return nil
}

// archiveWhileHeld archives until the lease is lost (nil) or something fails.
func (h *Hub) archiveWhileHeld(ctx context.Context, every time.Duration) error {
	lost, release, err := h.lease("archive." + h.folder.String())(ctx)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a, err := archive.Open(ctx, h.folder)
	if err != nil {
		return err
	}
	if err := mayArchive(ctx, h.Board.Archives, h.Log(), a); err != nil {
		return err
	}
	for c, known := h.opts.Config.Archive, uint64(0); ; {
		w, err := a.Write(ctx, h.Log(), archive.Options{Events: c.Segment, Age: c.Age})
		if err != nil {
			return err
		}
		if w.Segments > 0 {
			h.opts.Logger.Debug("archived", "segments", w.Segments, "events", w.Events, "bytes", w.Size, "damaged", w.Damaged)
		}
		if last, ok := a.Last(); ok && last.Number != known {
			if err := h.noteArchived(ctx, last); err != nil {
				return err
			}
			known = last.Number
		}
		if err := h.thin(ctx, a); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-lost:
			return nil
		case <-time.After(every):
		}
	}
}

// MayArchive refuses to go on with an archive that lacks what a hub has archived elsewhere and then removed from the stream: it would seem whole.
func (r *Reader) MayArchive(ctx context.Context, a *archive.Archive) error {
	return mayArchive(ctx, r.Boards.Archives, r.Log, a)
}

func mayArchive(ctx context.Context, board *eventlog.Board, log archive.Whole, a *archive.Archive) error {
	note, ok, err := archived(ctx, board)
	if err != nil || !ok || note.Thinning == 0 {
		return err
	}
	whole, err := archive.Join(ctx, log, a)
	if err != nil {
		return err
	}
	if err := complete(ctx, whole); err != nil {
		return fmt.Errorf("the archive in %s cannot be continued: %w. A hub has archived them to %s and removed them from the stream: copy that archive", a.Store(), err, note.Folder)
	}
	return nil
}

// noteArchived says for readers where the archive lies and how far it goes.
func (h *Hub) noteArchived(ctx context.Context, last archive.Entry) error {
	folder, err := filepath.Abs(h.folder.String())
	if err != nil {
		return err
	}
	return h.note(ctx, func(n *Archived) {
		n.Folder, n.Segment, n.Digest, n.Epoch, n.Sequence = folder, last.Number, last.Digest, last.Epoch, last.To
	})
}

// note alters the note; who holds the lease does it.
func (h *Hub) note(ctx context.Context, alter func(*Archived)) error {
	n, _, err := archived(ctx, h.Board.Archives)
	if err != nil {
		return err
	}
	alter(&n)
	b, err := events.Marshal(n)
	if err != nil {
		return err
	}
	return h.Board.Archives.Put(ctx, archivedKey, b)
}

// Drops says with a *[eventlog.SettingsError] that the log's stream removes messages by itself, as no hub's stream does.
func (r *Reader) Drops(ctx context.Context) error {
	name := r.stream
	if name == "" {
		name = eventlog.DefaultStream
	}
	js, err := jetstream.New(r.nc)
	if err != nil {
		return err
	}
	s, err := js.Stream(ctx, name)
	if err != nil {
		return fmt.Errorf("looking at the limits of stream %s: %w", name, err)
	}
	return eventlog.CheckLimits(s.CachedInfo().Config)
}
