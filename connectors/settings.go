package connectors

import (
	"fmt"
	"net/http"
	"time"
)

// Settings are what a connection is made of: its part of the configuration, secrets resolved, and the way out to the network.
type Settings struct {
	Tenant     string
	Connection string

	// Endpoint is the vendor's base URL without a trailing slash, for example https://acme.okta.com; empty: the vendor's own
	// public one. Services overrides it for single services, by the name that the connector's page gives them.
	Endpoint string
	Services map[string]string

	// Auth names the way to authenticate in "method", and its parameters: "token" with method "bearer" everywhere. Each
	// connector's page lists what it takes.
	Auth map[string]Secret

	// Options are what else a vendor needs, such as Google's projects and locations.
	Options map[string]string

	// Hook is how the vendor's pushes are known to be its own. Only connectors that are [Pushed] look at it.
	Hook Hook

	// Transport carries every request of the connection: it counts calls, keeps to the connection's share of the vendor's rate
	// limit, and bounds a request's time. The connector puts its vendor's SDK on top of it and never makes a client of its own.
	Transport http.RoundTripper

	// Now is the hub's clock; nil means time.Now.
	Now func() time.Time
}

// Clock is the hub's clock.
func (s Settings) Clock() func() time.Time {
	if s.Now != nil {
		return s.Now
	}
	return time.Now
}

// Vendor is how a vendor's connectors are made. The list of all is in connectors/all.
type Vendor struct {
	Name  string   // entra, google, okta
	Title string   // for a person: "Microsoft Entra"
	Auth  []string // the methods that Auth["method"] takes, the best first

	// Class puts a request into one of the vendor's classes of rate limits; nil: [Limits.Class]'s default.
	Class func(*http.Request) string

	// PerMinute is how many calls of a class per minute the vendor documents to let everybody make, 0 where it says nothing; nil:
	// the vendor's answers state their limits.
	PerMinute func(class string) float64

	// New makes a connector. It does no network I/O. Its errors name the setting and the cure, and no secret.
	New func(Settings) (Connector, error)

	// Warnings says of settings with which New works what may not be meant, each with the cure, and without a secret. It does
	// no network I/O; nil: the vendor has none.
	Warnings func(Settings) []string
}

// Secret is a value that must not be printed. Every way to format it shows "[redacted]".
type Secret string

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string { return "[redacted]" }

// GoString keeps %#v from showing the value.
func (s Secret) GoString() string { return "[redacted]" }

// Format keeps every verb from showing the value.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// MarshalText keeps encoders from writing the value.
func (s Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }
