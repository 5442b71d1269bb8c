package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/replay"
)

func archiveCommand() *cobra.Command {
	var (
		out   output
		to    string
		o     archive.Options
		quiet bool
	)
	c := &cobra.Command{
		Use:   "archive",
		Short: "Archive the log, up to now, to a folder outside of NATS",
		Long: `Writes what the log holds beyond the archive's end to the archive, up to now: as
JSON lines in zstd, a segment of up to 20000 events each, with an index, chained
by digests. It may be stopped at any point; the next call goes on behind the
last segment. What has been written is never altered. A hub does the same all
the time when its configuration says archive.folder; both may write to one
folder.

This removes nothing from the log; a hub does, of what is archived and old, if
its configuration says archive.keep. Commands that read history take the archive
with --archive and read archive and log as one.

With --output json it is one object: segments, events, bytes (of the lines),
size (as stored) and damaged, of what was added.`,
		Example: `  rollcall archive --to /mnt/archive/rollcall
  rollcall archive verify --archive /mnt/archive/rollcall
  zstdcat /mnt/archive/rollcall/segments/*.zst | jq -c 'select(.event) | .event'`,
		Args: cobra.NoArgs,
	}
	w := where(c)
	out.bind(c)
	c.Flags().StringVar(&to, "to", "", "folder to archive to, made if it is missing (default the one that a hub archives to)")
	c.Flags().IntVar(&o.Events, "segment", archive.DefaultEvents, "events in a segment, at most")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "nothing but errors")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if o.Events < 1 {
			return fmt.Errorf("--segment is %d: a segment has at least one event", o.Events)
		}
		return reading(c.Context(), w, func(r *hub.Reader) error {
			folder, err := archiveFolder(c.Context(), r, to)
			if err != nil {
				return err
			}
			added, err := archiveNow(c, r, folder, o)
			if err != nil {
				return err
			}
			p := show.NewPaper(c.OutOrStdout())
			switch {
			case out.json():
				return p.JSON(added)
			case !quiet:
				p.Printf("Archived %s in %s, %s, to %s.\n", show.Count(added.Events, "event"), show.Count(added.Segments, "segment"), bytesOf(added.Size), folder)
			}
			return nil
		})
	}
	c.AddCommand(archiveVerifyCommand())
	return c
}

// archiveFolder is the folder that is named, or that a hub has noted.
func archiveFolder(ctx context.Context, r *hub.Reader, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	note, ok, err := r.Archived(ctx)
	if err == nil && !ok {
		err = errors.New("no hub archives this log, so that no folder is known: name one")
	}
	return note.Folder, err
}

func archiveNow(c *cobra.Command, r *hub.Reader, folder string, o archive.Options) (archive.Written, error) {
	aside := show.NewPaper(c.ErrOrStderr())
	if err := r.Drops(c.Context()); err != nil {
		aside.Printf("%s what the stream drops before it is archived is lost: %s\n", aside.Yellow("limits:"), show.Lines(err.Error()))
	}
	f, err := archive.MakeFolder(folder)
	if err != nil {
		return archive.Written{}, err
	}
	bar := newBar(c, "event")
	o.Progress = bar.pending
	defer bar.Clear()
	for { // until no other process writes between
		a, err := archive.Open(c.Context(), f)
		if err != nil {
			return archive.Written{}, err
		}
		if err := r.MayArchive(c.Context(), a); err != nil {
			return archive.Written{}, err
		}
		added, err := a.Write(c.Context(), r.Log, o)
		if !errors.Is(err, archive.ErrOvertaken) {
			return added, err
		}
	}
}

