package show

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/replay"
)

// driftOf is a report in which everything may be called by the given name.
func driftOf(name string) *replay.DriftReport {
	d := replay.Drift{Tenant: "acme", Connection: "okta", Holder: "wlp1", Name: name, Kind: events.KindAgent, Key: events.Self, Why: name, Certain: true,
		How: replay.DriftDiffers, Fields: []replay.FieldDiff{{Name: "name", From: jsontext.Value(`"former"`), To: jsontext.Value(`"evil\u001b[2J"`)}}}
	return &replay.DriftReport{Drift: []replay.Drift{d}}
}

func TestDrift(t *testing.T) {
	_, names, _ := company("Invoice matcher")
	of := func(d replay.Drift) replay.Drift {
		d.Tenant, d.Connection, d.Holder = "acme", "okta", "wlp1"
		return d
	}
	r := replay.DriftReport{Drift: []replay.Drift{
		of(replay.Drift{Name: "Invoice matcher", Kind: events.KindAgent, Key: events.Self, How: replay.DriftDiffers, Why: "w1", Certain: true,
			Fields: []replay.FieldDiff{{Name: "status", From: jsontext.Value(`"active"`), To: jsontext.Value(`"disabled"`)}}}),
		of(replay.Drift{Name: "Invoice matcher", Kind: events.KindGrant, Key: "g1", How: replay.DriftMissing, Why: "w2", Certain: true,
			Value: jsontext.Value(`{"type":"admin_role","role":"SUPER_ADMIN","role_name":"Super Administrator"}`)}),
		of(replay.Drift{Name: "Invoice matcher", Kind: events.KindStewardship, Key: "owner:p1", How: replay.DriftExtra, Why: "w3", Value: jsontext.Value(`{"role":"owner","person":"p1"}`)}),
		of(replay.Drift{Name: "Invoice matcher", Kind: events.KindCredential, Key: "k1", How: replay.DriftDiffers, Why: "w4", Certain: true}),
		{Tenant: "acme", Connection: "okta", Holder: "p1", Kind: events.KindPerson, Key: events.Self, How: replay.DriftDiffers, Why: "w5", Certain: true},
	}}
	var b bytes.Buffer
	(&Paper{Writer: &b}).Drift(&r, names)
	want := `drift okta: Invoice matcher is not the same
      status: roster active, vendor disabled
      why: w1
drift okta: Invoice matcher: grant Super Administrator is not in the roster
      why: w2
?     okta: Invoice matcher: stewardship owner Invoice matcher is in the roster, and the vendor does not have it
      why: w3
drift okta: Invoice matcher: credential k1 is not the same
      why: w4
drift okta: Invoice matcher (disabled) is not the same
      why: w5
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
