package entra

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// lenient reads what Graph sends: a display name that was cut inside a character must not stop a feed.
var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

func decode(b []byte, v any) error { return json.Unmarshal(b, v, lenient) }

// page is one page of a list or of a delta.
type page struct {
	items []jsontext.Value // as received
	next  string           // nextLink, pinned to the endpoint
	delta string           // deltaLink, pinned to the endpoint
	after string           // of a page without a list: the last id on it
	asked time.Time
}

type pageBody struct {
	Value *[]jsontext.Value `json:"value"`
	Next  string            `json:"@odata.nextLink"`
	Delta string            `json:"@odata.deltaLink"`
}

// page reads one page. A body that is no whole page is a transient error that says what came instead.
func (c *client) page(ctx context.Context, r call) (page, error) {
	a, err := c.get(ctx, r)
	if err != nil {
		return page{}, err
	}
	return c.readPage(a)
}

func (c *client) readPage(a answer) (page, error) {
	var b pageBody
	if err := decode(a.body, &b); err != nil {
		return page{}, c.strange(a, "a page of JSON")
	}
	if b.Value == nil {
		return page{}, c.strange(a, `a page with "value"`)
	}
	for _, link := range []string{b.Next, b.Delta} {
		if err := c.pinned(link); err != nil {
			return page{}, fmt.Errorf("%s: %w", a.place, err)
		}
	}
	return page{items: *b.Value, next: b.Next, delta: b.Delta, asked: a.asked}, nil
}

// pinned refuses a link to anywhere but the endpoint: whoever could plant one would be handed the token. An empty link is no
// link.
func (c *client) pinned(link string) error {
	if link == "" {
		return nil
	}
	u, err := url.Parse(link)
	if err != nil {
		return fmt.Errorf("the answer has a link that is no URL: not followed")
	}
	if u.Scheme != c.base.Scheme || !strings.EqualFold(u.Host, c.base.Host) || u.User != nil || u.Opaque != "" {
		return fmt.Errorf("the answer has a link to %s://%s: not followed, because the endpoint is %s://%s",
			u.Scheme, u.Host, c.base.Scheme, c.base.Host)
	}
	return nil
}

// all reads the rest of a list whose first page is there.
func (c *client) all(ctx context.Context, first page, r call) ([]jsontext.Value, error) {
	items, seen := first.items, map[string]bool{}
	for next := first.next; next != ""; {
		if seen[next] {
			return nil, fmt.Errorf("%s: the pages of a list go round in a circle", c.base.Host)
		}
		seen[next] = true
		r.url, r.followed = next, true
		p, err := c.page(ctx, r)
		if err != nil {
			return nil, err
		}
		items, next = append(items, p.items...), p.next
	}
	return items, nil
}
