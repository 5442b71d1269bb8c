// Package all is the list of every vendor that Rollcall can connect to.
package all

import (
	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/entra"
	"github.com/rollcallhq/rollcall/connectors/google"
	"github.com/rollcallhq/rollcall/connectors/okta"
)

// Vendors are all vendors, by name.
var Vendors = []connectors.Vendor{entra.Vendor, google.Vendor, okta.Vendor}
