package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
)

// upFlags are the flags of `rollcall up`.
type upFlags struct {
	file    string
	demo    bool
	company demo.Options
	data    string
	once    bool
	every   time.Duration
	timeout time.Duration
	quiet   bool
	verbose bool
	out     output
}

func upCommand() *cobra.Command {
	u := &upFlags{}
	c := &cobra.Command{
		Use:   "up",
		Short: "Call the roll: read vendors, keep log and roster, show changes",
		Long: `Starts NATS (or joins yours), reads every configured connection, keeps the log
and the roster, and shows what changes. With --demo it starts three imitation
vendors too, whose company changes something every few seconds. All state lies
under one folder; a second start goes on from where the first one stopped.

With --once it ends when every feed is caught up and the roster covers the log.
It exits 1 when something waits for a person, such as a refused token, after
everything else was read; a feed that may not be read is shown, and is no
failure.

With --output json standard output has JSON alone, and the story goes to
standard error: with --once one object, the summary (agents, identities,
events, last_sequence, by_vendor, by_status, unowned, stewards_unknown,
caught_up, stuck, blind, connections); without, one event in CloudEvents form
per line.`,
		Example: `  rollcall up --demo
  rollcall up --demo --agents 500 --data /tmp/big
  rollcall up --demo --once --output json
  rollcall up --config rollcall.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return u.run(c) },
	}
	f := c.Flags()
	f.StringVarP(&u.file, "config", "c", "", "configuration file")
	f.BoolVar(&u.demo, "demo", false, "read three imitation vendors that are started with the hub")
	f.StringVar(&u.data, "data", "", "folder of all local state (default "+config.DefaultData+", or what the configuration says)")
	f.BoolVar(&u.once, "once", false, "end when every feed is caught up and the roster covers the log; the demo makes no changes")
	f.DurationVar(&u.timeout, "timeout", 10*time.Minute, "with --once: give up after this long")
	f.Uint64Var(&u.company.Seed, "seed", 0, "with --demo: seed of the company (default 1)")
	f.IntVar(&u.company.Agents, "agents", 0, "with --demo: agents of the company over all vendors (default 60)")
	f.DurationVar(&u.every, "every", 4*time.Second, "with --demo: how often the company changes something")
	f.BoolVarP(&u.quiet, "quiet", "q", false, "tell no story: with --once only the summary, else nothing but errors")
	f.BoolVarP(&u.verbose, "verbose", "v", false, "show what the hub has to say of its own work")
	u.out.bind(c)
	c.MarkFlagsMutuallyExclusive("config", "demo")
	return c
}

// run opens the hub and calls the roll. What was started is ended in the reverse order: first the hub, then the vendors.
func (u *upFlags) run(c *cobra.Command) error {
	cfg, company, err := u.configure()
	if err != nil {
		return err
	}
	if company != nil {
		defer func() {
			if err := company.Close(); err != nil {
				c.PrintErrln("the sandboxes did not end cleanly:", err)
			}
		}()
	}
	logger := u.logger(c)
	slog.SetDefault(logger) // the embedded server's
	h, err := hub.Open(c.Context(), hub.Options{Config: cfg, Vendors: all.Vendors, Logger: logger})
	if err != nil {
		return joinHint(err)
	}
	defer h.Close()
	r := &rollCall{upFlags: u, hub: h, company: company, story: u.story(c), facts: show.NewPaper(c.OutOrStdout()), names: show.NewNames()}
	r.story.Opening(opening(cfg, company, h))
	err = r.run(c.Context())
	if c.Context().Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return r.interrupted()
	}
	return err
}

// story is where the story of a roll call is told: standard output, unless that is for a program.
func (u *upFlags) story(c *cobra.Command) *show.Paper {
	switch {
	case u.quiet:
		return show.NewPaper(io.Discard)
	case u.out.json():
		return show.NewPaper(c.ErrOrStderr())
	}
	return show.NewPaper(c.OutOrStdout())
}

func (u *upFlags) logger(c *cobra.Command) *slog.Logger {
	level := slog.LevelWarn
	if u.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
}

// rollCall is a running `rollcall up`.
type rollCall struct {
	*upFlags
	hub     *hub.Hub
	company *demo.Company // nil: real vendors
	story   *show.Paper   // for people
	facts   *show.Paper   // the result: standard output
	names   *show.Names
}

// run has the hub work, calls the roll and, unless it is to be called once, watches what changes.
func (r *rollCall) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.hub.Run(ctx) })
	g.Go(func() error {
		if r.once {
			defer stop()
			return r.call(ctx)
		}
		if err := r.call(ctx); err != nil {
			return err
		}
		return r.watch(ctx)
	})
	return g.Wait()
}

// interrupted is how a roll call ends by Ctrl-C: that is how one ends that goes on for ever, and a failure of one that does not.
func (r *rollCall) interrupted() error {
	if r.once {
		return errors.New("stopped before every feed was caught up; the next start goes on from here")
	}
	r.story.Printf("\n%s\n", r.story.Dim("Stopped. The next start goes on from here."))
	return nil
}
