package replay

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// causes finds the likely cause of a drift.
type causes struct {
	ended        time.Time
	watched      map[[2]string]*Watched
	ours, theirs []roster.Coverage
}

func (c *causes) of(d *Drift, theirs *roster.Identity, changing bool) (cause, why string) {
	if d.How == DriftExtra {
		i := theirs
		if i == nil {
			i = &roster.Identity{Tenant: d.Tenant, Connection: d.Connection, Holder: d.Holder}
		}
		if why := roster.Unknown(c.theirs, i, d.Kind); why != "" {
			return CauseUnreadable, "this reading could not see it: " + why
		}
	}
	if changing {
		return CauseChanging, "it changed while it was read: compare again"
	}
	w := c.watched[[2]string{d.Tenant, d.Connection}]
	switch {
	case w == nil:
		return CauseStopped, "no hub reads the connection now"
	case w.Gone != "":
		return CauseStopped, w.Gone
	}
	sources := c.sources(d)
	isSource := func(name string) bool { return slices.Contains(sources, name) }
	if d.How == DriftExtra && w.HeldBy != "" && isSource(w.HeldBy) {
		return CauseHeld, fmt.Sprintf("the breaker holds back what feed %s no longer shows: %s", w.HeldBy, w.HeldWhy)
	}
	for _, f := range w.Feeds {
		if isSource(f.Name) && f.Trouble != "" {
			return CauseFailing, fmt.Sprintf("feed %s is %s", f.Name, f.Trouble)
		}
	}
	for _, o := range c.ours {
		if o.Tenant == d.Tenant && o.Connection == d.Connection && isSource(o.Feed) && o.State != events.CoverageComplete {
			return CauseBlind, fmt.Sprintf("feed %s is %s: %s", o.Feed, o.State, o.Reason)
		}
	}
	for _, f := range w.Feeds {
		if d.How == DriftExtra && isSource(f.Name) && f.Doubt != "" {
			return CauseDoubted, fmt.Sprintf("feed %s: %s", f.Name, f.Doubt)
		}
	}
	return c.late(w, isSource)
}

// late says which feed has yet to read it, or that none has an excuse.
func (c *causes) late(w *Watched, isSource func(string) bool) (cause, why string) {
	var oldest *WatchedFeed
	for n := range w.Feeds {
		if f := &w.Feeds[n]; isSource(f.Name) && (oldest == nil || f.CaughtUpAt.Before(oldest.CaughtUpAt)) {
			oldest = f
		}
	}
	if oldest != nil && !oldest.CaughtUpAt.After(c.ended) {
		why = fmt.Sprintf("newer than what feed %s has read: its picture is of %s, and it is read every %s", oldest.Name,
			oldest.CaughtUpAt.UTC().Format(time.RFC3339), oldest.Every)
		if oldest.CaughtUpAt.IsZero() {
			why = fmt.Sprintf("feed %s is not caught up yet", oldest.Name)
		}
		for _, f := range w.Feeds {
			if !isSource(f.Name) && f.Trouble != "" {
				why += fmt.Sprintf("; feed %s is %s", f.Name, f.Trouble)
			}
		}
		return CauseNotReadYet, why
	}
	return CauseUnexplained, "its feeds have been read since, and nothing explains it: `rollcall why` shows what the log knows"
}

// sources are the feeds that tell of a thing of its kind.
func (c *causes) sources(d *Drift) []string {
	var out []string
	for _, o := range slices.Concat(c.ours, c.theirs) {
		if o.Tenant == d.Tenant && o.Connection == d.Connection && slices.Contains(o.Kinds, d.Kind) {
			out = append(out, o.Feed)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
