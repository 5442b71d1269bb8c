package projections

import "time"

// WaitLess shortens how long a snapshot waits for a view that says nothing.
func WaitLess(d time.Duration) (undo func()) {
	quiet, silence := snapshotQuiet, snapshotSilence
	snapshotQuiet, snapshotSilence = d, d
	return func() { snapshotQuiet, snapshotSilence = quiet, silence }
}
