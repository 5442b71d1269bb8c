package connectors

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// What an entity costs in memory, its holder and key included, as the documentation of state says.
func TestStateMemory(t *testing.T) {
	const n = 50000
	before := heap()
	st := newState(time.Now())
	for i := range n {
		h := fmt.Sprintf("0oa%017d", i/4)
		e := entity{ref: events.Ref{Kind: events.KindGrant, Holder: h, Key: fmt.Sprintf("key-%016d", i)}, asked: unasked}
		st.put(&e, "grants/"+h)
	}
	per := int(heap()-before) / n
	t.Logf("%d bytes per entity", per)
	if per > 700 {
		t.Errorf("%d bytes per entity: the documentation says less", per)
	}
	runtime.KeepAlive(st)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
