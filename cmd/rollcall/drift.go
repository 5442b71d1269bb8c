package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/replay"
)

func rosterDriftCommand() *cobra.Command {
	var (
		out          output
		file, tenant string
		timeout      time.Duration
	)
	c := &cobra.Command{
		Use:   "drift --config FILE",
		Short: "Read the vendors now and compare: what they have that the roster has not",
		Long: `Reads every configured connection now, in full and into memory alone, and
compares what the vendors have with the roster: what the roster is missing, what
it has beyond them, and what is not the same, each with its likely cause, such as
a feed that has not read since, may not see, fails, or is held by the breaker.
Neither log nor roster is written. It costs the vendors as many calls as a first
pass, within the connection's rate_share beside those of a running hub.

It prints nothing and exits 0 when both agree; else it exits 1. What this reading
could not see, and what changed while it was read, is said and is no drift. A
connection that cannot be read proves nothing, and is a failure as well.

With --output json it is one object: identities (that were compared), the list
drift, each with connection, holder, kind, key, how (missing, extra, differs),
fields, cause, why and certain, and the list unread of connections.`,
		Example: `  rollcall roster drift --config rollcall.yaml
  rollcall roster drift --config rollcall.yaml --tenant acme --output json | jq -r '.drift[].why'`,
		Args: cobra.NoArgs,
	}
	w := where(c)
	out.bind(c)
	f := c.Flags()
	f.StringVarP(&file, "config", "c", "", "configuration file")
	f.StringVar(&tenant, "tenant", "", "only of this tenant")
	f.DurationVar(&timeout, "timeout", 10*time.Minute, "give up reading after this long")
	_ = c.MarkFlagRequired("config") // the flag exists
	c.RunE = func(c *cobra.Command, _ []string) error {
		if timeout <= 0 {
			return fmt.Errorf("--timeout is %v: it must be longer than nothing", timeout)
		}
		cfg, err := config.Load(file, all.Vendors, os.LookupEnv)
		if err != nil {
			return err
		}
		return reading(c.Context(), whereOf(c, w, &cfg), func(r *hub.Reader) error {
			aside := show.NewPaper(c.ErrOrStderr())
			o := hub.DriftOptions{Config: cfg, Vendors: all.Vendors, Timeout: timeout, Tenant: tenant}
			if aside.Width > 0 { // somebody watches
				aside.Printf("Reading the vendors into memory. Log and roster are not written.\n")
				g := show.Progress{Paper: aside}
				o.Show = func(s []connectors.Status) { g.Show(s) }
			}
			report, err := r.Drift(c.Context(), o)
			if err != nil {
				return err
			}
			return showDrift(c, r, &report, &out)
		})
	}
	return c
}

// whereOf is where a configuration's hub is found, unless the flags say.
func whereOf(c *cobra.Command, w *hub.Where, cfg *config.Config) *hub.Where {
	f := c.Flags()
	if f.Changed("data") || f.Changed("nats") || f.Changed("nats-context") {
		return w
	}
	found := hub.Where{Data: cfg.Data, Stream: cfg.NATS.Stream, Context: cfg.NATS.Context}
	if len(cfg.NATS.URLs) > 0 {
		found.URL = cfg.NATS.URLs[0]
	}
	return &found
}

func showDrift(c *cobra.Command, r *hub.Reader, report *replay.DriftReport, out *output) error {
	p := show.NewPaper(c.OutOrStdout())
	if out.json() {
		if err := p.JSON(report); err != nil {
			return err
		}
	} else {
		names, err := show.NamesIn(c.Context(), r.Roster, "")
		if err != nil {
			return err
		}
		p.Drift(report, names)
	}
	var wrong []error
	if n := report.Certain(); n > 0 {
		wrong = append(wrong, fmt.Errorf("the roster and the vendors disagree in %s", show.Count(uint64(n), "thing")))
	}
	for _, u := range report.Unread {
		wrong = append(wrong, fmt.Errorf("connection %s could not be read, and nothing of it is proven: %s", u.Connection, u.Why))
	}
	return errors.Join(wrong...)
}
