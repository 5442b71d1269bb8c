package natsd

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A full disk is told by the server's log alone; it is held to be full for as long as the server goes on to say so.
func TestTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{opts: Options{Dir: "state"}, log: newQuiet()}
		s.log.Warnf("Filestore [%s] is slow", "ROLLCALL")
		if err := s.Trouble(); err != nil {
			t.Errorf("nothing is wrong, and it says %v", err)
		}
		for _, said := range []string{"write state/1.blk: no space left on device", "JetStream file resource limits exceeded for server"} {
			s.log.Errorf("%s", said)
			var full *FullError
			if err := s.Trouble(); !errors.As(err, &full) || !strings.Contains(err.Error(), "the disk of state is full") {
				t.Errorf("after %q: %v", said, err)
			}
			time.Sleep(2 * fullFor)
			if err := s.Trouble(); err != nil {
				t.Errorf("long after: %v", err)
			}
		}
	})
}
