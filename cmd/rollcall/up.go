package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/replay"
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
		Short: "Call the roll: read the vendors, keep log and roster, go on until Ctrl-C",
		Long: `Starts NATS (or joins yours), reads every configured connection, keeps the log and the roster, and shows what changes.
With --demo it starts three imitation vendors too, whose company changes something every few seconds. All state lies under one
folder; a second start goes on from where the first one stopped.`,
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
	f.BoolVarP(&u.quiet, "quiet", "q", false, "show no progress and no events")
	f.BoolVarP(&u.verbose, "verbose", "v", false, "show what the hub has to say of its own work")
	u.out.bind(c)
	c.MarkFlagsMutuallyExclusive("config", "demo")
	return c
}

func (u *upFlags) run(c *cobra.Command) error {
	ctx := c.Context()
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
	h, err := hub.Open(ctx, hub.Options{Config: cfg, Vendors: all.Vendors, Logger: u.logger(c)})
	if err != nil {
		return joinHint(err)
	}
	defer h.Close()
	paper := show.NewPaper(c.OutOrStdout())
	if u.quiet || u.out.json() {
		paper = show.NewPaper(c.ErrOrStderr())
	}
	if !u.quiet && !u.out.json() {
		paper.Opening(opening(cfg, company, h))
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.Run(ctx) })
	g.Go(func() error {
		defer func() {
			if u.once {
				stop()
			}
		}()
		if err := u.call(ctx, c, h, paper); err != nil || u.once {
			return err
		}
		return u.watch(ctx, h, company, paper)
	})
	err = g.Wait()
	if c.Context().Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		if !u.quiet && !u.out.json() {
			paper.Printf("\n%s\n", paper.Dim("stopped; the next start goes on from here"))
		}
		return nil
	}
	return err
}

// configure makes the configuration, and with --demo the company that it reads.
func (u *upFlags) configure() (config.Config, *demo.Company, error) {
	switch {
	case u.demo:
		return u.demonstrate()
	case u.file == "":
		return config.Config{}, nil, errors.New("say what to read: --config FILE for your tenants (docs/rollcall.example.yaml is one to start from), or --demo")
	case u.company.Seed != 0 || u.company.Agents != 0:
		return config.Config{}, nil, errors.New("--seed and --agents size the demo's company: they need --demo")
	}
	cfg, err := config.Load(u.file, all.Vendors, os.LookupEnv)
	if u.data != "" {
		cfg.Data = u.data
	}
	return cfg, nil, err
}

func (u *upFlags) demonstrate() (config.Config, *demo.Company, error) {
	cfg := config.Default()
	if u.data != "" {
		cfg.Data = u.data
	}
	if holder, err := natsd.Find(cfg.Data); err == nil {
		return cfg, nil, joinHint(&natsd.InUseError{Dir: cfg.Data, Holder: holder})
	}
	u.company.Dir = filepath.Join(cfg.Data, "sandboxes")
	company, err := demo.Start(u.company)
	if err != nil {
		return cfg, nil, err
	}
	cfg.Tenants = []config.Tenant{{Name: "demo", Connections: company.Connections()}}
	return cfg, company, nil
}

func (u *upFlags) logger(c *cobra.Command) *slog.Logger {
	level := slog.LevelWarn
	if u.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
}

// joinHint says how to join a hub that has the folder already.
func joinHint(err error) error {
	var used *natsd.InUseError
	if !errors.As(err, &used) {
		return err
	}
	return fmt.Errorf("%w\n  to see what it does: rollcall tail --data %s\n  to add a standby: rollcall up --config FILE, with nats.urls: [%s]",
		err, used.Dir, used.Holder.URL)
}

func opening(cfg config.Config, company *demo.Company, h *hub.Hub) show.Opening {
	o := show.Opening{Title: "Rollcall calls the roll", NATS: h.URL, Durability: h.Log.Durability().String()}
	if cfg.NATS.Embedded() {
		o.Data = cfg.Data
	}
	if company != nil {
		o.Title += " of " + company.Name + ", a company made up for this demo"
	}
	for _, t := range cfg.Tenants {
		for _, c := range t.Connections {
			endpoint := c.Endpoint
			if endpoint == "" {
				endpoint = "the vendor's own endpoint"
			}
			o.Endpoints = append(o.Endpoints, [2]string{c.Name, endpoint})
		}
	}
	return o
}

