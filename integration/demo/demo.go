// Package demo is the company that `rollcall up --demo` calls the roll of: three sandboxes on loopback, kept in a folder so
// that a restart meets the same vendors with the same tokens, and a driver that changes something every few seconds.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/entra"
	"github.com/rollcallhq/rollcall/integration/sandbox/google"
	"github.com/rollcallhq/rollcall/integration/sandbox/okta"
)

// Vendors are the imitation vendors there are.
var Vendors = []string{"entra", "google", "okta"}

// Options size the company.
type Options struct {
	Dir     string   // folder of the sandboxes' state; empty: nothing is kept
	Seed    uint64   // 0: as the folder has it, else 1
	Agents  int      // over all vendors; 0: as the folder has it, else 60
	Listen  string   // host, of loopback, and port of the first vendor; empty: ports as the folder has them, else free ones
	Vendors []string // nil: all
}

// Defaults of a company that was never started.
const (
	DefaultSeed   = 1
	DefaultAgents = 60
)

// Company is the running sandboxes.
type Company struct {
	sandbox.Company
	Seed    uint64
	Agents  int
	Vendors []*Vendor
}

// Vendor is one running sandbox.
type Vendor struct {
	Name  string
	URL   string // base URL; the control API is below /_control/
	Token string
	State sandbox.Vendor  // what the vendor has, and the way to change it
	Chaos *sandbox.Server // calls made, and faults to play

	server *http.Server
}

// kept is what the folder says of a company, so that a restart meets the same one.
type kept struct {
	Seed      uint64            `json:"seed"`
	Agents    int               `json:"agents"`
	Addresses map[string]string `json:"addresses"`
}

// Start starts the sandboxes. Close ends them. They listen on loopback only.
func Start(o Options) (_ *Company, err error) {
	if err := checkListen(o.Listen); err != nil {
		return nil, err
	}
	k, err := settle(&o)
	if err != nil {
		return nil, err
	}
	c := &Company{Company: sandbox.NewCompany(o.Seed, o.Agents), Seed: o.Seed, Agents: o.Agents}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	names := o.Vendors
	if names == nil {
		names = Vendors
	}
	for n, name := range names {
		v, err := c.start(name, &o, address(&o, k, name, n))
		if err != nil {
			return nil, err
		}
		c.Vendors = append(c.Vendors, v)
		k.Addresses[name] = v.server.Addr
	}
	if o.Dir == "" {
		return c, nil
	}
	return c, keep(o.Dir, k)
}

// settle fills in what the options leave open from what the folder holds, and refuses what contradicts it.
func settle(o *Options) (kept, error) {
	k := kept{Addresses: map[string]string{}}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return k, fmt.Errorf("making the sandboxes' folder: %w", err)
		}
		b, err := os.ReadFile(filepath.Join(o.Dir, "company.json"))
		if err == nil {
			err = json.Unmarshal(b, &k)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return k, fmt.Errorf("reading the sandboxes' folder %s (remove it to start over): %w", o.Dir, err)
		}
	}
	if k.Seed != 0 && (o.Seed != 0 && o.Seed != k.Seed || o.Agents != 0 && o.Agents != k.Agents) {
		return k, fmt.Errorf("the company in %s was made with --seed %d --agents %d: leave both out to go on with it, or take another --data folder",
			o.Dir, k.Seed, k.Agents)
	}
	first := func(values ...uint64) uint64 {
		for _, v := range values {
			if v != 0 {
				return v
			}
		}
		return 0
	}
	o.Seed = first(o.Seed, k.Seed, DefaultSeed)
	o.Agents = int(first(uint64(o.Agents), uint64(k.Agents), DefaultAgents))
	k.Seed, k.Agents = o.Seed, o.Agents
	if k.Addresses == nil {
		k.Addresses = map[string]string{}
	}
	return k, nil
}

// checkListen refuses an address that other machines reach. Whoever reaches a sandbox may do with it what they like.
func checkListen(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if addr == "" || err != nil || loopback(host) { // of an address that is none, listening says what is wrong
		return nil
	}
	return fmt.Errorf("listening on %s lets other machines in, and the sandboxes' control API asks for no credentials: "+
		"listen on loopback, such as 127.0.0.1:9000, and come from another machine by a tunnel, such as ssh -L", addr)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func address(o *Options, k kept, name string, n int) string {
	if o.Listen == "" {
		if a := k.Addresses[name]; a != "" && checkListen(a) == nil {
			return a
		}
		return "127.0.0.1:0"
	}
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return o.Listen // listening will say what is wrong
	}
	if first, err := net.LookupPort("tcp", port); err == nil && first > 0 {
		port = fmt.Sprint(first + n)
	}
	return net.JoinHostPort(host, port)
}

func keep(dir string, k kept) error {
	b, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "company.json"), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("keeping the company: %w", err)
	}
	return nil
}

func imitation(name string, c sandbox.Company, seed uint64) (sandbox.Vendor, error) {
	switch name {
	case "entra":
		return entra.New(c, seed), nil
	case "google":
		return google.New(c, seed), nil
	case "okta":
		return okta.New(c, seed), nil
	}
	return nil, fmt.Errorf("there is no sandbox of %q: use any of %v", name, Vendors)
}

func (c *Company) start(name string, o *Options, addr string) (*Vendor, error) {
	imitated, err := imitation(name, c.Company, o.Seed)
	if err != nil {
		return nil, err
	}
	v := &Vendor{Name: name, Token: imitated.Token(), State: imitated}
	if o.Dir != "" {
		if v.State, err = sandbox.Open(imitated, filepath.Join(o.Dir, name+".json")); err != nil {
			return nil, err
		}
	}
	l, err := listen(addr, o.Listen == "")
	if err != nil {
		return nil, fmt.Errorf("starting the %s sandbox: %w", name, err)
	}
	v.Chaos = sandbox.Serve(v.State)
	v.server = &http.Server{Addr: l.Addr().String(), Handler: v.Chaos, ReadHeaderTimeout: 10 * time.Second}
	v.URL = "http://" + l.Addr().String()
	go v.server.Serve(l) //nolint:errcheck // it ends with http.ErrServerClosed, by Close
	return v, nil
}

// listen takes the address; where it may be any, a port that is taken by now is no reason to fail.
func listen(addr string, anyPort bool) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil && anyPort {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return l, err
}

// Close ends the sandboxes and saves their state.
func (c *Company) Close() error {
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, v := range c.Vendors {
		if err := v.server.Shutdown(ctx); err != nil {
			errs = append(errs, v.server.Close())
		}
		if state, ok := v.State.(io.Closer); ok { // a store, which saves, or a vendor that does something by itself
			errs = append(errs, state.Close())
		}
	}
	return errors.Join(errs...)
}
