package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// output is the --output flag: text for people, json for programs, and what else a command has.
type output struct {
	format string
	others []string
}

// cloudEvents is the format of events for programs that know CloudEvents, but not Rollcall.
const cloudEvents = "cloudevents"

func (o *output) bind(c *cobra.Command, others ...string) {
	o.format, o.others = "text", others
	c.Flags().VarP(o, "output", "o", strings.Join(slices.Concat([]string{"text"}, others), ", ")+", or json for programs: standard output then holds JSON alone")
}

// String, Set and Type implement pflag.Value.
func (o *output) String() string { return o.format }

func (o *output) Set(s string) error {
	known := slices.Concat([]string{"text"}, o.others, []string{"json"})
	if !slices.Contains(known, s) {
		return errors.New("use " + strings.Join(known[:len(known)-1], ", ") + " or json")
	}
	o.format = s
	return nil
}

func (o *output) Type() string { return "format" }

func (o *output) json() bool { return o.format == "json" }
