package show

import (
	"cmp"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Findings writes what somebody should look at, by severity and code, each finding with its agent.
func (p *Paper) Findings(list []roster.Found) {
	if len(list) == 0 {
		p.Printf("Nothing was found.\n")
		return
	}
	agents := map[string]bool{}
	for i := range list {
		f := &list[i]
		agents[f.Tenant+"/"+f.Agent] = true
		if i == 0 || f.Code != list[i-1].Code {
			if i > 0 {
				p.Printf("\n")
			}
			n := 0
			for n = i; n < len(list) && list[n].Code == f.Code; n++ {
			}
			p.Printf("%s  %s  %s\n", p.severe(f.Severity), p.Bold(words(string(f.Code))), p.Dim(count(n-i, "finding")))
		}
		since := "since " + date(f.Raised)
		if f.Raised.IsZero() {
			since = ""
		}
		p.Printf("  %s  %s\n", clean(cmp.Or(f.Name, f.Holder)), p.Dim(strings.Join(nonEmpty(f.Connection, f.Agent, since), "  ")))
		p.Printf("    %s\n", p.wrap(f.Explanation, 4))
	}
	p.Printf("\n%s about %s\n", count(len(list), "finding"), count(len(agents), "agent"))
}

func (p *Paper) severe(s events.Severity) string {
	text := pad(string(s), len(events.SeverityMedium))
	switch s {
	case events.SeverityHigh:
		return p.Red(text)
	case events.SeverityMedium:
		return p.Yellow(text)
	}
	return p.Dim(text)
}

// Verdict writes on one line that a finding was raised or cleared.
func (p *Paper) Verdict(e *events.Event, names *Names) {
	f := e.Data.Finding
	mark := p.Red("raised ")
	if e.Verb() == events.Cleared {
		mark = p.Green("cleared")
	}
	p.Printf("%s  %s  %s  %s  %s\n", p.Dim(e.Time.Local().Format(time.DateTime)), mark, p.severe(f.Severity),
		clean(words(string(f.Code)))+": "+clean(names.Of(e.Tenant, e.Connection, f.Holder)), p.Dim(clean(f.Explanation)))
}

// Assertions writes what operators say about which agents are one.
func (p *Paper) Assertions(list []roster.Assertion) {
	if len(list) == 0 {
		p.Printf("Nothing is said. `rollcall link` and `rollcall unlink` say it.\n")
		return
	}
	for i := range list {
		a := &list[i]
		p.Printf("%s  %s\n", p.Bold(clean(a.Key)), p.Dim(clean(a.Tenant)))
		p.row("says", asserted(&a.Assertion))
		p.row("by", a.By+" "+when(a.Time))
		p.row("why", a.Why)
	}
}

// Said tells an operator what the log holds now.
func (p *Paper) Said(a *events.Assertion, takenBack bool) {
	verb := "The log says now, in your name: "
	if takenBack {
		verb = "Taken back, in your name: "
	}
	p.Printf("%s%s.\n", verb, clean(asserted(a)))
}

func asserted(a *events.Assertion) string {
	if a.Says == events.SaysSame {
		return strings.Join(a.Identities, " and ") + " are one agent"
	}
	return words(string(a.Identifier.Type)) + " " + a.Identifier.Value + " proves nothing"
}
