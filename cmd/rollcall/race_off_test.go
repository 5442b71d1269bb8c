//go:build !race

package main

// raceEnabled says that no race detector watches.
const raceEnabled = false
