package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/replay"
)

func exportCommand() *cobra.Command {
	var (
		file, from, to string
		filter         events.Filter
		kind           string
	)
	c := &cobra.Command{
		Use:   "export [STORE]",
		Short: "Write events as a Parquet table, for analysts",
		Long: `Writes the events of an archive, of a log, or of both read as one, as a Parquet
table: a row for each event, with the columns that README.md lists and the event's
JSON as it was stored. With STORE alone the archive is read, and no NATS; with
--nats, --nats-context or --data the log is read, and with STORE too what it no
longer has.

The file appears when it is whole, and is not written over. A damaged event is told
of and left out; then it exits 1.

` + aboutStores,
		Example: `  rollcall-archive export ./archive --parquet events.parquet
  rollcall-archive export --nats nats://127.0.0.1:4222 --from 30d --parquet november.parquet
  duckdb -c "select type, count(*) from 'events.parquet' group by all"`,
		Args: cobra.MaximumNArgs(1),
	}
	w := where(c)
	f := c.Flags()
	f.StringVar(&file, "parquet", "", "file to write")
	f.StringVar(&from, "from", "", "first sequence or time (default the start)")
	f.StringVar(&to, "to", "", "last sequence or time (default the end)")
	f.StringVar(&filter.Tenant, "tenant", "", "only of this tenant")
	f.StringVar(&filter.Connection, "connection", "", "only of this connection")
	f.StringVar(&kind, "kind", "", "only of this kind: agent, grant, activity, ...")
	_ = c.MarkFlagRequired("parquet") // the flag exists
	c.RunE = func(c *cobra.Command, args []string) error {
		stretch, err := replay.ParseRange(from, to, time.Now())
		if err != nil {
			return err
		}
		if kind != "" {
			if filter.Kind, err = events.ParseKind(kind); err != nil {
				return err
			}
		}
		log, done, err := source(c, w, args)
		if err != nil {
			return err
		}
		defer done()
		n, damaged, err := export(file, replay.Read(c.Context(), log, []events.Filter{filter}, stretch))
		p := show.NewPaper(c.ErrOrStderr())
		for _, err := range damaged {
			p.Printf("%s %s\n", p.Red("damaged:"), show.Lines(err.Error()))
		}
		if err != nil {
			return err
		}
		p.Printf("Wrote %s to %s.\n", show.Count(n, "event"), file)
		if len(damaged) > 0 {
			return fmt.Errorf("%s could not be written: damaged", show.Count(uint64(len(damaged)), "event"))
		}
		return nil
	}
	return c
}

// source is what is exported: an archive, a log, or both as one.
func source(c *cobra.Command, w *hub.Where, args []string) (_ replay.Log, _ func(), err error) {
	var closers []func()
	done := func() {
		for _, f := range closers {
			f()
		}
	}
	defer func() {
		if err != nil {
			done()
		}
	}()
	var a *archive.Archive
	if len(args) > 0 {
		store, shut, err := openStore(c.Context(), args[0], false)
		if err != nil {
			return nil, nil, err
		}
		closers = append(closers, shut)
		if a, err = archive.Open(c.Context(), store); err != nil {
			return nil, nil, err
		}
	}
	f := c.Flags()
	live := f.Changed("nats") || f.Changed("nats-context") || f.Changed("data")
	switch {
	case !live && a == nil:
		return nil, nil, errors.New("say what to export: the store of an archive, or a log with --nats, --nats-context or --data")
	case !live:
		return a, done, nil
	}
	r, err := hub.OpenReader(c.Context(), *w)
	if err != nil {
		return nil, nil, err
	}
	closers = append(closers, r.Close)
	if a == nil {
		return r.Log, done, nil
	}
	h, err := archive.Join(c.Context(), r.Log, a)
	return h, done, err
}

// rowGroup is how many rows are kept in memory before they are written.
const rowGroup = 50_000

// export writes events to a new file. What is damaged is left out and returned.
func export(file string, messages iter.Seq2[events.Stored, error]) (n uint64, damaged []error, err error) {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return 0, nil, fmt.Errorf("%s is there already: name another file", file)
	}
	out, err := os.CreateTemp(filepath.Dir(file), ".writing-*")
	if err != nil {
		return 0, nil, fmt.Errorf("writing %s: %w", file, err)
	}
	defer os.Remove(out.Name()) //nolint:errcheck // when all is well it has the file's name by then
	n, damaged, err = table(out, messages)
	if err == nil {
		err = out.Sync()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(out.Name(), file)
	}
	if err != nil {
		err = fmt.Errorf("writing %s: %w", file, err)
	}
	return n, damaged, err
}

func table(to io.Writer, messages iter.Seq2[events.Stored, error]) (n uint64, damaged []error, err error) {
	w := parquet.NewGenericWriter[row](to, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(rowGroup))
	for s, err := range messages {
		var r row
		if err == nil {
			r, err = newRow(&s)
		}
		switch {
		case events.Damaged(err):
			damaged = append(damaged, err)
			continue
		case err != nil:
			return n, damaged, err
		}
		if _, err := w.Write([]row{r}); err != nil {
			return n, damaged, err
		}
		n++
	}
	return n, damaged, w.Close()
}
