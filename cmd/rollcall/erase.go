package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
)

func eraseCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "erase",
		Short: "Erase a person's name and addresses from all history",
		Example: `  rollcall erase person --tenant acme --connection okta-main 00u1 --dry-run
  rollcall erase person --tenant acme --connection okta-main 00u1 --yes
  rollcall erase lift --tenant acme --connection okta-main 00u1`,
	}
	c.AddCommand(erasePersonCommand(), eraseLiftCommand())
	return c
}

func erasePersonCommand() *cobra.Command {
	var (
		out       output
		e         hub.Erase
		dry, sure bool
	)
	c := &cobra.Command{
		Use:   "person ID",
		Short: "Destroy the key of a person's name and addresses",
		Long: `Erases the name, addresses and user name of one person at one connection, by the
vendor's id, from the log, its archive and the roster: the key that they are
sealed with is destroyed. History stays whole, and shows the person as erased.
The id stays, since agents refer to it. What the vendor goes on telling of it is
taken in without name and addresses.

It says first what there is to erase; with --dry-run it ends there, and without
--yes too, with exit code 1. Interrupted, it is called again with the same flags.
Backups of the keys bring nobody back as long as the log is not older than the
erasure: docs/backup.md.

Events that were written in plain, before persons were sealed, are counted as
plain. They cannot be erased without the log that they stand in: begin a new one
(nats.stream) and delete the old stream.

With --output json it is one object: tenant, connection, id, native, status,
events, sealed, plain, documents (view, key), elsewhere, marked, key, as it was
before, and erased.`,
		Example: `  rollcall erase person --tenant acme --connection okta-main 00u1 --dry-run
  rollcall erase person --tenant acme --connection okta-main 00u1 --reason "request 4711" --yes`,
		Args: cobra.ExactArgs(1),
	}
	w := where(c)
	out.bind(c)
	f := c.Flags()
	bindErase(c, &e)
	f.BoolVar(&dry, "dry-run", false, "only say what there is to erase")
	f.BoolVar(&sure, "yes", false, "do it")
	c.MarkFlagsMutuallyExclusive("dry-run", "yes")
	c.RunE = func(c *cobra.Command, args []string) error {
		e.ID, e.By = args[0], who()
		return reading(c.Context(), w, func(r *hub.Reader) error {
			plan, err := r.PlanErasure(c.Context(), e.PersonID)
			if err != nil {
				return err
			}
			p := show.NewPaper(c.OutOrStdout())
			if !out.json() {
				showErasure(p, &plan)
			}
			if sure {
				plan, err = r.Erase(c.Context(), e)
			}
			if err == nil && out.json() {
				err = p.JSON(erasureJSON{plan, sure || plan.Erased()})
			}
			switch {
			case err != nil || dry:
				return err
			case !sure:
				return errors.New("nothing was erased: give --yes to do it; nobody can undo it")
			case !out.json() && !plan.Erased():
				p.Printf("Erased.\n")
			}
			return nil
		})
	}
	return c
}

func eraseLiftCommand() *cobra.Command {
	var e hub.Erase
	c := &cobra.Command{
		Use:   "lift ID",
		Short: "Let a person who was erased be told of again",
		Long: `Ends an erasure: the vendor's next word about the person is taken in again, with
name and addresses, under a new key. What was erased stays erased. The log says
who lifted the erasure, and why.`,
		Example: `  rollcall erase lift --tenant acme --connection okta-main 00u1 --reason "back in the company"`,
		Args:    cobra.ExactArgs(1),
	}
	w := where(c)
	bindErase(c, &e)
	c.RunE = func(c *cobra.Command, args []string) error {
		e.ID, e.By = args[0], who()
		return reading(c.Context(), w, func(r *hub.Reader) error {
			if err := r.Lift(c.Context(), e); err != nil {
				return err
			}
			show.NewPaper(c.OutOrStdout()).Printf("Lifted: what the vendor tells of %s next is taken in again.\n", show.Lines(e.ID))
			return nil
		})
	}
	return c
}

// bindErase binds the flags that say whose data, and why.
func bindErase(c *cobra.Command, e *hub.Erase) {
	f := c.Flags()
	f.StringVar(&e.Tenant, "tenant", "", "the person's tenant")
	f.StringVar(&e.Connection, "connection", "", "the connection that the id is of")
	f.StringVar(&e.Reason, "reason", "", "why, for the log; it stays there, so do not name the person")
	_ = c.MarkFlagRequired("tenant") // the flags are there
	_ = c.MarkFlagRequired("connection")
}

// erasureJSON is what `rollcall erase person` prints for programs.
type erasureJSON struct {
	hub.Erasure
	Erased bool `json:"erased"`
}

// showErasure says what there is to erase. It names nobody: the id is what was given.
func showErasure(p *show.Paper, e *hub.Erasure) {
	p.Printf("%s %s of %s/%s, %s\n", show.Lines(e.Native), show.Lines(e.ID), e.Tenant, e.Connection, e.Status)
	if e.Erased() {
		p.Printf("  was erased before\n")
		return
	}
	p.Printf("  %s about the person, %d sealed%s\n", show.Count(uint64(e.Events), "event"), e.Sealed, keyState(e))
	if e.Plain > 0 {
		p.Printf("  %s\n", p.Yellow(fmt.Sprintf("%s in plain: written before persons were sealed, they stay until the log is replaced", show.Count(uint64(e.Plain), "event"))))
	}
	for _, d := range e.Documents {
		p.Printf("  document %s of view %s\n", d.Key, d.View)
	}
	for _, id := range e.Elsewhere {
		p.Printf("  %s\n", p.Yellow("the same address or user name is known at "+show.Lines(id)+": it stays, and is erased by itself"))
	}
}

func keyState(e *hub.Erasure) string {
	switch {
	case e.Key:
		return ", with a key that will be destroyed"
	case e.Sealed > 0:
		return ", without a key"
	}
	return ""
}
