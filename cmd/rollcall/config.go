package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/show"
)

func configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Check a configuration, or print its schema"}
	c.AddCommand(&cobra.Command{
		Use:     "check FILE",
		Short:   "Say all that is wrong with a configuration, without a call to any vendor",
		Example: "  rollcall config check rollcall.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := config.Load(args[0], all.Vendors, os.LookupEnv)
			if err != nil {
				return err
			}
			show.NewPaper(c.OutOrStdout()).Config(args[0], cfg)
			return nil
		},
	}, &cobra.Command{
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
	})
	return c
}
