// Package connectortest holds the suite that every connector passes, and a scripted vendor that misbehaves in all the ways
// that vendors do.
//
// A connector's test, or an integration test with a sandbox, hands a [Harness] to [Run]:
//
//	connectortest.Run(t, connectortest.Harness{
//		New: func(t *testing.T) (connectors.Connector, connectortest.Control) { ... },
//	})
//
// The suite runs the connector under the real runner and reconcile, against a log in memory, and holds what is in the log to the
// vendor's own truth. What a vendor does not have, its harness names in Lacks; nothing is skipped silently.
//
// [Chaos] is a connector over a directory in memory whose pages drift, repeat, come late, come empty or do not come at all, by
// script. The package's own tests run the suite on it, and plant violations to see that each check can fail.
package connectortest
