package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
)

// sumTime bounds summing up, should NATS have gone away.
const sumTime = 30 * time.Second

// call waits for the first roll call to end, showing how it goes, and sums it up.
func (r *rollCall) call(ctx context.Context) error {
	waiting := ctx
	if r.once {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, r.timeout)
		defer cancel()
	}
	stuck, err := r.wait(waiting)
	late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if err != nil && !late {
		return err
	}
	summing, cancel := context.WithTimeout(ctx, sumTime)
	defer cancel()
	s, err := r.hub.Summarize(summing)
	switch {
	case err != nil && late: // what cannot be read is a part of why
		return notCaughtUp(r.timeout, errors.Join(r.hub.Trouble(), err), r.hub.Statuses())
	case err != nil:
		return err
	}
	s.Stuck, s.CaughtUp = stuck, !late && len(stuck) == 0
	if err := r.sum(s); err != nil {
		return err
	}
	switch {
	case late:
		return notCaughtUp(r.timeout, r.hub.Trouble(), s.Connections)
	case r.once && len(stuck) > 0:
		return &waitingForPerson{stuck}
	}
	return nil
}

// wait shows how the connections catch up, until all have.
func (r *rollCall) wait(ctx context.Context) (stuck []string, err error) {
	caught := make(chan error, 1)
	go func() {
		var err error
		stuck, err = r.hub.CaughtUp(ctx)
		caught <- err
	}()
	g := show.Progress{Paper: r.story}
	redraw := time.NewTicker(200 * time.Millisecond)
	defer redraw.Stop()
	for {
		select {
		case err := <-caught:
			g.Show(r.hub.Statuses())
			return stuck, err
		case <-redraw.C:
			g.Show(r.hub.Statuses())
		}
	}
}

// sum writes the summary: to standard output when that is all there is to come, else as a part of the story.
func (r *rollCall) sum(s hub.Summary) error {
	if r.once && r.out.json() {
		return r.facts.JSON(s)
	}
	paper := r.story
	if r.once {
		paper = r.facts
	}
	paper.Summary(show.Summary{
		Agents: s.Agents, Identities: s.Identities, Unowned: s.Unowned, StewardsUnknown: s.StewardsUnknown, ByVendor: s.ByVendor,
		ByStatus: s.ByStatus, Findings: s.Findings, Events: s.Events, LastSequence: s.LastSequence, Blind: s.Blind,
	})
	if !r.once {
		for _, why := range s.Stuck {
			paper.Printf("  %s\n", paper.Red(show.Lines(why)))
		}
	}
	return nil
}

// waitingForPerson says what cannot go on without somebody.
type waitingForPerson struct{ stuck []string }

func (w *waitingForPerson) Error() string {
	text := "all else is read, and this waits for you:"
	for _, why := range w.stuck {
		text += "\n  " + why
	}
	return text
}

// notCaughtUp says which feeds are not caught up, and what each waits for.
func notCaughtUp(timeout time.Duration, trouble error, statuses []connectors.Status) error {
	text := fmt.Sprintf("not caught up after %v (--timeout); the next start goes on from here", timeout)
	if trouble != nil {
		text += "\n  " + trouble.Error()
	}
	for _, s := range statuses {
		if s.CaughtUp() {
			continue
		}
		if s.Reason != "" {
			text += fmt.Sprintf("\n  %s is %s: %s", s.Connection, s.State, s.Reason)
		}
		for _, f := range s.Feeds {
			if waits := waitsFor(f); waits != "" {
				text += fmt.Sprintf("\n  %s %s is %s", s.Connection, f.Name, waits)
			}
		}
	}
	return errors.New(text)
}

// waitsFor says what a feed waits for; nothing of one that has what it can have.
func waitsFor(f connectors.FeedStatus) string {
	switch {
	case f.CaughtUp, f.State == connectors.FeedForbidden:
		return ""
	case f.LastError != "":
		return f.State + ": " + f.LastError
	}
	return f.State
}
