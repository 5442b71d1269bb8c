package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/show"
)

func configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Check a configuration, or print its schema",
		Example: `  rollcall config check rollcall.yaml
  rollcall config schema > rollcall.schema.json`,
	}
	c.AddCommand(configCheckCommand(), configSchemaCommand())
	return c
}

func configCheckCommand() *cobra.Command {
	var out output
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Say all that is wrong with a configuration, without a call to any vendor",
		Long: `Says all that is wrong with a configuration at once, each with its line, and
exits 1; or what it will do, with warnings of what may not be meant. Secrets are
looked up and connectors made, but no vendor is called.

With --output json it is one object: file, ok, problems and warnings, each with
line (0: the file as a whole), path and text.`,
		Example: `  rollcall config check rollcall.yaml
  rollcall config check rollcall.yaml --output json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p := show.NewPaper(c.OutOrStdout())
			cfg, err := config.Load(args[0], all.Vendors, os.LookupEnv)
			var wrong *config.Problems
			if out.json() && (err == nil || errors.As(err, &wrong)) {
				return errors.Join(p.JSON(show.NewConfigCheck(args[0], wrong, cfg.Warnings)), err)
			}
			if err == nil {
				p.Config(args[0], cfg)
			}
			return err
		},
	}
	out.bind(c)
	return c
}

func configSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of a configuration, for editors",
		Example: "  rollcall config schema > rollcall.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := config.Schema()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(append(b, '\n'))
			return err
		},
	}
}
