// Package failpoint lets a test kill the process at a named point, as a power failure would: no deferred call runs.
//
// ROLLCALL_FAILPOINT=eventlog.append.sent:3 exits with status [Status] when that point is hit for the third time. Without the
// variable a point costs one atomic load.
package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// Status is the exit status of a process that a failpoint ended.
const Status = 86

// Variable is the environment variable that arms a failpoint.
const Variable = "ROLLCALL_FAILPOINT"

type armed struct {
	point string
	after atomic.Int64
}

var current atomic.Pointer[armed]

func init() { Arm(os.Getenv(Variable)) }

// Arm sets the failpoint, "<point>:<n>" for the nth hit; the empty string disarms.
func Arm(spec string) {
	point, n, _ := strings.Cut(spec, ":")
	if point == "" {
		current.Store(nil)
		return
	}
	a := &armed{point: point}
	nth, err := strconv.ParseInt(n, 10, 64)
	if err != nil || nth < 1 {
		nth = 1
	}
	a.after.Store(nth)
	current.Store(a)
}

// Exit ends the process; a test in the same process replaces it.
var Exit = func() { os.Exit(Status) }

// Hit ends the process if point is armed and this is the hit that it waits for.
func Hit(point string) {
	if a := current.Load(); a != nil && a.point == point && a.after.Add(-1) == 0 {
		Exit()
	}
}
