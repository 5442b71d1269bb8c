package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/filter"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/internal/show"
)

// where binds the flags that say where the hub's NATS is found.
func where(c *cobra.Command) *hub.Where {
	w := &hub.Where{}
	f := c.Flags()
	f.StringVar(&w.Data, "data", config.DefaultData, "folder of a hub on this machine")
	f.StringVar(&w.URL, "nats", "", "URL of the NATS that the hub uses, instead of its folder")
	f.StringVar(&w.Context, "nats-context", "", "context of the nats command line tool, instead of its folder")
	f.StringVar(&w.Stream, "stream", "ROLLCALL", "name of the log's stream")
	c.MarkFlagsMutuallyExclusive("nats", "nats-context")
	return w
}

// whereOld binds the flags of where, and the one that says where the log's archive is found, for commands that read history.
func whereOld(c *cobra.Command) *hub.Where {
	w := where(c)
	c.Flags().StringVar(&w.Archive, "archive", "", "folder of the log's archive, from which comes what the log no longer has; "+hub.NoArchive+
		": the log alone (default the one that a hub on this machine writes)")
	return w
}

// old opens the history, and says on standard error what it lacks.
func old(c *cobra.Command, r *hub.Reader) (hub.History, error) {
	h, err := r.History(c.Context())
	if err != nil {
		return nil, err
	}
	lacks, err := r.Missing(c.Context())
	if err != nil || lacks == 0 {
		return h, err
	}
	p := show.NewPaper(c.ErrOrStderr())
	p.Printf("%s the log lacks %s that its feeds have appended, and what is shown does, too: --archive names the archive that has them\n",
		p.Yellow("incomplete:"), show.Count(lacks, "event"))
	return h, nil
}

// reading opens what hubs have written for the time of a command.
func reading(ctx context.Context, w *hub.Where, read func(*hub.Reader) error) error {
	r, err := hub.OpenReader(ctx, *w)
	if err != nil {
		return err
	}
	defer r.Close()
	return read(r)
}

// aboutFilter is the part of a command's description that speaks of expressions.
const aboutFilter = `--filter takes an expression in CEL (https://cel.dev) over one event, in the
names that --output json shows: type, tenant, time, data.entity.grant.role (all
are in docs/events.schema.json), and stored, when the hub's server stored it. A
name that is none is an error before anything is read. What an event lacks is
neither equal nor unequal to anything, so that the event is not selected;
has(data.gone) asks whether it is there. An event on which the expression cannot
be evaluated is left out and counted; then it exits 1.`

// selection are the flags that select events.
type selection struct {
	tenant, connection, agent, kind, typ, expression string

	parsed  *filter.Filter
	unclear uint64 // events on which the expression could not be evaluated
	aside   *show.Paper
}

func (s *selection) bind(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.tenant, "tenant", "", "only of this tenant")
	f.StringVar(&s.connection, "connection", "", "only of this connection")
	f.StringVar(&s.agent, "agent", "", "only of this agent: an id, a vendor's id, or a name")
	f.StringVar(&s.kind, "kind", "", "only of this kind: agent, blueprint, person, stewardship, credential, grant, delegation, risk, coverage, activity")
	f.StringVar(&s.typ, "type", "", "only of this type: agent.disabled, credential.created, ...")
	f.StringVar(&s.expression, "filter", "", "only those for which this expression in CEL is true: 'data.entity.grant.role == \"owner\"'")
}

// parse checks the expression, before anything is read.
func (s *selection) parse(c *cobra.Command) error {
	s.aside = show.NewPaper(c.ErrOrStderr())
	if s.expression == "" {
		return nil
	}
	var err error
	if s.parsed, err = filter.Parse(s.expression); err != nil {
		return fmt.Errorf("--filter: %w", err)
	}
	return nil
}

// where selects by the expression what filters have selected. Of events on which it cannot be evaluated it tells the first at once, since a
// tail has no end.
func (s *selection) where(ctx context.Context, messages iter.Seq2[events.Stored, error]) iter.Seq2[events.Stored, error] {
	return s.parsed.Select(ctx, messages, func(e *filter.Error) {
		if s.unclear++; s.unclear == 1 {
			s.aside.Printf("%s %s\n", s.aside.Red("--filter:"), show.Lines(e.Error()))
		}
	})
}

// allEvaluated fails if there were events on which the expression could not be evaluated.
func (s *selection) allEvaluated() error {
	if s.unclear == 0 {
		return nil
	}
	return fmt.Errorf("--filter could not be evaluated on %s, left out", show.Count(s.unclear, "event"))
}

// filters are what the flags select: any of them. An agent has one filter for each of its identities.
func (s *selection) filters(ctx context.Context, r *hub.Reader) ([]events.Filter, error) {
	f := events.Filter{Tenant: s.tenant, Connection: s.connection, Type: events.Type(s.typ)}
	if s.kind != "" {
		k, err := events.ParseKind(s.kind)
		if err != nil {
			return nil, err
		}
		f.Kind = k
	}
	if s.agent == "" {
		return []events.Filter{f}, nil
	}
	a, err := r.Roster.Find(ctx, s.tenant, s.agent)
	if err != nil {
		return nil, err
	}
	var out []events.Filter
	for _, i := range a.Identities {
		if s.connection == "" || s.connection == i.Connection {
			f.Tenant, f.Connection, f.Holder = i.Tenant, i.Connection, i.Holder
			out = append(out, f)
		}
	}
	if len(out) == 0 { // no filter would be every event
		return nil, fmt.Errorf("agent %s (%s) has no identity at a connection %q: `rollcall agents get %s` shows where it has", a.Name, a.ID, s.connection, a.ID)
	}
	return out, nil
}