// bytesOf is a size for people.
func bytesOf(n uint64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d bytes", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}

// archiveJSON is what `rollcall archive verify` prints for programs.
type archiveJSON struct {
	archive.Report
	Head   string         `json:"head"`
	Chains []replay.Fault `json:"chains"`
}

func archiveVerifyCommand() *cobra.Command {
	var (
		out    output
		pinned string
	)
	c := &cobra.Command{
		Use:   "verify",
		Short: "Read the whole archive and name every segment that was changed, lost or swapped",
		Long: `Reads every object of the archive: each segment must fit its entry in the index,
its own header, and the digest that the next one has of it; then the hash chains
of all feeds are walked over the archived events, as ` + "`rollcall log verify`" + ` does
over the log. It prints nothing and exits 0 when all fit; else it names each
fault with its segment and exits 1. With --archive it needs no hub and no NATS.

That the last segments were taken out with their entries shows to who knows how
far the archive went: the hub, which notes it, and --pinned with a head that
` + "`rollcall log head`" + ` printed before: when it fits, nothing up to there was
altered.

With --output json it is one object: segments, events, bytes, size, the lists
faults (segment, text), unnamed (objects that belong to no segment) and chains
(sequence, text), and head.`,
		Example: `  rollcall archive verify
  rollcall archive verify --archive /mnt/archive/rollcall --pinned "$(cat head.txt)"`,
		Args: cobra.NoArgs,
	}
	w := whereOld(c)
	out.bind(c)
	c.Flags().StringVar(&pinned, "pinned", "", "head of the log that was printed before")
	c.RunE = func(c *cobra.Command, _ []string) error {
		var head replay.Head
		if c.Flags().Changed("pinned") {
			var err error
			if head, err = replay.ParseHead(pinned); err != nil {
				return err
			}
		}
		if w.Archive != "" {
			return verifyArchive(c, w.Archive, hub.Archived{}, head, &out)
		}
		var note hub.Archived
		err := reading(c.Context(), w, func(r *hub.Reader) (err error) {
			var ok bool
			if note, ok, err = r.Archived(c.Context()); err == nil && !ok {
				err = errors.New("no hub archives this log: --archive names the folder of an archive")
			}
			return err
		})
		if err != nil {
			return err
		}
		return verifyArchive(c, note.Folder, note, head, &out)
	}
	return c
}

// verifyArchive verifies the segments, and where they are sound the chains. noted is how far a hub says that the archive goes.
func verifyArchive(c *cobra.Command, folder string, noted hub.Archived, pinned replay.Head, out *output) error {
	f, err := archive.OpenFolder(folder)
	if err != nil {
		return err
	}
	bar := &show.Bar{Paper: show.NewPaper(c.ErrOrStderr()), Thing: "segment"}
	report, err := archive.Verify(c.Context(), f, bar.Show)
	bar.Clear()
	if err != nil {
		return err
	}
	report.Expect(noted.Segment, noted.Digest)
	result := archiveJSON{Report: report}
	if len(report.Faults) == 0 {
		a, err := archive.Open(c.Context(), f)
		if err != nil {
			return err
		}
		chains, err := replay.VerifyChains(c.Context(), a, pinned, newBar(c, "event").pending)
		if err != nil {
			return err
		}
		result.Head, result.Chains = chains.Head.String(), chains.Faults
	}
	return showArchive(c, &result, out)
}

func showArchive(c *cobra.Command, r *archiveJSON, out *output) error {
	p, aside := show.NewPaper(c.OutOrStdout()), show.NewPaper(c.ErrOrStderr())
	if out.json() {
		if err := p.JSON(r); err != nil {
			return err
		}
	} else {
		for _, f := range r.Faults {
			p.Printf("%s\n", show.Lines(f.Text))
		}
		for _, f := range r.Chains {
			p.Printf("%s\n", show.Lines(f.Text))
		}
		for _, name := range r.Unnamed {
			aside.Printf("%s %s belongs to no segment: a process that was stopped has left it, or its entry was taken out\n", aside.Dim("unnamed:"), show.Lines(name))
		}
	}
	if n := len(r.Faults) + len(r.Chains); n > 0 {
		return fmt.Errorf("the archive is not sound: %s", show.Count(uint64(n), "fault"))
	}
	return nil
}
