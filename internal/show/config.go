package show

import (
	"fmt"
	"strings"

	"github.com/rollcallhq/rollcall/internal/config"
)

// Config says what a configuration that is right will do.
func (p *Paper) Config(file string, c config.Config) {
	where := "embedded NATS in " + c.Data
	if !c.NATS.Embedded() {
		var at []string
		for _, u := range c.NATS.URLs {
			at = append(at, config.WithoutSecret(u))
		}
		where = "NATS at " + strings.Join(append(at, nonEmpty(c.NATS.Context)...), ", ")
	}
	p.Printf("%s is right: %s\n", file, where)
	for _, t := range c.Tenants {
		for _, conn := range t.Connections {
			hook := ""
			if path := conn.HookPath(t.Name); path != "" {
				hook = ", woken at " + path
			}
			p.Printf("  %s/%s  %s, up to %.0f%% of its rate limit%s\n", t.Name, conn.Name, conn.Vendor, conn.Share*100, hook)
		}
	}
}

// ConfigCheck is what is wrong with a configuration, for programs.
type ConfigCheck struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	Problems []ConfigProblem `json:"problems"`
}

// ConfigProblem is one thing that is wrong.
type ConfigProblem struct {
	Line int    `json:"line"` // 0: the file as a whole
	Path string `json:"path"`
	Text string `json:"text"` // what is wrong, and the cure
}

// NewConfigCheck lists what is wrong with a file; nil is nothing.
func NewConfigCheck(file string, wrong *config.Problems) ConfigCheck {
	c := ConfigCheck{File: file, OK: wrong == nil}
	if wrong != nil {
		for _, p := range wrong.List {
			c.Problems = append(c.Problems, ConfigProblem(p))
		}
	}
	return c
}

// Sandbox is a running imitation vendor. Its token is its own and opens nothing else.
type Sandbox struct {
	Vendor string `json:"vendor"`
	URL    string `json:"url"`
	Token  string `json:"token"`
}

// Sandboxes prints the configuration that connects to imitation vendors, as a whole file with comments.
func (p *Paper) Sandboxes(vendors []Sandbox) {
	p.Printf("# Imitation vendors. Their tokens are theirs alone and open nothing else; secrets stand outside a configuration,\n")
	p.Printf("# so set them first:\n#\n")
	for _, v := range vendors {
		p.Printf("#   export %s=%s\n", tokenVariable(v), v.Token)
	}
	p.Printf("#\n# Then: rollcall up --config FILE\n")
	p.Printf("tenants:\n  sandbox:\n    connections:\n")
	for _, v := range vendors {
		p.Printf("      %s:\n        vendor: %s\n        endpoint: %s\n", v.Vendor, v.Vendor, v.URL)
		p.Printf("        auth: {method: bearer, token: \"${env:%s}\"}\n        pace: {default: 1s}\n", tokenVariable(v))
	}
}

func tokenVariable(v Sandbox) string {
	return fmt.Sprintf("ROLLCALL_%s_TOKEN", strings.ToUpper(v.Vendor))
}
