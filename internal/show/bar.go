package show

import (
	"fmt"
	"strings"
	"time"
)

// Bar tells on a terminal how far something is, and how long it will still take: redrawn in place, at most ten times a second.
// On paper that is no terminal it tells nothing.
type Bar struct {
	Paper *Paper
	Thing string // what is counted: "event"

	began, drawn time.Time
	first        uint64 // done when it was first shown
	shown        bool
}

const barWidth = 24

// Show brings the bar up to date.
func (b *Bar) Show(done, total uint64) {
	if b.Paper.Width == 0 {
		return
	}
	now := time.Now()
	if b.began.IsZero() {
		b.began, b.first = now, done
	}
	if now.Sub(b.drawn) < 100*time.Millisecond {
		return
	}
	b.drawn, b.shown = now, true
	b.Paper.Printf("\r\x1b[K%s", cut(b.line(done, total, now), b.Paper.Width-1))
}

func (b *Bar) line(done, total uint64, now time.Time) string {
	share := 1.0
	if total > 0 {
		share = min(float64(done)/float64(total), 1)
	}
	full := int(share * barWidth)
	line := fmt.Sprintf("  %s%s %3.0f%%  %d of %s", strings.Repeat("━", full), strings.Repeat("─", barWidth-full), share*100, done, Count(total, b.Thing))
	if took := now.Sub(b.began); done > b.first && total > done && took > time.Second {
		left := time.Duration(float64(took) / float64(done-b.first) * float64(total-done))
		line += "  " + ago(left) + " left"
	}
	return line
}

// Clear takes the bar away.
func (b *Bar) Clear() {
	if b.shown {
		b.Paper.Printf("\r\x1b[K")
		b.shown = false
	}
}

// Count says how many of a thing: "1 event", "3 events", "2 entities".
func Count(n uint64, thing string) string { return count(int(n), thing) }
