package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/internal/config"
)

// Bounds of the door. Vendors send a few small requests and give up after seconds; whoever sends more is no vendor.
const (
	mostAtOnce      = 16 // requests
	mostConnections = 128
	mostHeader      = 16 << 10 // bytes
	headerTime      = 3 * time.Second
	requestTime     = 10 * time.Second
	idleTime        = 30 * time.Second
)

// door is the HTTP server for vendors' pushes. It serves one path for each connection that has a hook, and nothing else.
type door struct {
	listener net.Listener
	server   *http.Server
	tls      *certificates // nil: plain http
	slots    chan struct{}

	mu    sync.Mutex
	hooks map[string]*hook // by "<tenant>/<connection>"; nil where no runner is made yet
}

// openDoor begins to listen; requests wait until run.
func openDoor(ctx context.Context, c config.Config, logger *slog.Logger) (*door, error) {
	d := &door{slots: make(chan struct{}, mostAtOnce), hooks: map[string]*hook{}}
	for _, t := range c.Tenants {
		for _, conn := range t.Connections {
			if conn.HookPath(t.Name) != "" {
				d.hooks[t.Name+"/"+conn.Name] = nil
			}
		}
	}
	d.server = &http.Server{
		Handler: d, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: requestTime, IdleTimeout: idleTime,
		MaxHeaderBytes: mostHeader, Protocols: new(http.Protocols), ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	d.server.Protocols.SetHTTP1(true)
	if c.Hooks.Certificate != "" {
		d.tls = &certificates{file: c.Hooks.Certificate, key: c.Hooks.Key, logger: logger}
		if err := d.tls.load(); err != nil {
			return nil, fmt.Errorf("hooks.certificate: %w", err)
		}
		d.server.TLSConfig = d.tls.config()
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Hooks.Listen)
	if err != nil {
		return nil, fmt.Errorf("hooks.listen: %w: is another program, or another hub, at this address?", err)
	}
	d.listener = netutil.LimitListener(l, mostConnections)
	return d, nil
}

// run serves until ctx ends, and waits for the requests that are under way.
func (d *door) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
		defer cancel()
		if d.server.Shutdown(ending) != nil {
			d.close()
		}
	}()
	err := d.serve()
	stop()
	<-ended
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("taking vendors' pushes: %w", err)
}

func (d *door) serve() error {
	if d.tls != nil {
		return d.server.ServeTLS(d.listener, "", "")
	}
	return d.server.Serve(d.listener)
}

func (d *door) close() {
	_ = d.server.Close() // what is under way is given up
	_ = d.listener.Close()
}

// ServeHTTP answers one request. A path that is no hook's is not found, whatever tenants there are.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	name, _ := strings.CutPrefix(r.URL.Path, config.HookRoot)
	k, known := d.find(name)
	switch {
	case !known:
		w.WriteHeader(http.StatusNotFound)
	case k == nil:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		r.Body = http.MaxBytesReader(w, r.Body, connectors.MaxPush)
		k.serve(w, r)
	}
}

func (d *door) find(name string) (k *hook, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k, known = d.hooks[name]
	return k, known
}

// attach has a hook answer for its connection from now on.
func (d *door) attach(name string, k *hook) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hooks[name] = k
}

// HookURL is where a connection's vendor pushes to, as seen from this machine, or empty. The vendor may need another name for the
// machine, or a proxy's.
func (h *Hub) HookURL(tenant string, c config.Connection) string {
	path := c.HookPath(tenant)
	if h.door == nil || path == "" {
		return ""
	}
	scheme := "http://"
	if h.door.tls != nil {
		scheme = "https://"
	}
	return scheme + reachable(h.door.listener.Addr().String()) + path
}

// reachable is an address at which others find a listener of all this machine's.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return addr
	}
	if name, err := os.Hostname(); err == nil {
		return net.JoinHostPort(name, port)
	}
	return addr
}

// withHook is the status with how the connection's hook does.
func (h *Hub) withHook(s connectors.Status) connectors.Status {
	if h.door == nil {
		return s
	}
	if k, _ := h.door.find(s.Tenant + "/" + s.Connection); k != nil {
		s.Hook = k.status()
	}
	return s
}
