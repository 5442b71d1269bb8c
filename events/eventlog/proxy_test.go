package eventlog_test

import (
	"bytes"
	"net"
	"sync"
	"testing"

	"github.com/rollcallhq/rollcall/events/eventlog/logtest"
)

// proxy stands between hubs and a NATS server, and loses what it is told to lose. Hubs keep its address when the server's changes.
type proxy struct {
	listener net.Listener

	mu      sync.Mutex
	backend string // the server's address; empty: it is away
	lose    *logtest.Loss
	losses  int
	open    map[net.Conn]bool
	done    sync.WaitGroup
}

func newProxy(t *testing.T) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, open: map[net.Conn]bool{}}
	p.done.Go(p.accept)
	t.Cleanup(func() { l.Close(); p.to(""); p.done.Wait() })
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

// to leads to another server from now on, and cuts what is open.
func (p *proxy) to(backend string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.backend = backend
	for c := range p.open {
		c.Close()
	}
}

func (p *proxy) loseNext(what logtest.Loss) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose = &what
}

// lost is how many losses have happened.
func (p *proxy) lost() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.losses
}

func (p *proxy) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.losses++
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.done.Go(func() { p.serve(c) })
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	backend := p.backend
	p.mu.Unlock()
	if backend == "" {
		return
	}
	server, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	if p.backend != backend {
		p.mu.Unlock()
		return
	}
	p.open[client], p.open[server] = true, true
	p.mu.Unlock()
	f := &flow{proxy: p}
	var both sync.WaitGroup
	both.Go(func() { f.copy(server, client, f.up) })
	both.Go(func() { f.copy(client, server, f.down) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, client)
	delete(p.open, server)
}

// flow is one connection through the proxy.
type flow struct {
	proxy  *proxy
	mu     sync.Mutex
	stored bool // the acknowledgement that comes next must not pass
}

// copy passes bytes until a side ends, or pass says to cut.
func (f *flow) copy(to, from net.Conn, pass func(seen []byte) bool) {
	defer to.Close()
	defer from.Close()
	buf, tail := make([]byte, 64<<10), []byte{}
	for {
		n, err := from.Read(buf)
		if n > 0 {
			seen := append(tail, buf[:n]...)
			if !pass(seen) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
			tail = bytes.Clone(seen[max(0, len(seen)-48):])
		}
		if err != nil {
			return
		}
	}
}

// up sees what hubs send.
func (f *flow) up(seen []byte) bool {
	f.proxy.mu.Lock()
	defer f.proxy.mu.Unlock()
	if f.proxy.lose == nil || !isWrite(seen) {
		return true
	}
	what := *f.proxy.lose
	f.proxy.lose = nil
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stored = what == logtest.LoseAck
	if what == logtest.LoseRequest {
		f.proxy.losses++
	}
	return what != logtest.LoseRequest
}

// isWrite finds the last message of a batch, or a claim.
func isWrite(seen []byte) bool {
	return bytes.Contains(seen, []byte("Nats-Batch-Commit")) || bytes.Contains(seen, []byte("HPUB rollcall.claims."))
}

// down sees what the server sends: an acknowledgement is cut off, once it shows that the server has stored the batch.
func (f *flow) down(seen []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.stored || !bytes.Contains(seen, []byte(`{"stream":"ROLLCALL"`)) {
		return true
	}
	f.proxy.count()
	return false
}
