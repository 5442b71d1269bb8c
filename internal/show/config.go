package show

import (
	"fmt"
	"strings"

	"github.com/rollcallhq/rollcall/internal/config"
)

// Config says what a configuration that is right will do, and what in it may not be meant.
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
	if a := c.Archive; a.Folder != "" {
		kept := "and stays in NATS"
		if a.Keep > 0 {
			kept = fmt.Sprintf("and leaves NATS after %s, but for the last event about each entity", a.Keep)
		}
		p.Printf("  the log is archived to %s %s\n", a.Folder, kept)
	}
	for _, w := range c.Warnings {
		p.Printf("warning: %s\n", w.In(file))
	}
}

// ConfigCheck is what is wrong with a configuration, for programs.
type ConfigCheck struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	Problems []ConfigProblem `json:"problems"`
	Warnings []ConfigProblem `json:"warnings"` // of a configuration that is right: what may not be meant
}

// ConfigProblem is one thing that is wrong, or may not be meant.
type ConfigProblem struct {
	Line int    `json:"line"` // 0: the file as a whole
	Path string `json:"path"`
	Text string `json:"text"` // what is wrong, and the cure
}

// NewConfigCheck lists what is wrong with a file; nil is nothing. The warnings are those of one that is right.
func NewConfigCheck(file string, wrong *config.Problems, warnings []config.Problem) ConfigCheck {
	c := ConfigCheck{File: file, OK: wrong == nil, Warnings: configProblems(warnings)}
	if wrong != nil {
		c.Problems = configProblems(wrong.List)
	}
	return c
}

func configProblems(list []config.Problem) []ConfigProblem {
	var out []ConfigProblem
	for _, p := range list {
		out = append(out, ConfigProblem(p))
	}
	return out
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
