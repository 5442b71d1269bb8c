package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/replay"
)

// delivery are the flags by which a replay goes to a consumer instead of to standard output.
type delivery struct {
	subject, url string
	rate         float64
	dry          bool
}

func (d *delivery) bind(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.subject, "to-subject", "", "deliver to this NATS subject instead of printing")
	f.StringVar(&d.url, "to-url", "", "deliver to this HTTP endpoint instead of printing: a POST of a CloudEvent for each event")
	f.Float64Var(&d.rate, "rate", 100, "with --to-subject or --to-url: events a second, at most")
	f.BoolVar(&d.dry, "dry-run", false, "with --to-subject or --to-url: only say what would go where, and how long it takes")
	c.MarkFlagsMutuallyExclusive("to-subject", "to-url")
	c.MarkFlagsMutuallyExclusive("to-subject", "speed")
	c.MarkFlagsMutuallyExclusive("to-url", "speed")
}

func (d *delivery) asked() bool { return d.subject != "" || d.url != "" }

func (d *delivery) check(c *cobra.Command) error {
	switch {
	case !d.asked() && (d.dry || c.Flags().Changed("rate")):
		return errors.New("--rate and --dry-run need --to-subject or --to-url")
	case !(d.rate > 0 && d.rate <= 1e6):
		return fmt.Errorf("--rate is %v: it must be above 0 and at most a million events a second", d.rate)
	}
	return nil
}

func (d *delivery) target(ctx context.Context, r *hub.Reader) (replay.Target, error) {
	if d.url != "" {
		return replay.NewPoster(d.url)
	}
	return r.Subject(ctx, d.subject)
}

// deliver plans, says what it will do, and does it, with a record in the log of its beginning and its end.
func (f *replayFlags) deliver(c *cobra.Command, r *hub.Reader, filters []events.Filter, stretch replay.Range) error {
	ctx, d := c.Context(), &f.delivery
	to, err := d.target(ctx, r)
	if err != nil {
		return err
	}
	log, err := old(c, r)
	if err != nil {
		return err
	}
	end, err := log.End(ctx) // so that the replay does not deliver its own record
	if err != nil {
		return err
	}
	if stretch.To.Sequence == 0 || stretch.To.Sequence > end.Sequence {
		stretch.To.Sequence = end.Sequence
	}
	out, aside := show.NewPaper(c.OutOrStdout()), show.NewPaper(c.ErrOrStderr())
	all := func() iter.Seq2[events.Stored, error] {
		return f.only.where(ctx, replay.Read(ctx, log, filters, stretch))
	}
	plan, err := replay.NewPlan(all(), d.rate)
	if err != nil {
		return err
	}
	if f.out.json() {
		if err := out.JSON(plan); err != nil {
			return err
		}
	} else if !f.quiet || d.dry {
		showPlan(out, &plan, to)
	}
	if err := f.only.allEvaluated(); err != nil { // what a consumer lacks is not to hang on an expression that is wrong
		return fmt.Errorf("%w: nothing was delivered", err)
	}
	if d.dry || plan.Events == 0 {
		return nil
	}
	rec := &recorder{reader: r, id: strings.ToLower(rand.Text()), to: fmt.Sprint(to), plan: &plan, rate: d.rate}
	if err := rec.write(ctx, "replay_started", nil); err != nil {
		return err
	}
	bar := &show.Bar{Paper: aside, Thing: "event"}
	done, err := replay.Deliver(ctx, all(), to, rec.id, d.rate, func(n uint64) { bar.Show(n, plan.Events) })
	bar.Clear()
	rec.done = &done
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	recorded := rec.write(after, "replay_ended", err)
	for _, damage := range done.Damaged {
		aside.Printf("%s %s\n", aside.Red("damaged:"), show.Lines(damage.Error()))
	}
	if err != nil {
		next := max(done.Last.Sequence+1, plan.From)
		aside.Printf("Stopped after %s. To go on, give the same flags, --from %d and --to %d\n", show.Count(done.Events, "event"), next, plan.Until)
		return err
	}
	if !f.quiet {
		aside.Printf("%s\n", aside.Dim(show.Count(done.Events, "event")+" delivered, replay "+rec.id))
	}
	if len(done.Damaged) > 0 {
		return fmt.Errorf("%s of the log could not be delivered: damaged", show.Count(uint64(len(done.Damaged)), "message"))
	}
	return cmp.Or(recorded, f.only.allEvaluated())
}

func showPlan(p *show.Paper, plan *replay.Plan, to replay.Target) {
	if plan.Events == 0 {
		p.Printf("Nothing to deliver.\n")
		return
	}
	p.Printf("%s, sequence %d to %d, to %s; at least %s\n", show.Count(plan.Events, "event"), plan.From, plan.Until, show.Lines(fmt.Sprint(to)), plan.Least())
	if s, ok := to.(*hub.SubjectTarget); ok && !s.Kept() {
		p.Printf("  %s\n", p.Yellow("no stream keeps this subject: who does not listen now misses it"))
	}
	for _, kind := range plan.Kinds() {
		p.Printf("  %6d  %s\n", plan.Types[kind], show.Lines(string(kind)))
	}
	if plan.Damaged > 0 {
		p.Printf("  %6d  damaged, left out\n", plan.Damaged)
	}
}

// recorder keeps the record of a replay in the log.
type recorder struct {
	reader *hub.Reader
	id, to string
	plan   *replay.Plan
	rate   float64
	done   *replay.Delivered
}

func (r *recorder) write(ctx context.Context, what string, failure error) error {
	a := events.Activity{Type: what, ID: r.id + ":" + what, Message: show.Count(r.plan.Events, "event") + " to " + r.to, Details: map[string]string{
		"replay": r.id, "to": r.to, "events": strconv.FormatUint(r.plan.Events, 10), "rate": strconv.FormatFloat(r.rate, 'g', -1, 64),
		"from": strconv.FormatUint(r.plan.From, 10), "until": strconv.FormatUint(r.plan.Until, 10),
	}}
	if r.done != nil {
		a.Outcome = "success"
		a.Details["delivered"], a.Details["last"] = strconv.FormatUint(r.done.Events, 10), strconv.FormatUint(r.done.Last.Sequence, 10)
	}
	if failure != nil {
		a.Outcome, a.Details["error"] = "failure", failure.Error()
	}
	return r.reader.Record(ctx, slices.Sorted(maps.Keys(r.plan.Tenants)), who(), a)
}