// call waits for the first roll call to end, showing how it goes, and sums it up.
func (u *upFlags) call(ctx context.Context, c *cobra.Command, h *hub.Hub, paper *show.Paper) error {
	if u.once {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, u.timeout)
		defer cancel()
	}
	caught := make(chan error, 1)
	var stuck []string
	go func() {
		var err error
		stuck, err = h.CaughtUp(ctx)
		caught <- err
	}()
	err := u.progress(h, paper, caught)
	if errors.Is(err, context.DeadlineExceeded) {
		return u.late(h)
	}
	if err != nil {
		return err
	}
	s, err := h.Summarize(ctx)
	if err != nil {
		return err
	}
	switch {
	case u.out.json() && u.once:
		err = show.NewPaper(c.OutOrStdout()).JSON(s)
	case !u.quiet && !u.out.json():
		paper.Summary(show.Summary{Agents: s.Agents, Identities: s.Identities, Unowned: s.Unowned, ByVendor: s.ByVendor, ByStatus: s.ByStatus,
			Events: s.Events, LastSequence: s.LastSequence, Stuck: stuck})
	}
	if err == nil && u.once && len(stuck) > 0 {
		for _, why := range stuck {
			c.PrintErrln("rollcall:", why)
		}
		return errShown
	}
	return err
}

func (u *upFlags) progress(h *hub.Hub, paper *show.Paper, caught <-chan error) error {
	g := show.Progress{Paper: paper}
	redraw := time.NewTicker(200 * time.Millisecond)
	defer redraw.Stop()
	for {
		select {
		case err := <-caught:
			if err == nil && !u.quiet && !u.out.json() {
				g.Show(h.Statuses())
			}
			return err
		case <-redraw.C:
			if !u.quiet && !u.out.json() {
				g.Show(h.Statuses())
			}
		}
	}
}

// late says which feeds are not caught up.
func (u *upFlags) late(h *hub.Hub) error {
	text := fmt.Sprintf("not caught up after %v (--timeout)", u.timeout)
	for _, s := range h.Statuses() {
		for _, f := range s.Feeds {
			if !f.CaughtUp {
				text += fmt.Sprintf("\n  %s %s is %s: %s", s.Connection, f.Name, f.State, f.LastError)
			}
		}
	}
	return errors.New(text)
}

// watch shows the events from now on, and has the demo's company change.
func (u *upFlags) watch(ctx context.Context, h *hub.Hub, company *demo.Company, paper *show.Paper) error {
	g, ctx := errgroup.WithContext(ctx)
	end, err := h.Log.End(ctx)
	if err != nil {
		return err
	}
	if !u.quiet && !u.out.json() {
		paper.Printf("\n%s\n\n", paper.Dim("Watching for changes. Ctrl-C stops."))
	}
	g.Go(func() error { return u.follow(ctx, h, paper, end.Sequence+1) })
	if company != nil {
		g.Go(func() error {
			return company.Drive(ctx, u.every, func(vendor string, o sandbox.Outcome) {
				if !u.quiet && !u.out.json() {
					paper.Deed(o.At, vendor, o.Text)
				}
			})
		})
	}
	return g.Wait()
}

func (u *upFlags) follow(ctx context.Context, h *hub.Hub, paper *show.Paper, from uint64) error {
	names, err := h.Names(ctx)
	if err != nil {
		return err
	}
	for m, err := range replay.Follow(ctx, h.Log, []events.Filter{{}}, from) {
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, events.ErrEpoch):
			return nil // the hub opens the log again and says so
		case err != nil:
			return err
		case u.quiet:
			continue
		case u.out.json():
			err = show.NewPaper(os.Stdout).EventJSON(&m)
		default:
			err = paper.Event(&m, names)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
