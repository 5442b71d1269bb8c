package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v4"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	secretValue = "s3cr3t-value"
	hookValue   = "s3cr3t-value-of-a-hook"
)

type fake struct{}

func (fake) Feeds() []connectors.Feed { return []connectors.Feed{{Name: "agents"}} }
func (fake) Normalize(connectors.Record) (connectors.Reading, error) {
	return connectors.Reading{}, nil
}

var vendors = []connectors.Vendor{{Name: "okta", New: func(s connectors.Settings) (connectors.Connector, error) {
	if s.Auth["method"].Reveal() != "bearer" {
		return nil, errors.New("auth.method must be bearer")
	}
	return pushed{}, nil
}}, {Name: "mute", New: func(connectors.Settings) (connectors.Connector, error) { return fake{}, nil }}}

// pushed is a fake whose vendor can push.
type pushed struct{ fake }

func (pushed) Receive(http.ResponseWriter, *http.Request) []string { return nil }

func env(name string) (string, bool) {
	v, ok := map[string]string{"TOKEN": secretValue, "EMPTY": "", "PORT": "4222", "HOOK": hookValue, "SHORT": hookValue[:15],
		"BLANK": hookValue + " ", "LINES": hookValue + "\nx"}[name]
	return v, ok
}

const good = `
data: /var/lib/rollcall
nats:
  listen: 127.0.0.1:${env:PORT}
hooks: {listen: 0.0.0.0:8090, behind_proxy: true}
findings: {expiring: 30d, unused: 36h}
archive: {folder: /mnt/archive, segment: 5000, age: 30m, keep: 720h}
tenants:
  acme:
    connections:
      okta-main:
        vendor: okta
        endpoint: https://acme.okta.com/
        auth: {method: bearer, token: "${env:TOKEN}", client_id: 0123}
        options: {projects: [a, b]}
        pace: {agents: 100ms, default: 1m}
        rate_share: 25%
        breaker: {max: 7, share: 0.5}
        hook: {secret: "${env:HOOK}", header: X-Rollcall}
      by-service:
        vendor: okta
        endpoint: {iam: "http://127.0.0.1:1/iam"}
        auth: {method: bearer, token: "${file:token}"}
`

