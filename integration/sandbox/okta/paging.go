package okta

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"sort"
	"strings"
)

// cursor is what an after value of a list stands for: the place behind the object of a creation number. It outlives that
// object's deletion, and a restart. Clients see an opaque token.
type cursor struct {
	epoch  int
	list   string // which list it belongs to
	key    int64  // creation number, or the time in milliseconds for a list that is ordered by time
	seq    int64  // creation number behind an equal key
	behind bool   // the page before this one was empty on purpose, see Options.EmptyPages
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d|%s|%d|%d|%t", c.epoch, c.list, c.key, c.seq, c.behind))
}

// parseCursor reads what String wrote, and nothing else.
func parseCursor(s string) (c cursor, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return c, false
	}
	text := strings.ReplaceAll(string(b), "|", " ")
	if _, err := fmt.Sscanf(text, "%d %s %d %d %t", &c.epoch, &c.list, &c.key, &c.seq, &c.behind); err != nil {
		return c, false
	}
	return c, c.String() == s
}

// place is an element's position in its list.
type place struct{ key, seq int64 }

func (p place) after(c cursor) bool {
	return p.key > c.key || p.key == c.key && p.seq > c.seq
}

// sizes are a list's limits for the limit parameter.
type sizes struct{ def, low, high int }

// page cuts the page out of a list that the request asks for, and returns the after value of the next page, if there is
// one. The list is whole and in the order of places, which at tells; only what fits (nil: all) is shown, and no more of the
// list is looked at than the page needs. A refusal is returned as the answer, else nil.
func page[T any](c *call, list string, all []T, fits func(T) bool, size sizes, at func(T) place) (items []T, next string, refused *answer) {
	n, fine := c.number("limit", size.def, size.low, size.high)
	if !fine {
		a := invalid("limit", fmt.Sprintf("must be a number from %d to %d.", size.low, size.high))
		return nil, "", &a
	}
	if c.opt.PageSize > 0 {
		n = min(n, c.opt.PageSize)
	}
	from := cursor{epoch: c.st.Epoch, list: list, key: math.MinInt64}
	further := c.q.Has("after")
	if further {
		if from, fine = parseCursor(c.q.Get("after")); !fine || from.epoch != c.st.Epoch || from.list != list {
			a := badCursor()
			return nil, "", &a
		}
	}
	start := sort.Search(len(all), func(i int) bool { return at(all[i]).after(from) })
	items, more := take(all[start:], fits, n)
	if c.opt.EmptyPages && further && !from.behind && len(items) > 0 {
		from.behind = true
		return nil, from.String(), nil
	}
	if more {
		p := at(items[len(items)-1])
		next = cursor{epoch: c.st.Epoch, list: list, key: p.key, seq: p.seq}.String()
	}
	if c.opt.RepeatItems && further {
		items = append(last(all[:start], fits), items...)
	}
	return items, next, nil
}

// take returns the first n that fit, and whether there are more.
func take[T any](list []T, fits func(T) bool, n int) (items []T, more bool) {
	for _, v := range list {
		if fits != nil && !fits(v) {
			continue
		}
		if len(items) == n {
			return items, true
		}
		items = append(items, v)
	}
	return items, false
}

// last returns the last that fits, alone, or nothing.
func last[T any](list []T, fits func(T) bool) []T {
	for i := len(list) - 1; i >= 0; i-- {
		if fits == nil || fits(list[i]) {
			return []T{list[i]}
		}
	}
	return nil
}

// here is the address of this very request.
func (c *call) here() string { return c.base + c.r.URL.RequestURI() }

// nextURL is this request's address with another after value.
func (c *call) nextURL(after string) string {
	q := maps.Clone(c.q)
	q.Set("after", after)
	return c.base + c.r.URL.Path + "?" + q.Encode()
}

// linked adds the Link headers, self and next each on a line of its own, or folded into one.
func (c *call) linked(a answer, next string) answer {
	links := []string{fmt.Sprintf("<%s>; rel=\"self\"", c.here())}
	if next != "" {
		links = append(links, fmt.Sprintf("<%s>; rel=\"next\"", c.nextURL(next)))
	}
	if c.opt.FoldLinks {
		return a.with("Link", strings.Join(links, ", "))
	}
	for _, l := range links {
		a = a.with("Link", l)
	}
	return a
}

// pageLinks are the _links of a list in the newer APIs' form.
type pageLinks struct {
	Self *link `json:"self"`
	Next *link `json:"next,omitempty"`
}

// listBody is a list in the newer APIs' form: an object with data, not a bare array.
type listBody[T any] struct {
	Data  []T       `json:"data"`
	Links pageLinks `json:"_links"`
}

func (c *call) pageLinks(next string) pageLinks {
	l := pageLinks{Self: href(c.here())}
	if next != "" {
		l.Next = href(c.nextURL(next))
	}
	return l
}

// each makes a client's view of each element; the result is never nil, since Okta writes [] and not null.
func each[T, V any](list []T, view func(T) V) []V {
	out := make([]V, 0, len(list))
	for _, v := range list {
		out = append(out, view(v))
	}
	return out
}

// where returns the elements that fit.
func where[T any](list []T, fits func(T) bool) []T {
	var out []T
	for _, v := range list {
		if fits(v) {
			out = append(out, v)
		}
	}
	return out
}
