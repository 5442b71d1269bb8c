package okta

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// list is one page of one of the vendor's lists.
type list struct {
	items []jsontext.Value
	next  string // target of the next page; empty on the last
}

// reader reads a page from an answer. The vendor has two shapes of lists.
type reader func(*client, *answer) (list, error)

// readData reads {"data": [...], "_links": {"next": {"href": ...}}}, where the next link may also be in a header.
func readData(c *client, a *answer) (list, error) {
	var body struct {
		Data  []jsontext.Value `json:"data"`
		Links struct {
			Next jsontext.Value `json:"next"`
		} `json:"_links"`
	}
	if err := json.Unmarshal(a.body, &body); err != nil {
		return list{}, misshapen(a, `an object with a "data" array`, err)
	}
	if body.Data == nil {
		return list{}, misshapen(a, `an object with a "data" array`, errors.New(`"data" is missing or null`))
	}
	link, err := bodyLink(body.Links.Next)
	if err != nil {
		return list{}, misshapen(a, `"_links.next" with an "href"`, err)
	}
	return c.listOf(a, body.Data, link)
}

// readArray reads a bare array, where the next link is in a header.
func readArray(c *client, a *answer) (list, error) {
	var items []jsontext.Value
	if err := json.Unmarshal(a.body, &items); err != nil {
		return list{}, misshapen(a, "an array", err)
	}
	if items == nil {
		return list{}, misshapen(a, "an array", errors.New("it is null"))
	}
	return c.listOf(a, items, "")
}

// listOf completes a page with its next target. A next link that leads back to the same page would never end.
func (c *client) listOf(a *answer, items []jsontext.Value, link string) (list, error) {
	if link == "" {
		var err error
		if link, err = headerLink(a.header, "next"); err != nil {
			return list{}, fmt.Errorf("okta: %s: %w", a.place(), err)
		}
	}
	if link == "" {
		return list{items: items}, nil
	}
	next, err := c.follow(link)
	if err != nil {
		return list{}, fmt.Errorf("okta: %s: %w", a.place(), err)
	}
	if sameTarget(next, a.target) {
		return list{}, fmt.Errorf("okta: %s: the next link leads back to the same page", a.place())
	}
	return list{items: items, next: next}, nil
}

// bodyLink reads the link in "_links.next": absent or null is none, anything else must have an href.
func bodyLink(v jsontext.Value) (string, error) {
	if len(v) == 0 || v.Kind() == 'n' {
		return "", nil
	}
	var next struct {
		Href string `json:"href"`
	}
	if err := json.Unmarshal(v, &next); err != nil {
		return "", err
	}
	if next.Href == "" {
		return "", errors.New("it has no href")
	}
	return next.Href, nil
}

// misshapen is the error for a body that is not what the vendor documents: HTML of a proxy, something cut off, another shape.
func misshapen(a *answer, want string, err error) error {
	return fmt.Errorf("okta: %s answered %d with a body that is not %s (%v): %s",
		a.place(), a.status, want, shorten(err.Error()), snippet(a))
}

// each reads a list to its end, page by page.
func (c *client) each(ctx context.Context, target string, read reader, take func(list, *answer) error) error {
	seen := map[string]bool{}
	for first := target; target != ""; {
		if seen[target] {
			return fmt.Errorf("okta: GET %s: the next links go round in a circle of %d pages", pathOf(first), len(seen))
		}
		seen[target] = true
		l, a, err := c.list(ctx, target, read)
		if err != nil {
			return err
		}
		if whole, err := c.ended(ctx, l, a); err != nil {
			return err
		} else if !whole {
			return fmt.Errorf("okta: GET %s shows nothing any more in the middle of the list: what it has shown is not believed to be all",
				pathOf(first))
		}
		if err := take(l, a); err != nil {
			return err
		}
		target = l.next
	}
	return nil
}

// ended reports whether the end of a list can be believed. Okta answers 200 with an empty list to one who may not see, so an
// empty page that a link led to is either the end, or a sight that was lost on the way: then the list's start is empty as well.
// A sight that was lost for a moment only is back when the page is read again, before or after the start: that is an error, so
// that the page is pulled again.
func (c *client) ended(ctx context.Context, l list, a *answer) (bool, error) {
	u, err := url.Parse(a.target)
	if err != nil || l.next != "" || len(l.items) > 0 || !u.Query().Has("after") {
		return true, nil
	}
	if err := c.stillEmpty(ctx, a.target); err != nil {
		return false, err
	}
	q := u.Query()
	q.Del("after")
	q.Set("limit", "1")
	sees, err := c.shows(ctx, u.EscapedPath()+"?"+encode(q))
	if err != nil || !sees {
		return false, err
	}
	return true, c.stillEmpty(ctx, a.target)
}

// stillEmpty fails when a page that was empty, and the last, is not so any more.
func (c *client) stillEmpty(ctx context.Context, target string) error {
	l, _, err := c.list(ctx, target, readerOf(target))
	if err == nil && (len(l.items) > 0 || l.next != "") {
		err = fmt.Errorf("okta: GET %s: a later page was empty and is not any more: it is read again", pathOf(target))
	}
	return err
}

// encode writes a query as the vendor's examples do: a blank is %20, never a plus sign.
func encode(q url.Values) string { return strings.ReplaceAll(q.Encode(), "+", "%20") }

// shows reports whether a list has anything in it.
func (c *client) shows(ctx context.Context, target string) (bool, error) {
	l, _, err := c.list(ctx, target, readerOf(target))
	return len(l.items) > 0, err
}

// readKeySet reads the keys of an app: a bare array, or the key set that other endpoints of the vendor's answer.
func readKeySet(c *client, a *answer) (list, error) {
	var set struct {
		JWKS struct {
			Keys []jsontext.Value `json:"keys"`
		} `json:"jwks"`
		Keys []jsontext.Value `json:"keys"`
	}
	if json.Unmarshal(a.body, &set) != nil {
		return readArray(c, a)
	}
	keys := set.Keys
	if keys == nil {
		keys = set.JWKS.Keys
	}
	if keys == nil {
		return list{}, misshapen(a, "an array of keys", errors.New(`"keys" is missing or null`))
	}
	return c.listOf(a, keys, "")
}

// readerOf reads the shape that the lists of a target have.
func readerOf(target string) reader {
	if pathOf(target) == appsPath {
		return readArray
	}
	return readData
}

// list reads one page of a list.
func (c *client) list(ctx context.Context, target string, read reader) (list, *answer, error) {
	a, err := c.get(ctx, target)
	if err != nil {
		return list{}, nil, err
	}
	l, err := read(c, a)
	return l, a, err
}

// target is a path with a page size and, if there is one, a filter.
func (c *client) target(path string, limit int, filter string) string {
	q := url.Values{"limit": {strconv.Itoa(min(limit, c.page))}}
	if filter != "" {
		q.Set("filter", filter)
	}
	return path + "?" + encode(q)
}
