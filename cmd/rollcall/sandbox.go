package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/internal/show"
)

func sandboxCommand() *cobra.Command {
	var (
		out output
		o   demo.Options
	)
	c := &cobra.Command{
		Use:   "sandbox [entra] [google] [okta]",
		Short: "Run imitation vendors alone, for tests",
		Long: `Runs imitation vendors on loopback and prints the configuration that connects
to them. Each has a control API below /_control/: POST mutate, POST faults,
DELETE faults, POST expire, GET truth, GET calls. It asks for no credentials,
so they listen on loopback only. It ends with Ctrl-C.

With --output json it prints one list of vendors, each with its url and token,
instead of the configuration.`,
		Example: `  rollcall sandbox                          all three, on free ports
  rollcall sandbox okta --listen 127.0.0.1:9000
  rollcall sandbox --agents 5000 > rollcall.yaml`,
		ValidArgs: demo.Vendors,
		Args:      cobra.MatchAll(cobra.OnlyValidArgs, unrepeated),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Vendors = args
			}
			return runSandboxes(c, o, &out)
		},
	}
	out.bind(c)
	f := c.Flags()
	f.Uint64Var(&o.Seed, "seed", 0, "seed of the company (default 1)")
	f.IntVar(&o.Agents, "agents", 0, "agents of the company over all vendors (default 60)")
	f.StringVar(&o.Listen, "listen", "", "address on loopback of the first vendor; the others take the next ports (default free ports)")
	f.StringVar(&o.Dir, "data", "", "folder to keep the sandboxes' state in (default none is kept)")
	return c
}

func runSandboxes(c *cobra.Command, o demo.Options, out *output) error {
	company, err := demo.Start(o)
	if err != nil {
		return err
	}
	if err := showSandboxes(show.NewPaper(c.OutOrStdout()), company, out); err != nil {
		return errors.Join(err, company.Close())
	}
	fmt.Fprintf(c.ErrOrStderr(), "%d agents, seed %d. Ctrl-C ends it.\n", company.Agents, company.Seed)
	<-c.Context().Done()
	return company.Close()
}

func showSandboxes(p *show.Paper, company *demo.Company, out *output) error {
	vendors := make([]show.Sandbox, len(company.Vendors))
	for i, v := range company.Vendors {
		vendors[i] = show.Sandbox{Vendor: v.Name, URL: v.URL, Token: v.Token}
	}
	if out.json() {
		return p.JSON(vendors)
	}
	p.Sandboxes(vendors)
	return nil
}

func unrepeated(_ *cobra.Command, args []string) error {
	seen := map[string]bool{}
	for _, a := range args {
		if seen[a] {
			return fmt.Errorf("%s is named twice", a)
		}
		seen[a] = true
	}
	return nil
}
