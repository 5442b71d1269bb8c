package google

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
)

// place is what a page token says. It is the token's whole content: the sandbox keeps no record of tokens, so a token
// survives a snapshot, and an epoch's end makes all of them invalid.
type place struct {
	Epoch  int       `json:"e"`
	Query  string    `json:"q"`           // digest of the method, path and parameters that the token belongs to
	After  string    `json:"a"`           // sort key of the last item served
	Blank  bool      `json:"b,omitempty"` // the page before this one was an empty one
	Issued time.Time `json:"t"`
}

// token seals a place so that a token that the sandbox did not make is refused.
func (s *state) token(p place) string {
	b, err := json.Marshal(p)
	if err != nil { // a struct of plain fields
		panic(err)
	}
	return base64.URLEncoding.EncodeToString([]byte(s.seal(b) + "." + string(b)))
}

// seal is a keyed checksum. It keeps honest clients from making tokens up; it is no cryptography.
func (s *state) seal(b []byte) string {
	h := fnv.New64a()
	_, _ = h.Write(strconv.AppendUint(nil, s.Seed, 16))
	_, _ = h.Write(b)
	return strconv.FormatUint(h.Sum64(), 36)
}

// place opens a token; false when it is damaged, foreign or of an earlier epoch.
func (s *state) place(token string) (place, bool) {
	var p place
	b, err := base64.URLEncoding.DecodeString(token)
	if err != nil || base64.URLEncoding.EncodeToString(b) != token { // the decoder skips line breaks
		return p, false
	}
	sum, text, ok := strings.Cut(string(b), ".")
	if !ok || s.seal([]byte(text)) != sum || json.Unmarshal([]byte(text), &p) != nil {
		return p, false
	}
	return p, p.Epoch == s.Epoch
}

// pager cuts a sorted list into pages.
type pager struct {
	fallback, max int           // page size when none is asked for, and at most
	reject        bool          // a size over the maximum is an error, not a wish
	life          time.Duration // how long a token lives; 0: for ever
	size          int           // asked for in the body; otherwise the query says
	token         string        // likewise
	body          bool
}

// list says what is listed: which of all things, in which order, and what is shown of each. Things are shown only when
// their page is due, so that a page of a long list costs little.
type list[E, T any] struct {
	pager
	all   []E
	shelf []item[E]      // instead of all: what is sorted already
	floor string         // the least key that can be in the list; empty: any
	in    func(E) bool   // nil: all of them
	keep  func(any) bool // the filter, on what is shown; nil: none
	key   func(E) string // sort key, unique in the list; not needed with shelf
	desc  bool
	show  func(E) T
}

type item[E any] struct {
	key string
	of  E
}

// page cuts the page out of a list that the request asks for, and returns it with the token of the next one, empty at
// the end. A page begins behind the last key that was served, so a thing that exists throughout a listing is seen
// exactly once however the list changes meanwhile.
func page[E, T any](c *call, l list[E, T]) ([]T, string, *apiError) {
	size, from, e := c.position(l.pager)
	if e != nil {
		return nil, "", e
	}
	items := l.sorted()
	start := 0
	if from.After != "" {
		start, _ = slices.BinarySearchFunc(items, item[E]{key: from.After}, l.compare)
		if start < len(items) && items[start].key == from.After && !c.opt.RepeatLast {
			start++
		}
	}
	return l.cut(c, items[start:], size, from)
}

// sorted are the things that may belong to the list, in its order.
func (l list[E, T]) sorted() []item[E] {
	items := l.shelf
	if l.all != nil {
		for _, e := range l.all {
			if l.in == nil || l.in(e) {
				items = append(items, item[E]{l.key(e), e})
			}
		}
		slices.SortFunc(items, func(a, b item[E]) int { return strings.Compare(a.key, b.key) })
	}
	i, _ := seek(items, l.floor)
	items = items[i:]
	if l.desc {
		items = slices.Clone(items)
		slices.Reverse(items)
	}
	return items
}

func (l list[E, T]) fits(e E) bool {
	return (l.in == nil || l.in(e)) && (l.keep == nil || l.keep(l.show(e)))
}

func (l list[E, T]) compare(a, b item[E]) int {
	if l.desc {
		return strings.Compare(b.key, a.key)
	}
	return strings.Compare(a.key, b.key)
}

// cut takes size items off the front, or none when an empty page is due first.
func (l list[E, T]) cut(c *call, rest []item[E], size int, from place) ([]T, string, *apiError) {
	next := place{Epoch: c.Epoch, Query: c.digest(), After: from.After, Issued: c.now}
	var out []T
	for _, it := range rest {
		if !l.fits(it.of) {
			continue
		}
		if c.opt.EmptyPages && !from.Blank {
			next.Blank = true
			return nil, c.state.token(next), nil
		}
		if len(out) == 0 && c.opt.RepeatLast && from.After == it.key {
			size++ // the repeated item comes on top, or a size of one would go nowhere
		}
		if len(out) == size {
			return out, c.state.token(next), nil
		}
		out = append(out, l.show(it.of))
		next.After = it.key
	}
	return out, "", nil
}

// position reads page size and token, from the query unless the pager holds those of a body.
func (c *call) position(p pager) (size int, from place, e *apiError) {
	size, token := p.size, p.token
	if !p.body {
		if size, e = c.query.number("pageSize", 0); e != nil {
			return 0, from, e
		}
		token = c.query.get("pageToken")
	}
	if size < 0 || p.reject && size > p.max {
		return 0, from, invalid("page_size", "Invalid page size: %d. It must be between 0 and %d.", size, p.max)
	}
	if size == 0 {
		size = p.fallback
	}
	size = min(size, p.max)
	most := c.opt.PageSize
	if p.body && c.opt.LogPage > 0 {
		most = c.opt.LogPage
	}
	if most > 0 {
		size = min(size, most)
	}
	if token == "" {
		return size, from, nil
	}
	from, ok := c.place(token)
	if !ok || from.Query != c.digest() || p.life > 0 && c.now.Sub(from.Issued) > p.life {
		return 0, from, invalid("page_token", "Invalid page token. It must be the nextPageToken of a call with the same "+
			"parameters.")
	}
	return size, from, nil
}

// digest identifies a listing: a page token works only with the parameters that it was given out for, page size aside.
func (c *call) digest() string {
	h := fnv.New64a()
	add := func(s string) { _, _ = h.Write([]byte(s + "\x00")) }
	add(c.route.service + c.route.pattern)
	for _, m := range []map[string]string{c.vars, c.listing()} {
		names := make([]string, 0, len(m))
		for n := range m {
			names = append(names, n)
		}
		slices.Sort(names)
		for _, n := range names {
			add(n + "=" + m[n])
		}
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// listing is the parameters that a page token is bound to.
func (c *call) listing() map[string]string {
	m := map[string]string{}
	for name, vs := range c.query {
		if name != "pageSize" && name != "maxResults" && name != "pageToken" && !slices.Contains(systemParameters, name) {
			m[name] = strings.Join(vs, ",")
		}
	}
	if c.bound != "" {
		m["body"] = c.bound
	}
	return m
}
