// Package integration holds the suites that see everything: the hub against the sandboxes, killed at every point, two at once,
// under random changes and faults. Each file says what it proves.
package integration
