package google

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// ask is one call. The packages of Google's services (google.golang.org/api) only spell such calls and decode answers that are kept as
// they come here; those of aiplatform and discoveryengine take a minute and a gigabyte to compile, and the light ones would make the
// program some 7 MB larger. Each call is held to their discovery documents by a test instead.
type ask struct {
	method string // empty: GET
	to     string // URL
	query  url.Values
	body   any // as JSON; nil: none
}

// get asks a service. path begins with the version.
func (c *client) get(service, path string, q url.Values) ask {
	return ask{to: c.endpoints[service] + "/" + path, query: q}
}

// post asks a service with a body. path begins with the version.
func (c *client) post(service, path string, q url.Values, body any) ask {
	return ask{method: http.MethodPost, to: c.endpoints[service] + "/" + path, query: q, body: body}
}

// aiplatform asks for one page of a list at a location. A size of 0 leaves the page's size to the vendor.
func (c *client) aiplatform(location, path, token string, size int64) ask {
	return ask{to: c.regional("aiplatform", location) + "/" + path, query: pageAsked(size, token)}
}

// regional is the base URL of a service at a location.
func (c *client) regional(service, location string) string {
	return strings.Replace(c.endpoints[service], "LOC-"+service, location+"-"+service, 1)
}

// pageAsked is the query for one page. A size of 0 leaves it to the vendor.
func pageAsked(size int64, token string) url.Values {
	q := url.Values{}
	if size > 0 {
		q.Set("pageSize", strconv.FormatInt(size, 10))
	}
	if token != "" {
		q.Set("pageToken", token)
	}
	return q
}

// showDeleted asks a list for what is deleted and can be restored, too.
func showDeleted(q url.Values) url.Values {
	q.Set("showDeleted", "true")
	return q
}

func (a ask) request(ctx context.Context) (*http.Request, error) {
	q := url.Values{"alt": {"json"}, "prettyPrint": {"false"}}
	for k, v := range a.query {
		q[k] = v
	}
	var body io.Reader
	if a.body != nil {
		b, err := json.Marshal(a.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	method := a.method
	if method == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(ctx, method, a.to+"?"+q.Encode(), body)
	if err == nil && body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, err
}

// fetch makes a call with the connection's credentials and returns the answer with its body as it came. Errors are a
// [*connectors.Fault] or transient, and name method, path and status.
func (c *client) fetch(ctx context.Context, what ask) (*answer, error) {
	return c.fetchAs(ctx, &c.own, what)
}

// fetchAs is fetch with the credentials of who.
func (c *client) fetchAs(ctx context.Context, who *caller, what ask) (*answer, error) {
	r, err := what.request(ctx)
	if err != nil {
		return nil, err
	}
	a := &answer{method: r.Method, path: r.URL.Path, paged: r.URL.Query().Get("pageToken") != ""}
	if a.secret, err = who.sign(r); err != nil {
		return nil, c.unsigned(err)
	}
	if err := a.receive(who.client, r); err != nil {
		return nil, a.missing(err)
	}
	if a.status < 200 || a.status > 299 {
		return nil, c.refusal(a)
	}
	return a, nil
}

// receive sends the request and reads its answer whole.
func (a *answer) receive(h *http.Client, r *http.Request) error {
	resp, err := h.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("status %d: the body broke off after %d bytes: %w", resp.StatusCode, len(body), err)
	}
	a.status, a.header, a.body = resp.StatusCode, resp.Header, body
	return nil
}
