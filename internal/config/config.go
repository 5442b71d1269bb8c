// Package config reads rollcall.yaml: strictly, saying everything that is wrong at once, each with its line, and with secrets
// by reference only.
//
// Every setting is described once, in the tables of fields.go: its name, what it means, its schema and how it is read. The
// parser, the JSON Schema and the help come from there.
package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// Config is a whole configuration, with secrets resolved.
type Config struct {
	Data    string // folder of all local state
	NATS    NATS
	Hooks   Hooks
	Privacy Privacy
	Archive Archive
	Tenants []Tenant // by name

	// Findings are the thresholds from which on the passing of time makes a finding.
	Findings events.Thresholds

	Warnings []Problem // what is allowed and may not be meant, in the order of the connections
}

// NATS says where the log lives: in the embedded server, unless URLs or a context name another.
type NATS struct {
	Listen   string            // embedded: host:port
	Token    connectors.Secret // embedded: what clients must present; needed beyond loopback
	URLs     []string          // an existing server or cluster
	Context  string            // a context of the nats CLI
	Creds    string            // a path of a .creds file
	User     string
	Password connectors.Secret
	Replicas int // of the log and the views
	Stream   string
}

// Embedded reports whether the hub runs its own server.
func (n NATS) Embedded() bool { return len(n.URLs) == 0 && n.Context == "" }

// Privacy says how persons' names and addresses are kept.
type Privacy struct {
	PlainPersons bool // write them in plain; else they are sealed in the log, each person's with a key of their own, so that they can be erased
}

// Tenant is a customer organization.
type Tenant struct {
	Name        string
	Connections []Connection // by name
}

// Connection is one configured instance of a connector.
type Connection struct {
	Name     string
	Vendor   string
	Endpoint string
	Services map[string]string
	Auth     map[string]connectors.Secret
	Options  map[string]string
	Pace     map[string]time.Duration // by feed; "default" for those not named
	Share    float64                  // of the vendor's rate limit, 0 to 1
	Breaker  Breaker
	Hook     connectors.Hook // no secret: the vendor's pushes are not taken
	Line     int
}

// Breaker bounds what one pass may find gone before a person must approve.
type Breaker struct {
	Max   int     // entities
	Share float64 // of the connection's, 0 to 1
}

// Default is the configuration in which only what it says is set.
func Default() Config {
	return Config{Data: DefaultData, NATS: NATS{Listen: "127.0.0.1:0", Replicas: 1, Stream: "ROLLCALL"},
		Archive: Archive{Segment: DefaultSegment, Age: DefaultAge}, Findings: events.DefaultThresholds}
}

// DefaultData is the folder of all local state where nothing else is said: in the working directory, so that it is easy to see
// and to remove.
const DefaultData = "rollcall-data"

// Defaults of a connection.
const (
	DefaultShare        = 0.4
	DefaultBreakerMax   = 100
	DefaultBreakerShare = 0.3
	MinPace             = 100 * time.Millisecond
)

// Problem is one thing that is wrong.
type Problem struct {
	Line int // 0: the file as a whole
	Path string
	Text string // what is wrong, and the cure
}

// Problems is an error that lists all that is wrong with a file.
type Problems struct {
	File string
	List []Problem
}

func (p *Problems) Error() string {
	var b strings.Builder
	for i, q := range p.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(q.In(p.File))
	}
	return b.String()
}

// In says the problem with its place in a file: "rollcall.yaml:12: tenants.acme: ...".
func (p Problem) In(file string) string {
	if p.Line > 0 {
		file += fmt.Sprintf(":%d", p.Line)
	}
	if p.Path != "" {
		file += ": " + p.Path
	}
	return file + ": " + p.Text
}

// Load reads and checks a file. vendors are the connectors there are; env looks up environment variables (os.LookupEnv). An
// error about the content is a [*Problems].
func Load(file string, vendors []connectors.Vendor, env func(string) (string, bool)) (Config, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(file, b, vendors, env)
}

// Parse is [Load] for content that has been read.
func Parse(file string, content []byte, vendors []connectors.Vendor, env func(string) (string, bool)) (Config, error) {
	d := &decoder{file: file, vendors: vendors, env: env}
	c := Default()
	if root := d.parse(content); root != nil {
		section(d, root, "", rootFields(), &c)
		d.check(&c)
	}
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line })
		return Config{}, &Problems{File: file, List: d.problems}
	}
	return c, nil
}

// Settings are what a connector is made of, but for the transport.
func (c Connection) Settings(tenant string) connectors.Settings {
	return connectors.Settings{
		Tenant: tenant, Connection: c.Name, Endpoint: c.Endpoint, Services: c.Services, Auth: c.Auth, Options: c.Options,
		Hook: c.Hook,
	}
}
