package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
)

// printer prints events and keeps count.
type printer struct {
	ctx     context.Context
	paper   *show.Paper
	aside   *show.Paper // standard error: what is not an event
	format  string
	names   *show.Names
	printed uint64
	damaged uint64
	last    events.Position // of what was printed last, or found damaged

	// progress, if set, is told after each message how many are still to come.
	progress func(pending uint64)
}

func newPrinter(c *cobra.Command, r *hub.Reader, out *output) (*printer, error) {
	p := &printer{ctx: c.Context(), paper: show.NewPaper(c.OutOrStdout()), aside: show.NewPaper(c.ErrOrStderr()), format: out.format}
	var err error
	if p.format == "text" {
		p.names, err = show.NamesIn(p.ctx, r.Roster, "")
	}
	return p, err
}

// print prints all messages. What is damaged is told of on standard error, and printing goes on.
func (p *printer) print(messages iter.Seq2[events.Stored, error]) error {
	for s, err := range messages {
		if err == nil {
			err = p.one(&s)
		}
		switch {
		case events.Damaged(err):
			p.damaged++
			p.aside.Printf("%s %s\n", p.aside.Red("damaged:"), show.Lines(err.Error()))
		case err != nil:
			return err
		default:
			p.printed++
		}
		p.last = s.Position
		if p.progress != nil {
			p.progress(s.Pending)
		}
		if p.ctx.Err() != nil {
			return context.Cause(p.ctx)
		}
	}
	return nil
}

func (p *printer) one(s *events.Stored) error {
	switch p.format {
	case "json":
		return p.paper.StoredJSON(s)
	case cloudEvents:
		return p.paper.StoredCloudEvent(s)
	}
	m, err := s.Message()
	if err != nil {
		return err
	}
	return p.paper.Event(&m, p.names)
}

// end says how much was printed.
func (p *printer) end() error {
	if p.damaged > 0 {
		return fmt.Errorf("%d messages of the log are damaged; `rollcall log verify` looks at all of it", p.damaged)
	}
	return nil
}
