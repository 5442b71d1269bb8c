package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
)

// Snapshot is a whole view as it was at one of its checkpoints.
type Snapshot struct {
	Checkpoint Checkpoint
	Documents  map[string][]byte // by key
}

// How long a view may say nothing.
var (
	snapshotQuiet   = time.Second      // after which what lies behind its last checkpoint is no commit on its way
	snapshotSilence = 10 * time.Second // after which one that is being rebuilt is held to be left so
)

// Snapshot reads the whole view as it was at one checkpoint, while it is written to. A commit ends with its checkpoint, and what is
// read comes in the order of the commits. So what has been read at a checkpoint is whole, if that lies where the view's stream ended
// when all keys had been read once, or behind it; before, a document that was just being replaced may be missing. The stream's
// end itself proves nothing: it may lie within a commit. What somebody else has written behind the last checkpoint is read as well.
func (b *Bucket) Snapshot(ctx context.Context) (Snapshot, error) {
	s := Snapshot{Documents: map[string][]byte{}}
	w, err := b.kv.WatchAll(ctx)
	if err != nil {
		return s, fmt.Errorf("reading view %s: %w", b.name, err)
	}
	defer w.Stop() //nolint:errcheck // a watch that cannot be ended has ended with its connection
	look := time.NewTicker(snapshotQuiet)
	defer look.Stop()
	var end uint64 // the stream's when all keys had been read once
	var newest uint64
	read, committed, heard := false, true, time.Now()
	for !read || !committed || newest < end || s.Checkpoint.Rebuilding {
		select {
		case <-ctx.Done():
			return s, context.Cause(ctx)
		case <-look.C:
			switch silent := time.Since(heard); {
			case silent >= snapshotQuiet && read && newest >= end && !s.Checkpoint.Rebuilding:
				return s, nil
			case silent >= snapshotSilence:
				return s, fmt.Errorf("view %s is not whole: it is being rebuilt, or its hub ended while it was: a hub must run to make it whole", b.name)
			}
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return s, errors.New("the connection to NATS was lost while the view was read")
			case e == nil:
				read = true
				end, err = b.end(ctx)
			default:
				newest = e.Revision()
				committed, err = s.take(b.own, e)
			}
			if err != nil {
				return s, fmt.Errorf("reading view %s: %w", b.name, err)
			}
			heard = time.Now()
		}
	}
	return s, nil
}

// take puts an entry into the snapshot and reports whether it is the checkpoint.
func (s *Snapshot) take(own string, e jetstream.KeyValueEntry) (bool, error) {
	switch {
	case e.Key() == own:
		s.Checkpoint = Checkpoint{}
		if err := events.Unmarshal(e.Value(), &s.Checkpoint); err != nil {
			return true, fmt.Errorf("checkpoint %s: %w", own, err)
		}
		s.Checkpoint.Revision = e.Revision()
		return true, nil
	case strings.HasPrefix(e.Key(), checkpointPrefix+"."):
	case e.Operation() != jetstream.KeyValuePut:
		delete(s.Documents, e.Key())
	default:
		s.Documents[e.Key()] = e.Value()
	}
	return false, nil
}

// end is the last sequence of the bucket's stream.
func (b *Bucket) end(ctx context.Context) (uint64, error) {
	s, err := b.js.Stream(ctx, b.stream())
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.LastSeq, nil
}
