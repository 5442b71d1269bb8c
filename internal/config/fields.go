package config

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v4"

	"github.com/rollcallhq/rollcall/connectors"
)

func rootFields() []field[Config] {
	return []field[Config]{
		{name: "data", about: "folder of all local state; default " + DefaultData, schema: text(),
			read: func(d *decoder, n *yaml.Node, path string, to *Config) { to.Data, _ = d.text(n, path) }},
		{name: "nats", about: "where the log lives; default: an embedded server", schema: object(natsFields()),
			read: func(d *decoder, n *yaml.Node, path string, to *Config) { section(d, n, path, natsFields(), &to.NATS) }},
		{name: "hooks", about: "the door for vendors' pushes; without it everything is polled", schema: object(hooksFields()),
			read: func(d *decoder, n *yaml.Node, path string, to *Config) { section(d, n, path, hooksFields(), &to.Hooks) }},
		{name: "archive", about: "where closed stretches of the log are kept outside of NATS; without it nothing is archived", schema: object(archiveFields()),
			read: func(d *decoder, n *yaml.Node, path string, to *Config) {
				section(d, n, path, archiveFields(), &to.Archive)
			}},
		{name: "findings", about: "from when on the passing of time makes a finding", schema: object(findingsFields()),
			read: func(d *decoder, n *yaml.Node, path string, to *Config) {
				section(d, n, path, findingsFields(), &to.Findings)
			}},
		{name: "privacy", about: "how persons' names and addresses are kept", schema: object(privacyFields()),
			read: func(d *decoder, n *yaml.Node, path string, to *Config) {
				section(d, n, path, privacyFields(), &to.Privacy)
			}},
		{name: "tenants", about: "customer organizations by name, each with its connections", required: true,
			schema: namedSchema(object(tenantFields())),
			read: func(d *decoder, n *yaml.Node, path string, to *Config) {
				to.Tenants = named(d, n, path, readTenant, func(t Tenant) string { return t.Name })
			}},
	}
}

func natsFields() []field[NATS] {
	set := func(to func(*NATS) *string) func(*decoder, *yaml.Node, string, *NATS) {
		return func(d *decoder, n *yaml.Node, path string, c *NATS) { *to(c), _ = d.text(n, path) }
	}
	hidden := func(to func(*NATS) *connectors.Secret) func(*decoder, *yaml.Node, string, *NATS) {
		return func(d *decoder, n *yaml.Node, path string, c *NATS) { *to(c) = d.secret(n, path) }
	}
	return []field[NATS]{
		{name: "listen", about: "host:port of the embedded server; default 127.0.0.1 and a free port; beyond loopback it needs nats.token", schema: text(),
			read: func(d *decoder, n *yaml.Node, path string, c *NATS) { c.Listen = d.listen(n, path) }},
		{name: "token", about: "what clients of the embedded server, or this hub at an existing one, must present", schema: secret(),
			read: hidden(func(c *NATS) *connectors.Secret { return &c.Token })},
		{name: "urls", about: "an existing server or cluster, instead of the embedded one", schema: texts(),
			read: func(d *decoder, n *yaml.Node, path string, c *NATS) { c.URLs = d.texts(n, path) }},
		{name: "context", about: "a context of the nats command line tool, instead of urls and credentials", schema: text(), read: set(func(c *NATS) *string { return &c.Context })},
		{name: "credentials", about: "path of a .creds file", schema: text(), read: set(func(c *NATS) *string { return &c.Creds })},
		{name: "user", about: "user name", schema: text(), read: set(func(c *NATS) *string { return &c.User })},
		{name: "password", about: "of the user", schema: secret(), read: hidden(func(c *NATS) *connectors.Secret { return &c.Password })},
		{name: "replicas", about: "copies of the log and the views in a cluster, 1 to 5; 3 survives the loss of a server", schema: number(1, 5),
			read: func(d *decoder, n *yaml.Node, path string, c *NATS) { c.Replicas = int(d.number(n, path, 1, 5, true)) }},
		{name: "stream", about: "name of the log's stream; default ROLLCALL", schema: text(), read: set(func(c *NATS) *string { return &c.Stream })},
	}
}

// listen reads where to listen.
func (d *decoder) listen(n *yaml.Node, path string) string {
	s, ok := d.text(n, path)
	if !ok {
		return ""
	}
	if _, port, err := net.SplitHostPort(s); err != nil {
		d.fail(n.Line, path, "%q is not host:port, such as 127.0.0.1:4222", n.Value)
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		d.fail(n.Line, path, "%q has no port from 0 to 65535", n.Value)
	}
	return s
}

func tenantFields() []field[Tenant] {
	return []field[Tenant]{
		{name: "connections", about: "what to read for this tenant, by name", required: true, schema: namedSchema(object(connectionFields())),
			read: func(d *decoder, n *yaml.Node, path string, to *Tenant) {
				to.Connections = named(d, n, path, readConnection, func(c Connection) string { return c.Name })
			}},
	}
}

func readTenant(d *decoder, key, n *yaml.Node, path string) Tenant {
	t := Tenant{Name: key.Value}
	section(d, n, path, tenantFields(), &t)
	return t
}

func readConnection(d *decoder, key, n *yaml.Node, path string) Connection {
	c := Connection{Name: key.Value, Share: DefaultShare, Breaker: Breaker{Max: DefaultBreakerMax, Share: DefaultBreakerShare}, Line: key.Line}
	section(d, n, path, connectionFields(), &c)
	return c
}