func TestParse(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte(secretValue+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Parse(filepath.Join(dir, "rollcall.yaml"), []byte(good), vendors, env)
	if err != nil {
		t.Fatal(err)
	}
	bearer := func(more ...string) map[string]connectors.Secret {
		m := map[string]connectors.Secret{"method": "bearer", "token": secretValue}
		for i := 0; i+1 < len(more); i += 2 {
			m[more[i]] = connectors.Secret(more[i+1])
		}
		return m
	}
	want := Config{
		Data: "/var/lib/rollcall", NATS: NATS{Listen: "127.0.0.1:4222", Replicas: 1, Stream: "ROLLCALL"},
		Hooks:    Hooks{Listen: "0.0.0.0:8090", BehindProxy: true},
		Archive:  Archive{Folder: "/mnt/archive", Segment: 5000, Age: 30 * time.Minute, Keep: 720 * time.Hour},
		Findings: events.Thresholds{Settle: time.Hour, Expiring: 30 * 24 * time.Hour, LongLife: 400 * 24 * time.Hour, Unused: 36 * time.Hour, Forget: 90 * 24 * time.Hour},
		Tenants: []Tenant{{Name: "acme", Connections: []Connection{
			{Name: "by-service", Vendor: "okta", Services: map[string]string{"iam": "http://127.0.0.1:1/iam"}, Auth: bearer(),
				Share: DefaultShare, Breaker: Breaker{DefaultBreakerMax, DefaultBreakerShare}, Line: 20},
			{Name: "okta-main", Vendor: "okta", Endpoint: "https://acme.okta.com", Auth: bearer("client_id", "0123"),
				Options: map[string]string{"projects": "a,b"}, Pace: map[string]time.Duration{"agents": 100 * time.Millisecond, "default": time.Minute},
				Share: 0.25, Breaker: Breaker{7, 0.5}, Hook: connectors.Hook{Secret: hookValue, Header: "X-Rollcall"}, Line: 11},
		}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// Everything that is wrong is said at once, in the order of the lines, each with the line it stands on.
func TestAllProblemsAtOnce(t *testing.T) {
	const bad = `data: d
dat: e
nats:
  listen: everywhere
  replicas: 9
  replicas: 3
tenants:
  Acme:
    connections:
      okta-main:
        vendor: okta
        endpoint: http://acme.okta.com
        auth: {method: bearer, token: literal}
        pace: {agents: 50ms, other: soon}
        rate_share: 150%
      lost:
        auth: [bearer]
`
	_, err := Parse("rollcall.yaml", []byte(bad), vendors, env)
	var p *Problems
	if !errors.As(err, &p) {
		t.Fatalf("Parse = %v, want Problems", err)
	}
	want := []string{
		"rollcall.yaml:2: dat: this setting is not known",
		"rollcall.yaml:4: nats.listen: \"everywhere\" is not host:port",
		"rollcall.yaml:5: nats.replicas: \"9\" is not a number from 1 to 5",
		"rollcall.yaml:6: nats.replicas: this is set twice, first on line 5",
		"rollcall.yaml:8: tenants.Acme: a name has up to 63 lower-case",
		"rollcall.yaml:12: tenants.Acme.connections.okta-main.endpoint: plain http is for loopback only",
		"rollcall.yaml:13: tenants.Acme.connections.okta-main.auth.token: a secret may not stand in the file",
		"rollcall.yaml:14: tenants.Acme.connections.okta-main.pace.agents: 50ms is too often",
		"rollcall.yaml:14: tenants.Acme.connections.okta-main.pace.other: \"soon\" is not a duration",
		"rollcall.yaml:15: tenants.Acme.connections.okta-main.rate_share: \"150%\" is not a number",
		"rollcall.yaml:17: tenants.Acme.connections.lost.auth: this must be a mapping",
		"rollcall.yaml:17: tenants.Acme.connections.lost.vendor: this setting is missing",
	}
	got := strings.Split(p.Error(), "\n")
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("missing: %s", want[i])
		case i >= len(want):
			t.Errorf("too much: %s", got[i])
		case !strings.HasPrefix(got[i], want[i]):
			t.Errorf("problem %d is\n  %s, want\n  %s", i, got[i], want[i])
		}
	}
}

func connection(body string) string {
	return "tenants: {acme: {connections: {c: {" + body + "}}}}"
}

const (
	door  = "hooks: {listen: '127.0.0.1:8090'}\n"
	plain = "vendor: okta, auth: {method: bearer}"
	hook  = ", hook: {secret: '${env:HOOK}'}"
)

func TestProblems(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"", "the file is empty"},
		{"a: [", "this is not YAML"},
		{"[]", "must be a mapping"},
		{"data: x", "tenants: this setting is missing"},
		{"tenants: {}", "there is no tenant"},
		{connection("vendor: aws, auth: {method: bearer}"), `"aws" is not a vendor: use one of okta, mute`},
		{connection("vendor: okta, auth: {method: magic}"), "auth.method must be bearer"},
		{connection("vendor: okta, auth: {}"), "how to authenticate"},
		{connection("vendor: okta, auth: {method: bearer, token: '${env:NOPE}'}"), "environment variable NOPE is not set"},
		{connection("vendor: okta, auth: {method: bearer, token: '${env:EMPTY}'}"), "environment variable EMPTY is empty"},
		{connection("vendor: okta, auth: {method: bearer, token: '${file:/nope}'}"), "cannot be read"},
		{connection("vendor: okta, auth: {method: bearer, token: 'x${env:TOKEN}'}"), "a secret may not stand in the file"},
		{connection("vendor: okta, auth: {method: bearer}, pace: {users: 1s}"), "okta has no such feed: use default, or one of agents"},
		{connection("vendor: okta, auth: {method: bearer}, endpoint: ftp://x"), "is not a base URL"},
		{connection("vendor: okta, auth: {method: bearer}, endpoint: 'https://u:p@x'"), "has no user"},
		{"nats: {listen: '0.0.0.0:4222'}\n" + connection("vendor: okta, auth: {method: bearer}"), "beyond loopback needs a token"},
		{"nats: {listen: ':4222'}\n" + connection("vendor: okta, auth: {method: bearer}"), "beyond loopback"},
		{"nats: {replicas: 3}\n" + connection("vendor: okta, auth: {method: bearer}"), "for replicas set urls"},
		{"nats: {user: u}\n" + connection("vendor: okta, auth: {method: bearer}"), "set urls too"},
		{"nats: {urls: a, context: b}\n" + connection("vendor: okta, auth: {method: bearer}"), "either urls or a context"},
		{"archive: {}\n" + connection(plain), "archive.folder: this setting is missing"},
		{"archive: {folder: ''}\n" + connection(plain), "archive.folder: the archive's folder must have a name"},
		{"archive: {folder: a, segment: 5}\n" + connection(plain), `archive.segment: "5" is not a number from 100 to`},
		{"archive: {folder: a, age: soon}\n" + connection(plain), `archive.age: "soon" is not a duration`},
		{"archive: {folder: a, age: 10ms}\n" + connection(plain), "archive.age: 10ms is too short: at least 1s"},
		{"archive: {folder: a, keep: 1h}\n" + connection(plain), "archive.keep: 1h is too short: at least 24h0m0s"},
		{"hooks: {}\n" + connection(plain), "hooks.listen: this setting is missing"},
		{"hooks: {listen: everywhere}\n" + connection(plain+hook), `hooks.listen: "everywhere" is not host:port`},
		{"hooks: {listen: ':8090'}\n" + connection(plain), "hooks.listen: listening beyond loopback needs certificate and key"},
		{"hooks: {listen: '0.0.0.0:8090', behind_proxy: false}\n" + connection(plain), "say behind_proxy: true"},
		{"hooks: {listen: '127.0.0.1:0', behind_proxy: maybe}\n" + connection(plain), `"maybe" is neither true nor false`},
		{"hooks: {listen: '127.0.0.1:0', key: k}\n" + connection(plain), "a key without its certificate"},
		{"hooks: {listen: '127.0.0.1:0', certificate: c}\n" + connection(plain), "a certificate without its key"},
		{"hooks: {listen: '127.0.0.1:0', certificate: /nope, key: /nope}\n" + connection(plain), "certificate and key cannot be used: open /nope"},
		{connection(plain + hook), "c.hook: there is no door for pushes: set hooks.listen"},
		{door + connection("vendor: mute, auth: {method: bearer}"+hook), "c.hook: mute cannot push here"},
		{door + connection(plain+", hook: {header: X-Rollcall}"), "c.hook.secret: this setting is missing"},
		{door + connection(plain+", hook: {secret: literal-and-long-enough}"), "a secret may not stand in the file"},
		{door + connection(plain+", hook: {secret: '${env:SHORT}'}"), "the secret is too short: give one of at least 16"},
		{door + connection(plain+", hook: {secret: '${env:BLANK}'}"), "cannot stand in a header"},
		{door + connection(plain+", hook: {secret: '${env:LINES}'}"), "cannot stand in a header"},
		{door + connection(plain+", hook: {secret: '${env:NOPE}'}"), "NOPE is not set"},
		{door + connection(plain+", hook: {secret: '${env:HOOK}', header: 'a b'}"), `"a b" is no header`},
		{door + connection(plain+", hook: {secret: '${env:HOOK}', header: host}"), `"host" is no header`},
	} {
		_, err := Parse("f", []byte(c.yaml), vendors, env)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n  gives %v, want an error with %q", c.yaml, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), secretValue) || strings.Contains(err.Error(), hookValue)) {
			t.Errorf("%s\n  shows a secret: %v", c.yaml, err)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	c, err := Parse("f", []byte(door+connection("vendor: okta, auth: {method: bearer, token: '${env:TOKEN}'}"+hook)), vendors, env)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown = fmt.Appendf(shown, format, c)
	}
	if strings.Contains(string(shown), secretValue) || strings.Contains(string(shown), fmt.Sprintf("%x", secretValue)) {
		t.Error("a secret is shown")
	}
}

// What the parser takes, the published schema takes, and what is wrong in form is wrong for both.
func TestSchemaAgrees(t *testing.T) {
	b, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	validate := func(content string) error {
		var v any
		if err := yaml.Unmarshal([]byte(content), &v); err != nil {
			return err
		}
		j, err := json.Marshal(v)
		if err != nil {
			return err
		}
		var plain any
		if err := json.Unmarshal(j, &plain); err != nil {
			return err
		}
		return resolved.Validate(plain)
	}
	if err := validate(good); err != nil {
		t.Errorf("the schema refuses what the parser takes: %v", err)
	}
	for _, bad := range []string{
		"data: x", "tenants: []", "tenants: {Acme: {connections: {}}}", "tenants: {acme: {}}", "tenants: {}\ntypo: 1",
		connection("vendor: okta, auth: {}"), connection("auth: {method: bearer}"), connection("vendor: okta, auth: {method: bearer}, rate_share: 2"),
		connection("vendor: okta, auth: {method: bearer}, breaker: {maximum: 3}"), "nats: {token: literal}\ntenants: {}",
		"hooks: {}\n" + connection(plain), "hooks: {listen: a, behind_proxy: maybe}\n" + connection(plain),
		door + connection(plain+", hook: {secret: literal-and-long-enough}"), door + connection(plain+", hook: {secret: '${env:HOOK}', header: 'a b'}"),
	} {
		if validate(bad) == nil {
			t.Errorf("the schema takes %s", bad)
		}
		if _, err := Parse("f", []byte(bad), vendors, env); err == nil {
			t.Errorf("the parser takes %s", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add(connection("vendor: okta, auth: &a {method: bearer, x: *a}"))
	f.Add("tenants: {acme: {connections: {c: {auth: {token: '${file:/etc/passwd}'}}}}}")
	f.Fuzz(func(t *testing.T, content string) {
		c, err := Parse("f", []byte(content), vendors, func(string) (string, bool) { return secretValue, true })
		if err != nil && strings.Contains(err.Error(), secretValue) && !strings.Contains(content, secretValue) {
			t.Fatalf("a secret is shown: %v", err)
		}
		if err == nil && len(c.Tenants) == 0 {
			t.Fatal("a configuration without a tenant is taken")
		}
	})
}
