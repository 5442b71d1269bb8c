package hub

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

// DriftOptions say what to compare with what.
type DriftOptions struct {
	Config  config.Config // its connections are read
	Vendors []connectors.Vendor
	Logger  *slog.Logger              // nil: silent
	Timeout time.Duration             // of the reading
	Tenant  string                    // of one tenant; empty: of all
	Show    func([]connectors.Status) // is told how the reading goes; may be nil
	Tune    func(*connectors.Config)  // as [Options.Tune]
}

// Drift reads the vendors now, in full and into memory alone, and compares what they have with the roster. Neither log nor roster
// is written, and nothing is kept at a vendor: feeds that only tell of what happens, or that hold something at the vendor, are left out.
func (r *Reader) Drift(ctx context.Context, o DriftOptions) (replay.DriftReport, error) {
	before, err := r.documents(ctx)
	if err != nil {
		return replay.DriftReport{}, err
	}
	s, err := survey(ctx, o)
	if err != nil {
		return replay.DriftReport{}, err
	}
	d := replay.Drifting{Before: before, Vendors: roster.Reader{Store: s.docs}, Ended: time.Now(), Tenant: o.Tenant, Read: s.read}
	if d.After, err = r.documents(ctx); err != nil {
		return replay.DriftReport{}, err
	}
	if d.Watched, err = r.watched(ctx); err != nil {
		return replay.DriftReport{}, err
	}
	report, err := replay.FindDrift(ctx, d)
	report.Unread = append(report.Unread, s.unread...)
	return report, err
}

// documents are the roster's, as of now.
func (r *Reader) documents(ctx context.Context) (roster.Reader, error) {
	view, err := r.View.Snapshot(ctx)
	return roster.Reader{Store: roster.Documents(view.Documents)}, err
}

// silent is how old a hub's last word on a connection may be before nobody is held to read it.
const silent = 6 * statusEvery

// watched says how hubs read the connections, as far as a drift may be due to it.
func (r *Reader) watched(ctx context.Context) ([]replay.Watched, error) {
	statuses, err := r.Statuses(ctx)
	if err != nil {
		return nil, err
	}
	var out []replay.Watched
	for _, s := range statuses {
		w := replay.Watched{Tenant: s.Tenant, Connection: s.Connection}
		switch {
		case r.Alone():
			w.Gone = "no hub runs: the connection was last read " + s.Time.UTC().Format(time.RFC3339)
		case time.Since(s.Time) > silent, s.State == connectors.StateStopped:
			w.Gone = "no hub reads the connection since " + s.Time.UTC().Format(time.RFC3339)
		}
		if s.Held != nil {
			w.HeldBy, w.HeldWhy = s.Held.Feed, s.Held.Cure
		}
		for _, f := range s.Feeds {
			w.Feeds = append(w.Feeds, replay.WatchedFeed{Name: f.Name, Trouble: trouble(&s, &f), Doubt: f.Doubt, CaughtUpAt: f.CaughtUpAt,
				Every: time.Duration(f.Every * float64(time.Second))})
		}
		out = append(out, w)
	}
	return out, nil
}

// trouble says why a feed does not read; empty where it does.
func trouble(s *connectors.Status, f *connectors.FeedStatus) string {
	switch {
	case s.State == connectors.StateUnauthorized:
		return s.State + ": " + s.Reason
	case f.State == connectors.FeedCaughtUp, f.State == connectors.FeedCatchingUp && f.LastError == "":
		return ""
	}
	if strings.HasPrefix(f.LastError, f.State+":") {
		return f.LastError
	}
	return strings.TrimSuffix(f.State+": "+f.LastError, ": ")
}
