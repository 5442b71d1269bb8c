//go:build race

package main

// raceEnabled says that the race detector watches, which makes everything several times slower: suites that repeat themselves do so
// less often then.
const raceEnabled = true
