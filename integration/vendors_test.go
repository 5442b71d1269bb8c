package integration

import (
	"errors"
	"maps"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/connectors/connectortest"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/entra"
	"github.com/rollcallhq/rollcall/integration/sandbox/google"
	"github.com/rollcallhq/rollcall/integration/sandbox/okta"
)

// suiteAgents is how large the company is whose sandboxes the connectors' suite runs against, over all vendors.
const suiteAgents = 24

// patience is how long the suite waits for what must come: machines are busy.
const patience = time.Minute

// suiteSeed is their seed.
const suiteSeed = 1

// Every connector passes the connectors' suite against the sandbox of its vendor.
func TestEntra(t *testing.T) {
	runSuite(t, func(c sandbox.Company) sandbox.Vendor {
		s := entra.New(c, suiteSeed)
		s.PageSize = 3
		return s
	}, "")
}

func TestGoogle(t *testing.T) {
	runSuite(t, func(c sandbox.Company) sandbox.Vendor {
		s := google.New(c, suiteSeed)
		s.Options = google.Options{PageSize: 3}
		return s
	}, "service_account") // what can be disabled and restored
}

func TestOkta(t *testing.T) {
	runSuite(t, func(c sandbox.Company) sandbox.Vendor {
		return okta.NewWith(c, suiteSeed, okta.Options{PageSize: 3})
	}, "ai_agent", connectortest.Lack(connectortest.Restore)) // Okta deletes for good
}

func runSuite(t *testing.T, make func(sandbox.Company) sandbox.Vendor, native string, lacks ...connectortest.Lack) {
	t.Parallel()
	connectortest.Run(t, connectortest.Harness{Lacks: lacks, Patience: patience, New: func(t *testing.T) (connectors.Connector, connectortest.Control) {
		v := make(sandbox.NewCompany(suiteSeed, suiteAgents))
		server := sandbox.Serve(v)
		listening := httptest.NewServer(server)
		t.Cleanup(listening.Close)
		return connect(t, v, listening.URL), &control{t: t, vendor: v, server: server, native: native}
	}})
}

// connect makes the connector of a sandbox's vendor, with small pages.
func connect(t testing.TB, v sandbox.Vendor, url string) connectors.Connector {
	t.Helper()
	i := slices.IndexFunc(all.Vendors, func(known connectors.Vendor) bool { return known.Name == v.Name() })
	if i < 0 {
		t.Fatalf("no connector is called %q", v.Name())
	}
	options := map[string]string{"page_size": "3"}
	maps.Copy(options, told[v.Name()])
	c, err := all.Vendors[i].New(connectors.Settings{
		Tenant: "acme", Connection: v.Name(), Endpoint: url,
		Auth:      map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(v.Token())},
		Options:   options,
		Transport: connectors.NewTransport(nil, connectors.Limits{Share: 1}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// control lets the connectors' suite change a sandbox. The words of both are the same.
type control struct {
	t      *testing.T
	vendor sandbox.Vendor
	server *sandbox.Server
	native string // which agents are changed; empty: any
}

func (c *control) Mutate(op connectortest.Op) (string, error) {
	o, err := c.vendor.Mutate(sandbox.Change{Op: sandbox.Op(op), Native: c.native})
	if errors.Is(err, sandbox.ErrNoTarget) {
		return "", errors.Join(connectortest.ErrCannot, err)
	}
	return o.Agent, err
}

func (c *control) Inject(f connectortest.Fault) {
	err := c.server.Inject(sandbox.Fault{Kind: sandbox.FaultKind(f.Kind), Times: f.Times, Every: f.Every, After: f.After})
	if err != nil {
		c.t.Errorf("injecting a fault: %v", err)
	}
}

func (c *control) ClearFaults() { c.server.Clear() }

func (c *control) ExpireCursors() { c.vendor.ExpireCursors() }

func (c *control) Truth() []connectortest.Identity {
	var out []connectortest.Identity
	for _, a := range c.vendor.Truth().Agents {
		if a.Status != "deleted" {
			out = append(out, connectortest.Identity{ID: a.ID, Name: a.Name, Status: a.Status, Stewards: a.Stewards, Credentials: a.Credentials})
		}
	}
	return out
}

func (c *control) Secrets() []string { return []string{c.vendor.Token()} }
