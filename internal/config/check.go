package config

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/connectors"
)

// check says what is wrong between settings that are each right.
func (d *decoder) check(c *Config) {
	if !d.wrong("nats") {
		d.checkNATS(&c.NATS)
	}
	if !d.wrong("hooks") {
		d.checkHooks(&c.Hooks)
	}
	if c.Data == "" {
		d.fail(0, "data", "the folder of all local state must have a name")
	}
	door := c.Hooks.Listen != "" || d.wrong("hooks")
	for _, t := range c.Tenants {
		for _, conn := range t.Connections {
			d.checkConnection(t.Name, conn, door)
			c.Warnings = append(c.Warnings, d.warnings(t.Name, conn)...)
		}
	}
	if len(c.Tenants) == 0 && len(d.problems) == 0 {
		d.fail(0, "tenants", "there is no tenant: name at least one, with a connection")
	}
}

func (d *decoder) checkNATS(n *NATS) {
	host, _, _ := net.SplitHostPort(n.Listen)
	switch {
	case len(n.URLs) > 0 && n.Context != "":
		d.fail(0, "nats.context", "set either urls or a context")
	case n.Embedded() && (n.Creds != "" || n.User != ""):
		d.fail(0, "nats", "credentials and user are for an existing server: set urls too")
	case n.Embedded() && n.Replicas > 1:
		d.fail(0, "nats.replicas", "the embedded server is one server: for replicas set urls of a cluster")
	case n.Embedded() && !loopback(host) && n.Token == "":
		d.fail(0, "nats.token", "listening beyond loopback needs a token: anybody could read who may do what")
	}
}

// checkConnection makes the connector, without a call to the vendor, to learn what it has to say of its settings.
// door says that there is one for pushes.
func (d *decoder) checkConnection(tenant string, c Connection, door bool) {
	path := "tenants." + tenant + ".connections." + c.Name
	i := slices.IndexFunc(d.vendors, func(v connectors.Vendor) bool { return v.Name == c.Vendor })
	if i < 0 {
		if c.Vendor != "" {
			d.fail(c.Line, path+".vendor", "%q is not a vendor: use one of %s", c.Vendor, vendorNames(d.vendors))
		}
		return
	}
	if d.wrong(path) {
		return // the connector would only repeat it
	}
	s := c.Settings(tenant)
	s.Transport = refuse{}
	made, err := d.vendors[i].New(s)
	if err != nil {
		d.fail(c.Line, path, "%v", err)
		return
	}
	d.checkPace(path+".pace", c, made)
	d.checkHook(path+".hook", c, made, door)
}

// warnings are what the vendor has to say of a connection's settings that are not wrong.
func (d *decoder) warnings(tenant string, c Connection) []Problem {
	i := slices.IndexFunc(d.vendors, func(v connectors.Vendor) bool { return v.Name == c.Vendor && v.Warnings != nil })
	if i < 0 {
		return nil
	}
	var out []Problem
	for _, text := range d.vendors[i].Warnings(c.Settings(tenant)) {
		out = append(out, Problem{Line: c.Line, Path: "tenants." + tenant + ".connections." + c.Name, Text: text})
	}
	return out
}

// wrong reports whether something at or below path is known to be wrong.
func (d *decoder) wrong(path string) bool {
	return slices.ContainsFunc(d.problems, func(p Problem) bool {
		return p.Path == path || strings.HasPrefix(p.Path, path+".")
	})
}

func (d *decoder) checkPace(path string, c Connection, made connectors.Connector) {
	var feeds []string
	for _, f := range made.Feeds() {
		feeds = append(feeds, f.Name)
	}
	for name := range c.Pace {
		if name != "default" && !slices.Contains(feeds, name) {
			d.fail(c.Line, join(path, name), "%s has no such feed: use default, or one of %s", c.Vendor, strings.Join(feeds, ", "))
		}
	}
}

func vendorNames(vs []connectors.Vendor) string {
	names := make([]string, len(vs))
	for i, v := range vs {
		names[i] = v.Name
	}
	return strings.Join(names, ", ")
}

// refuse keeps a check off the network.
type refuse struct{}

func (refuse) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("checking a configuration makes no calls")
}
