package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Where says where a running hub's NATS is found.
type Where struct {
	URL     string // of NATS; user, password or token may stand in it
	Context string // of the nats command line tool
	Data    string // else: the folder of a hub on this machine
	Stream  string // of the log; empty: ROLLCALL
	Archive string // folder of the log's archive; empty: the one that a hub has noted; [NoArchive]: none
}

// Reader reads what hubs have written, without being one.
type Reader struct {
	Log    *eventlog.Log
	Roster roster.Reader
	View   *projections.Bucket // the roster's documents
	Boards Boards

	keys    *eventlog.Keys
	where   Where
	history History // nil: not opened yet
	stream  string  // of the log
	nc      *nats.Conn
	js      jetstream.JetStream
	server  *natsd.Server // where no hub runs
}

// Alone reports whether no hub runs: what is read is as it was left.
func (r *Reader) Alone() bool { return r.server != nil }

// OpenReader connects to where a hub works.
func OpenReader(ctx context.Context, w Where) (_ *Reader, err error) {
	r := &Reader{where: w, stream: w.Stream}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if err := r.dial(ctx, w); err != nil {
		return nil, err
	}
	js, err := jetstream.New(r.nc)
	if err != nil {
		return nil, err
	}
	if r.keys, err = eventlog.OpenKeys(ctx, r.nc, eventlog.KeysOptions{}); err != nil {
		return nil, err
	}
	if r.Log, err = eventlog.Open(ctx, r.nc, eventlog.Options{Stream: w.Stream, ReadOnly: true, Keys: r.keys}); err != nil {
		return nil, err
	}
	if r.Boards, err = openBoards(ctx, r.nc); err != nil {
		return nil, err
	}
	v, err := views(ctx, r.Boards.Views)
	if err != nil {
		return nil, err
	}
	view, err := openView(ctx, js, v.Live, 0, true)
	if err != nil {
		return nil, err
	}
	r.js, r.View, r.Roster = js, view, roster.Reader{Store: view}
	return r, nil
}

// JetStream is where log and views lie.
func (r *Reader) JetStream() jetstream.JetStream { return r.js }

// MayReadKeys fails where persons are sealed for this reader: then the log folds into another roster than a hub's.
func (r *Reader) MayReadKeys(ctx context.Context) error { return r.keys.MayRead(ctx) }

// Close ends the connection.
func (r *Reader) Close() {
	if r.Log != nil {
		r.Log.Close()
	}
	if r.keys != nil {
		r.keys.Close()
	}
	if r.nc != nil {
		r.nc.Close()
	}
	if r.server != nil {
		_ = r.server.Shutdown() // nothing was written
	}
}

// dial connects to a hub's NATS. Where only a data folder is named and no hub runs on it, what lies there can be read all the
// same: the server runs for as long as the reader is open.
func (r *Reader) dial(ctx context.Context, w Where) (err error) {
	if w.URL != "" || w.Context != "" {
		r.nc, err = Dial(config.NATS{URLs: nonEmpty(strings.Split(w.URL, ",")), Context: w.Context}, "rollcall")
		return err
	}
	holder, err := natsd.Find(w.Data)
	switch {
	case err == nil:
		r.nc, err = Dial(config.NATS{URLs: []string{holder.URL}}, "rollcall")
		return err
	case !errors.Is(err, natsd.ErrNoHub):
		return err
	}
	if _, err := os.Stat(filepath.Join(w.Data, "nats")); err != nil {
		return fmt.Errorf("no hub runs on the folder %s, and it holds nothing: start one with `rollcall up`, name its folder with --data, "+
			"or its NATS with --nats", w.Data)
	}
	if r.server, err = natsd.Start(ctx, natsd.Options{Dir: w.Data, Brief: true}); err != nil {
		return err
	}
	r.nc, err = r.server.Connect(clientOptions("rollcall")...)
	return err
}

func nonEmpty(in []string) []string {
	var out []string
	for _, s := range in {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
