package connectortest

import (
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
)

// The suite passes on a vendor that behaves.
func TestSuite(t *testing.T) {
	Run(t, Harness{New: func(*testing.T) (connectors.Connector, Control) {
		c := NewChaos(1, 8)
		return c, c
	}})
}