func connectionFields() []field[Connection] {
	return []field[Connection]{
		{name: "vendor", about: "entra, google or okta", required: true, schema: text(),
			read: func(d *decoder, n *yaml.Node, path string, to *Connection) { to.Vendor, _ = d.text(n, path) }},
		{name: "endpoint", about: "the vendor's base URL, or a mapping of its services to base URLs; default: the vendor's public one",
			schema: &jsonschema.Schema{OneOf: []*jsonschema.Schema{text(), {Type: "object", AdditionalProperties: text()}}}, read: readEndpoint},
		{name: "auth", about: "method and its parameters, as docs/connectors lists them; secrets by ${env:NAME} or ${file:path} only", required: true,
			schema: &jsonschema.Schema{Type: "object", Required: []string{"method"}, AdditionalProperties: text()}, read: readAuth},
		{name: "options", about: "what else the vendor needs, such as Google's projects", schema: &jsonschema.Schema{Type: "object", AdditionalProperties: texts()},
			read: func(d *decoder, n *yaml.Node, path string, to *Connection) {
				to.Options = map[string]string{}
				d.mapping(n, path, func(key, value *yaml.Node, at string) {
					to.Options[key.Value] = strings.Join(d.texts(value, at), ",")
				})
			}},
		{name: "pace", about: "how often each feed is read once caught up, by feed or \"default\" (for all but those that ask for thing after thing): 30s; at least 100ms",
			schema: &jsonschema.Schema{Type: "object", AdditionalProperties: text()}, read: readPace},
		{name: "rate_share", about: "how much of the vendor's rate limit the connection may use, 0.01 to 1; default 0.4", schema: number(0.01, 1),
			read: func(d *decoder, n *yaml.Node, path string, to *Connection) {
				to.Share = d.number(n, path, 0.01, 1, false)
			}},
		{name: "breaker", about: "what one pass may find gone before a person must approve it", schema: object(breakerFields()),
			read: func(d *decoder, n *yaml.Node, path string, to *Connection) {
				section(d, n, path, breakerFields(), &to.Breaker)
			}},
		{name: "hook", about: "how the vendor proves its pushes, which wake a feed before its time; they come to /hooks/<tenant>/<connection>",
			schema: object(hookFields()),
			read: func(d *decoder, n *yaml.Node, path string, to *Connection) {
				section(d, n, path, hookFields(), &to.Hook)
			}},
	}
}

func breakerFields() []field[Breaker] {
	return []field[Breaker]{
		{name: "max", about: "entities; default 100", schema: number(1, 1e9),
			read: func(d *decoder, n *yaml.Node, path string, to *Breaker) {
				to.Max = int(d.number(n, path, 1, 1e9, true))
			}},
		{name: "share", about: "of the connection's entities, 0.01 to 1; default 0.3", schema: number(0.01, 1),
			read: func(d *decoder, n *yaml.Node, path string, to *Breaker) { to.Share = d.number(n, path, 0.01, 1, false) }},
	}
}

func readEndpoint(d *decoder, n *yaml.Node, path string, to *Connection) {
	if n.Kind != yaml.MappingNode {
		to.Endpoint = d.baseURL(n, path)
		return
	}
	to.Services = map[string]string{}
	d.mapping(n, path, func(key, value *yaml.Node, at string) { to.Services[key.Value] = d.baseURL(value, at) })
}

// baseURL reads a URL. Plain http is for loopback only: credentials would travel in the clear.
func (d *decoder) baseURL(n *yaml.Node, path string) string {
	s, ok := d.text(n, path)
	if !ok {
		return ""
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		d.fail(n.Line, path, "%q is not a base URL such as https://acme.okta.com", n.Value)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		d.fail(n.Line, path, "a base URL has no user, query or fragment")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		d.fail(n.Line, path, "plain http is for loopback only, and %s is not: use https, or credentials would travel in the clear", n.Value)
	}
	return strings.TrimRight(s, "/")
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// plainAuth are the parameters that are no secrets; every other one must be a reference.
var plainAuth = map[string]bool{
	"method": true, "client_id": true, "tenant_id": true, "authority": true, "key_id": true, "algorithm": true, "scopes": true,
	"impersonate": true, "target": true, "subject": true, "audience": true, "token_file": true, "token_url": true, "quota_project": true,
	"managed_identity_id": true,
}

func readAuth(d *decoder, n *yaml.Node, path string, to *Connection) {
	to.Auth = map[string]connectors.Secret{}
	d.mapping(n, path, func(key, value *yaml.Node, at string) {
		if plainAuth[key.Value] {
			s, _ := d.text(value, at)
			to.Auth[key.Value] = connectors.Secret(s)
		} else {
			to.Auth[key.Value] = d.secret(value, at)
		}
	})
	if to.Auth["method"] == "" && n.Kind == yaml.MappingNode {
		d.fail(n.Line, join(path, "method"), "this setting is missing: how to authenticate, such as bearer")
	}
}

func readPace(d *decoder, n *yaml.Node, path string, to *Connection) {
	to.Pace = map[string]time.Duration{}
	d.mapping(n, path, func(key, value *yaml.Node, at string) {
		s, ok := d.text(value, at)
		if !ok {
			return
		}
		pace, err := time.ParseDuration(s)
		switch {
		case err != nil:
			d.fail(value.Line, at, "%q is not a duration such as 500ms, 30s or 5m", value.Value)
		case pace < MinPace:
			d.fail(value.Line, at, "%s is too often: at least %v", value.Value, MinPace)
		default:
			to.Pace[key.Value] = pace
		}
	})
}

// number reads a number between low and high; a share may be written as a percentage.
func (d *decoder) number(n *yaml.Node, path string, low, high float64, whole bool) float64 {
	s, ok := d.text(n, path)
	if !ok {
		return 0
	}
	digits, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if percent && !whole {
		v /= 100
	}
	if err != nil || v < low || v > high || whole && v != float64(int64(v)) {
		d.fail(n.Line, path, "%q is not a number from %v to %v", n.Value, low, high)
		return low
	}
	return v
}
