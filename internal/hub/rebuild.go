package hub

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/internal/failpoint"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

// Rebuilt says what a rebuild has done.
type Rebuilt struct {
	Views
	Sequence uint64 // that the new view reflects at the switch
	Events   uint64 // verified
}

// RebuildProgress is told how far a rebuild is: what it does, and how much of how much.
type RebuildProgress func(step string, done, total uint64)

// Rebuild folds the log into a second view beside the live one, verifies it document by document, and makes it the live one by
// writing one note. Hubs go over to it and readers that open then read it. The former one is kept. What was interrupted goes on
// where it stopped: the second view's checkpoint says where; until the note is written the live view is not touched.
func (r *Reader) Rebuild(ctx context.Context, progress RebuildProgress) (Rebuilt, error) {
	if err := r.MayReadKeys(ctx); err != nil {
		return Rebuilt{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lease, err := r.Boards.Leases.Acquire(ctx, "rebuild."+roster.Name, newID())
	if err != nil {
		return Rebuilt{}, err
	}
	defer lease.Release(context.WithoutCancel(ctx)) //nolint:errcheck // it ends by itself
	go func() {
		select {
		case <-lease.Lost():
			cancel()
		case <-ctx.Done():
		}
	}()
	log, err := r.Whole(ctx)
	if err != nil {
		return Rebuilt{}, err
	}
	v, err := r.planRebuild(ctx)
	if err != nil {
		return Rebuilt{}, err
	}
	failpoint.Hit("rebuild.planned")
	built, err := projections.OpenBucket(ctx, r.js, projections.BucketOptions{Name: v.Building})
	if err != nil {
		return Rebuilt{}, err
	}
	end, err := r.Log.End(ctx)
	if err != nil {
		return Rebuilt{}, err
	}
	err = projections.Build(ctx, projections.Config{
		Name: v.Building, Version: roster.Version, New: roster.New, Log: log, View: built,
		Committed: func(c projections.Checkpoint) { progress("building", c.Sequence, end.Sequence) },
	})
	if err != nil {
		return Rebuilt{}, err
	}
	failpoint.Hit("rebuild.built")
	out, err := r.verifyBuilt(ctx, log, built, v.Building, progress)
	if err != nil {
		return out, err
	}
	failpoint.Hit("rebuild.verified")
	out.Views = Views{Live: v.Building, Former: v.Live}
	if err := setViews(ctx, r.Boards.Views, out.Views); err != nil {
		return out, err
	}
	failpoint.Hit("rebuild.switched")
	return out, nil
}

// planRebuild notes which bucket the rebuild fills, or finds the one that an earlier rebuild has left half full.
func (r *Reader) planRebuild(ctx context.Context) (Views, error) {
	v, err := views(ctx, r.Boards.Views)
	switch {
	case err != nil || v.Building != "":
		return v, err
	case v.Former != "":
		return v, fmt.Errorf("the roster before the last rebuild is still kept in bucket %s: drop it first with `rollcall roster rebuild --drop-former`", v.Former)
	}
	v.Building = nextView(v.Live)
	return v, setViews(ctx, r.Boards.Views, v)
}

// nextView names the bucket after this one: roster, roster_2, roster_3, ...
func nextView(name string) string {
	n, err := strconv.Atoi(strings.TrimPrefix(name, roster.Name+"_"))
	if err != nil {
		n = 1
	}
	return roster.Name + "_" + strconv.Itoa(n+1)
}

func (r *Reader) verifyBuilt(ctx context.Context, log History, built *projections.Bucket, name string, progress RebuildProgress) (Rebuilt, error) {
	s, err := built.Snapshot(ctx)
	if err != nil {
		return Rebuilt{}, err
	}
	var total uint64
	v, err := replay.Verify(ctx, log, s, roster.Version, roster.New, func(pending uint64) {
		total = max(total, pending+1)
		progress("verifying", total-pending, total)
	})
	out := Rebuilt{Sequence: v.Checkpoint.Sequence, Events: v.Events}
	if err == nil && len(v.Differences) > 0 {
		err = fmt.Errorf("the new view in bucket %s differs from the log in %d documents: nothing was switched", name, len(v.Differences))
	}
	return out, err
}

// DropFormer removes the view that was live before the last rebuild, and returns its name.
func (r *Reader) DropFormer(ctx context.Context) (string, error) {
	v, err := views(ctx, r.Boards.Views)
	if err != nil {
		return "", err
	}
	name := v.Former
	if name == "" || name == v.Live {
		return "", errNothingFormer
	}
	if err := r.js.DeleteKeyValue(ctx, name); err != nil && !isNotFound(err) {
		return name, fmt.Errorf("removing bucket %s: %w", name, err)
	}
	v.Former = ""
	return name, setViews(ctx, r.Boards.Views, v)
}

func isNotFound(err error) bool {
	return errors.Is(err, jetstream.ErrBucketNotFound) || errors.Is(err, jetstream.ErrStreamNotFound)
}
