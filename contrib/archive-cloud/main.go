// Rollcall-archive keeps archives of Rollcall's log in object stores (S3, GCS, Azure), and writes them as Parquet tables. It is a program of
// its own so that rollcall stays light. README.md says how it is used.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/internal/show"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	c := root()
	c.SetArgs(args)
	switch err := c.ExecuteContext(ctx); {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return 130
	default:
		p := show.NewPaper(os.Stderr)
		p.Printf("%s %s\n", p.Red("rollcall-archive:"), show.Lines(err.Error()))
		return 1
	}
}

const aboutStores = `A store is a folder, or the URL of a bucket, with credentials where each vendor's
own tools look for them:

  s3://bucket?region=eu-central-1&prefix=rollcall/
  gs://bucket?prefix=rollcall/
  azblob://container?prefix=rollcall/`

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "rollcall-archive",
		Short: "Keeps archives of Rollcall's log in object stores, and writes them as Parquet",
		Long:  "Keeps archives of Rollcall's log in object stores, and writes them as Parquet.\n\n" + aboutStores,
		Example: `  rollcall-archive write "s3://acme-audit?region=eu-central-1&prefix=rollcall/"
  rollcall-archive verify "s3://acme-audit?region=eu-central-1&prefix=rollcall/"
  rollcall-archive copy "s3://acme-audit?region=eu-central-1&prefix=rollcall/" ./archive
  rollcall-archive export ./archive --parquet events.parquet`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	c.AddCommand(writeCommand(), verifyCommand(), copyCommand(), exportCommand())
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w: see `%s --help`", err, c.CommandPath())
	})
	return c
}
