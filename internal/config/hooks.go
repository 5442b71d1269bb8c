package config

import (
	"crypto/tls"
	"net"
	"regexp"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v4"

	"github.com/rollcallhq/rollcall/connectors"
)

// Hooks is the door for vendors' pushes.
type Hooks struct {
	Listen      string // host:port; empty: there is no door
	Certificate string // path of a PEM file with the chain; empty: plain http
	Key         string // path of the certificate's key, PEM
	BehindProxy bool   // a proxy in front of it ends TLS
}

// HookRoot is what the paths of all hooks begin with.
const HookRoot = "/hooks/"

// MinHookSecret is the shortest secret of a hook, in characters: nothing slows down who guesses.
const MinHookSecret = 16

// HookPath is the path at which the connection takes its vendor's pushes, or empty.
func (c Connection) HookPath(tenant string) string {
	if c.Hook.Secret == "" {
		return ""
	}
	return HookRoot + tenant + "/" + c.Name
}

func hooksFields() []field[Hooks] {
	return []field[Hooks]{
		{name: "listen", about: "host:port to take pushes at; beyond loopback it needs certificate and key, or behind_proxy", required: true, schema: text(),
			read: func(d *decoder, n *yaml.Node, path string, to *Hooks) { to.Listen = d.listen(n, path) }},
		{name: "certificate", about: "path of a PEM file: the certificate and what leads to its root; read again when it is renewed", schema: text(),
			read: func(d *decoder, n *yaml.Node, path string, to *Hooks) { to.Certificate, _ = d.text(n, path) }},
		{name: "key", about: "path of the certificate's key, a PEM file", schema: text(),
			read: func(d *decoder, n *yaml.Node, path string, to *Hooks) { to.Key, _ = d.text(n, path) }},
		{name: "behind_proxy", about: "true: a proxy in front of it ends TLS, so that plain http may be listened for beyond loopback", schema: flag(),
			read: func(d *decoder, n *yaml.Node, path string, to *Hooks) { to.BehindProxy = d.flag(n, path) }},
	}
}

func hookFields() []field[connectors.Hook] {
	return []field[connectors.Hook]{
		{name: "secret", about: "what the vendor sends to prove a push its own, at least 16 characters", required: true, schema: secret(), read: readHookSecret},
		{name: "header", about: "the request's header that holds it; default: the vendor's, Authorization at Okta",
			schema: &jsonschema.Schema{Type: "string", Pattern: headerForm.String()}, read: readHookHeader},
	}
}

func readHookSecret(d *decoder, n *yaml.Node, path string, to *connectors.Hook) {
	before := len(d.problems)
	to.Secret = d.secret(n, path)
	s := to.Secret.Reveal()
	switch {
	case len(d.problems) > before:
	case len(s) < MinHookSecret:
		d.fail(n.Line, path, "the secret is too short: give one of at least %d random characters, such as `openssl rand -hex 32` makes", MinHookSecret)
	case !headerValue.MatchString(s):
		d.fail(n.Line, path, "the secret cannot stand in a header: use printable ASCII, without blanks at its ends")
	}
}

var (
	headerForm  = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	headerValue = regexp.MustCompile(`^[!-~]([ -~]*[!-~])?$`)
)

func readHookHeader(d *decoder, n *yaml.Node, path string, to *connectors.Hook) {
	s, ok := d.text(n, path)
	if ok && (!headerForm.MatchString(s) || strings.EqualFold(s, "Host")) {
		d.fail(n.Line, path, "%q is no header that can hold a secret: use letters, digits and hyphens, such as Authorization", n.Value)
	}
	to.Header = s
}

// flag reads true or false.
func (d *decoder) flag(n *yaml.Node, path string) bool {
	s, ok := d.text(n, path)
	if ok && s != "true" && s != "false" {
		d.fail(n.Line, path, "%q is neither true nor false", n.Value)
	}
	return s == "true"
}

func flag() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "boolean"}, {Type: "string", Pattern: `^(true|false)$|^\$\{`}}}
}

func (d *decoder) checkHooks(h *Hooks) {
	host, _, _ := net.SplitHostPort(h.Listen)
	switch {
	case h.Listen == "": // no door, or said already
	case h.Certificate == "" && h.Key != "":
		d.fail(0, "hooks.certificate", "a key without its certificate: set both")
	case h.Certificate != "" && h.Key == "":
		d.fail(0, "hooks.key", "a certificate without its key: set both")
	case h.Certificate != "":
		if _, err := tls.LoadX509KeyPair(h.Certificate, h.Key); err != nil {
			d.fail(0, "hooks.certificate", "certificate and key cannot be used: %v", err)
		}
	case !loopback(host) && !h.BehindProxy:
		d.fail(0, "hooks.listen", "listening beyond loopback needs certificate and key, or the secrets of hooks would travel in the clear; "+
			"where a proxy in front ends TLS, say behind_proxy: true")
	}
}

// checkHook says what is wrong with a connection's hook.
func (d *decoder) checkHook(path string, c Connection, made connectors.Connector, door bool) {
	_, can := made.(connectors.Pushed)
	switch {
	case c.Hook.Secret == "":
	case !can:
		d.fail(c.Line, path, "%s cannot push here: leave the hook out, its feeds are polled", c.Vendor)
	case !door:
		d.fail(c.Line, path, "there is no door for pushes: set hooks.listen, such as 127.0.0.1:8090, or leave the hook out")
	}
}
