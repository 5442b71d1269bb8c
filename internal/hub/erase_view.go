package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Document is where a view has a person.
type Document struct {
	View string `json:"view"` // its bucket
	Key  string `json:"key"`

	body []byte // without name and addresses
}

// documentsOf finds what the live view, the one before it and one that is being built tell of a person.
func (r *Reader) documentsOf(ctx context.Context, id events.PersonID) ([]Document, error) {
	v, err := views(ctx, r.Boards.Views)
	if err != nil {
		return nil, err
	}
	out := []Document{}
	for _, name := range nonEmpty([]string{v.Live, v.Former, v.Building}) {
		found, err := r.documentsIn(ctx, name, id)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func (r *Reader) documentsIn(ctx context.Context, name string, id events.PersonID) ([]Document, error) {
	b, err := projections.OpenBucket(ctx, r.js, projections.BucketOptions{Name: name, ReadOnly: true})
	if err != nil {
		if _, gone := r.js.KeyValue(ctx, name); errors.Is(gone, jetstream.ErrBucketNotFound) {
			return nil, nil
		}
		return nil, err
	}
	var out []Document
	for _, pattern := range []string{roster.HolderKey(id.Tenant, id.Connection, id.ID), roster.AgentsPattern(id.Tenant)} {
		for d, err := range b.List(ctx, pattern) {
			if err != nil {
				return nil, fmt.Errorf("reading view %s: %w", name, err)
			}
			bare, err := bareDocument(d, id)
			if err != nil {
				return nil, err
			}
			if bare != nil {
				out = append(out, Document{View: name, Key: d.Key, body: bare})
			}
		}
	}
	return out, nil
}

// bareDocument is the document without the person's name and addresses, as the fold of an erased person writes it; nil: it has none.
func bareDocument(d projections.Document, id events.PersonID) ([]byte, error) {
	bare := func(i *roster.Identity) bool {
		p := i.Person
		if p == nil || (events.PersonID{Tenant: i.Tenant, Connection: i.Connection, ID: i.Holder}) != id || p.Withheld == events.WithheldErased {
			return false
		}
		i.Person = p.Without(events.WithheldErased)
		return true
	}
	if d.Key == roster.HolderKey(id.Tenant, id.Connection, id.ID) {
		var i roster.Identity
		if err := events.Unmarshal(d.Body, &i); err != nil {
			return nil, fmt.Errorf("document %s: %w", d.Key, err)
		}
		if !bare(&i) {
			return nil, nil
		}
		return events.Marshal(i)
	}
	var a roster.Agent
	if err := events.Unmarshal(d.Body, &a); err != nil {
		return nil, fmt.Errorf("document %s: %w", d.Key, err)
	}
	found := false
	for n := range a.Identities {
		found = bare(&a.Identities[n]) || found
	}
	if !found {
		return nil, nil
	}
	return events.Marshal(a)
}

// bareCopies takes name and addresses out of the views that no hub keeps. It is what the log folds into at their checkpoints, too, now that
// the key is destroyed.
func (r *Reader) bareCopies(ctx context.Context, id events.PersonID) error {
	v, err := views(ctx, r.Boards.Views)
	if err != nil {
		return err
	}
	for _, name := range nonEmpty([]string{v.Former, v.Building}) {
		found, err := r.documentsIn(ctx, name, id)
		if err != nil {
			return err
		}
		for _, d := range found {
			kv, err := r.js.KeyValue(ctx, d.View)
			if err == nil {
				_, err = kv.Put(ctx, d.Key, d.body)
			}
			if err != nil {
				return fmt.Errorf("erasing the person from view %s: %w", name, err)
			}
		}
	}
	return nil
}

// viewWait is how long a hub may take to bring the roster up to date.
const viewWait = 30 * time.Second

// untilViewed waits until the live view reflects a position. The hub that holds the view's lease sees to that; where nobody does, it is done
// here.
func (r *Reader) untilViewed(ctx context.Context, at events.Position) error {
	ctx, cancel := context.WithTimeout(ctx, viewWait)
	held := make(chan *eventlog.Lease, 1)
	go func() {
		defer close(held)
		if l, err := r.Boards.Leases.Acquire(ctx, "view."+roster.Name, newID()); err == nil {
			held <- l
		}
	}()
	var lease *eventlog.Lease
	defer func() {
		cancel()
		if lease == nil {
			lease = <-held // it may have been acquired at the last moment
		}
		if lease != nil {
			_ = lease.Release(context.WithoutCancel(ctx)) // it ends by itself
		}
	}()
	waiting := held
	for {
		view, reflects, err := r.look(ctx, at)
		unanswered := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
		if reflects || err != nil && !unanswered {
			return err
		}
		if lease != nil && !unanswered {
			if err := projections.Build(ctx, projections.Config{Name: roster.Name, Version: roster.Version, New: roster.New, Log: r.Log, View: view}); err != nil {
				return err
			}
			continue
		}
		select {
		case l, ok := <-waiting:
			if lease = l; !ok {
				waiting = nil
			}
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the roster has not reached position %s", at)
		}
	}
}

// lookWait is how long the server may take to say how far a view is: in a cluster that has no leader it says nothing.
const lookWait = 5 * time.Second

// look opens the live view, and reports whether it reflects a position.
func (r *Reader) look(ctx context.Context, at events.Position) (view *projections.Bucket, reflects bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	v, err := views(ctx, r.Boards.Views)
	if err != nil {
		return nil, false, err
	}
	if view, err = openView(ctx, r.js, v.Live, 0, true); err != nil {
		return nil, false, err
	}
	c, err := view.Checkpoint(ctx)
	return view, err == nil && c.Epoch == at.Epoch && c.Sequence >= at.Sequence && !c.Rebuilding, err
}
