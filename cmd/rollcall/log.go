package main

import (
	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
	"github.com/rollcallhq/rollcall/replay"
)

func logCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "log",
		Short: "Prove that nothing in the log was altered or lost",
		Example: `  rollcall log head > head.txt          keep it where the log's keeper cannot write
  rollcall log verify --pinned "$(cat head.txt)"`,
	}
	c.AddCommand(logHeadCommand(), logVerifyCommand())
	return c
}

// chainsJSON is what `rollcall log` prints for programs.
type chainsJSON struct {
	Head     string            `json:"head"`
	Sequence uint64            `json:"sequence"`
	Events   uint64            `json:"events"`
	Feeds    []replay.FeedHead `json:"feeds"`
	Faults   []replay.Fault    `json:"faults"`
}

func logHeadCommand() *cobra.Command {
	var out output
	c := &cobra.Command{
		Use:   "head",
		Short: "Print one digest that stands for the whole log, to pin elsewhere",
		Long: `Walks the hash chains of all feeds, as verify does, and prints their ends as one
digest: <sequence of the last event>:<SHA-256>. Keep it where whoever can write
the log's disk cannot write, such as a ticket or another system's audit log.
A log that is not sound has no head: then it says what is wrong and exits 1.

With --output json it is one object: head, sequence, events, the list feeds, each
with tenant, connection, feed, events and hash, and the list faults.`,
		Example: `  rollcall log head
  rollcall log head --output json | jq -r '.feeds[] | "\(.feed) \(.hash)"'`,
		Args: cobra.NoArgs,
	}
	w := whereOld(c)
	out.bind(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return reading(c.Context(), w, func(r *hub.Reader) error {
			report, err := walkChains(c, r, replay.Head{}, &out)
			if err == nil && !out.json() {
				show.NewPaper(c.OutOrStdout()).Printf("%s\n", report.Head)
			}
			return err
		})
	}
	return c
}

func logVerifyCommand() *cobra.Command {
	var (
		out    output
		pinned string
	)
	c := &cobra.Command{
		Use:   "verify",
		Short: "Walk the hash chains and find what was altered or lost",
		Long: `Walks the hash chain of every feed from its first event to its last: each event
must fit its hash, each hash the one before it, and each chain the end and the
count that the feed's place says. It prints nothing and exits 0 when all fit;
else it names each fault and exits 1. A hub may run meanwhile.

Somebody who can write the disk can write a chain anew. --pinned takes a head that
` + "`rollcall log head`" + ` printed before: when it fits, nothing up to there was altered.

With --output json it is one object, as that of head.`,
		Example: `  rollcall log verify
  rollcall log verify --pinned 1204:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
		Args: cobra.NoArgs,
	}
	w := whereOld(c)
	out.bind(c)
	c.Flags().StringVar(&pinned, "pinned", "", "head that was printed before")
	c.RunE = func(c *cobra.Command, _ []string) error {
		var head replay.Head
		if c.Flags().Changed("pinned") {
			var err error
			if head, err = replay.ParseHead(pinned); err != nil {
				return err
			}
		}
		return reading(c.Context(), w, func(r *hub.Reader) error {
			_, err := walkChains(c, r, head, &out)
			return err
		})
	}
	return c
}

// walkChains walks the chains and tells what is wrong, or all of it to programs. Its error says that the log is not sound.
func walkChains(c *cobra.Command, r *hub.Reader, pinned replay.Head, out *output) (*replay.ChainReport, error) {
	log, err := r.History(c.Context()) // what it lacks are faults
	if err != nil {
		return nil, err
	}
	bar := newBar(c, "event")
	report, err := replay.VerifyChains(c.Context(), log, pinned, bar.pending)
	bar.Clear()
	if err != nil {
		return nil, err
	}
	p := show.NewPaper(c.OutOrStdout())
	if out.json() {
		err = p.JSON(chainsJSON{report.Head.String(), report.Head.Sequence, report.Events, report.Feeds, report.Faults})
		if err != nil {
			return nil, err
		}
		return &report, report.Err()
	}
	for _, f := range report.Faults {
		p.Printf("%s\n", show.Lines(f.Text))
	}
	return &report, report.Err()
}
