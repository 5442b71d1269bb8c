package main

import (
	"bufio"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/replay"
)

// replayFlags are the flags of `rollcall replay`.
type replayFlags struct {
	out      output
	only     selection
	from, to string
	pace     string
	quiet    bool
	delivery delivery
}

func replayCommand() *cobra.Command {
	f := &replayFlags{}
	c := &cobra.Command{
		Use:   "replay",
		Short: "Print history, or deliver it again: any stretch of the log",
		Long: `Prints history from the log. --from and --to take a sequence (42), a time
(2026-11-23T12:00:00Z, 2026-11-23), or how long ago (2h, 7d); both ends are
included, a last day whole. A time without a zone is in that of this machine,
and times are when the hub's server stored an event.

Standard error gets the exact count at the end, and how to go on when it was
interrupted; where it is a terminal and standard output is not, progress too.
A message that is damaged is told of there and passed over; then it exits 1.

` + aboutFilter + `

With --to-subject or --to-url the events go to one consumer that lost its state,
as CloudEvents with id, time and all else as they were, marked by the extensions
replay, sequence and epoch. First it says how many of which types go where, and
how long that takes; --dry-run ends there. The log records that it was done.

With --output json it is one event per line, in CloudEvents form with its
position; with --output cloudevents plain CloudEvents, the position in the
extensions sequence and epoch. Both give the bytes that the log holds, but for
what is sealed of a person: it is opened, unless the person was erased or this
user may not read the keys, which "withheld" says. What is delivered stays sealed.
Of a delivery, --output json prints the plan: events, types, tenants, from,
until, damaged, seconds.`,
		Example: `  rollcall replay --from 2h
  rollcall replay --from 2026-11-01 --to 2026-11-30 --agent "Invoice matcher"
  rollcall replay --kind grant --output json > grants.jsonl
  rollcall replay --filter 'data.changed.status == "active" && tenant != "lab"'
  rollcall replay --filter 'data.entity.agent.labels.exists(l, l.startsWith("team="))'
  rollcall replay --from 1h --speed 10x
  rollcall replay --from 2026-11-01 --to-subject siem.refill --dry-run
  rollcall replay --from 9042 --to-url https://siem.example/in --rate 50`,
		Args: cobra.NoArgs,
	}
	w := whereOld(c)
	f.out.bind(c, cloudEvents)
	f.only.bind(c)
	c.Flags().StringVar(&f.from, "from", "", "first sequence or time (default the log's start)")
	c.Flags().StringVar(&f.to, "to", "", "last sequence or time (default the log's end)")
	c.Flags().StringVar(&f.pace, "speed", "max", "1x: as far apart as the events were stored, 10x: ten times as fast, max: as fast as they can be read")
	c.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "nothing but events and errors")
	f.delivery.bind(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := f.delivery.check(c); err != nil {
			return err
		}
		stretch, err := replay.ParseRange(f.from, f.to, time.Now())
		if err != nil {
			return err
		}
		speed, err := replay.ParseSpeed(f.pace)
		if err != nil {
			return err
		}
		if err := f.only.parse(c); err != nil {
			return err
		}
		return reading(c.Context(), w, func(r *hub.Reader) error {
			filters, err := f.only.filters(c.Context(), r)
			if err != nil {
				return err
			}
			if f.delivery.asked() {
				return f.deliver(c, r, filters, stretch)
			}
			return f.run(c, r, filters, stretch, speed)
		})
	}
	return c
}

// run prints what was selected, and tells on standard error how far it came.
func (f *replayFlags) run(c *cobra.Command, r *hub.Reader, filters []events.Filter, stretch replay.Range, speed replay.Speed) error {
	log, err := old(c, r)
	if err != nil {
		return err
	}
	p, err := newPrinter(c, r, &f.out)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(p.paper.Writer, 1<<16)
	bar := newBar(c, "event")
	if f.quiet || p.paper.Width > 0 { // what is printed on the same terminal would run into it
		bar.Paper = &show.Paper{Writer: p.aside.Writer}
	}
	p.paper.Writer = buffered
	p.progress = func(pending uint64) {
		bar.pending(pending)
		if speed != replay.MaxSpeed || pending == 0 {
			_ = buffered.Flush() // a failure is kept, and is the next write's
		}
	}
	selected := f.only.where(c.Context(), replay.Read(c.Context(), log, filters, stretch))
	err = p.print(replay.Pace(c.Context(), selected, speed))
	bar.Clear()
	if flushed := buffered.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		p.interrupted()
		return err
	}
	if !f.quiet {
		p.aside.Printf("%s\n", p.aside.Dim(show.Count(p.printed, "event")))
	}
	return errors.Join(p.end(), f.only.allEvaluated())
}

// interrupted says how to go on. The flags are not repeated: there may be a password among them.
func (p *printer) interrupted() {
	if p.last.Sequence == 0 {
		return
	}
	p.aside.Printf("Stopped after %s. To go on, give the same flags and --from %d\n", show.Count(p.printed, "event"), p.last.Sequence+1)
}
