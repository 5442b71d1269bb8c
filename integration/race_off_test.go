//go:build !race

package integration

// raceEnabled says that no race detector watches.
const raceEnabled = false
