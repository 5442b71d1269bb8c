package show

import (
	"cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/replay"
)

// Drift writes in what roster and vendors disagree: a line for each thing, its fields, and the likely cause.
func (p *Paper) Drift(report *replay.DriftReport, names *Names) {
	for n := range report.Drift {
		d := &report.Drift[n]
		mark := p.Red("drift")
		if !d.Certain {
			mark = p.Dim("?    ")
		}
		p.Printf("%s %s\n", mark, p.wrap(drifted(d, names), 6))
		for _, f := range d.Fields {
			p.Printf("      %s\n", p.wrap(words(f.Name)+": roster "+value(f.From)+", vendor "+value(f.To), 6))
		}
		p.Printf("      %s\n", p.Dim(p.wrap("why: "+d.Why, 6)))
	}
}

// drifted says what is where.
func drifted(d *replay.Drift, names *Names) string {
	who := cmp.Or(d.Name, names.Of(d.Tenant, d.Connection, d.Holder))
	if d.Kind == events.KindPerson {
		who = names.Person(d.Tenant, d.Connection, d.Holder)
	}
	what := who
	if d.Key != events.Self {
		what = who + ": " + string(d.Kind) + " " + hung(d, names)
	}
	says := map[string]string{
		replay.DriftMissing: "is not in the roster", replay.DriftExtra: "is in the roster, and the vendor does not have it", replay.DriftDiffers: "is not the same",
	}[d.How]
	return d.Connection + ": " + what + " " + says
}

// hung names a thing that hangs on an identity: by what it is where that is known, else by its key.
func hung(d *replay.Drift, names *Names) string {
	e := events.Event{Tenant: d.Tenant, Connection: d.Connection, Data: events.Data{Entity: &events.Entity{Kind: d.Kind, Holder: d.Holder, Key: d.Key}}}
	n := e.Data.Entity
	into := map[events.Kind]any{
		events.KindStewardship: &n.Stewardship, events.KindCredential: &n.Credential, events.KindGrant: &n.Grant,
		events.KindDelegation: &n.Delegation, events.KindRisk: &n.Risk,
	}[d.Kind]
	if into == nil || d.Value == nil || events.Unmarshal(d.Value, into) != nil {
		return short(d.Key)
	}
	return cmp.Or(what(&e, names), short(d.Key))
}
