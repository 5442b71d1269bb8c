package entra

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
)

// batchSize is how many requests Graph takes in one $batch.
const batchSize = 20

type batchBody struct {
	Requests []batchRequest `json:"requests"`
}

type batchRequest struct {
	ID     string `json:"id"`
	Method string `json:"method"`
	URL    string `json:"url"` // relative to the version
}

type batchAnswers struct {
	Responses *[]batchAnswer `json:"responses"`
}

type batchAnswer struct {
	ID      string                    `json:"id"`
	Status  int                       `json:"status"`
	Headers map[string]jsontext.Value `json:"headers"`
	Body    jsontext.Value            `json:"body"`
}

// batch asks for many paths at once and returns an answer for each, whatever its status, by path. Each part is throttled and
// refused on its own; need is for a batch that is refused as a whole.
func (c *client) batch(ctx context.Context, paths []string, need string) (map[string]answer, error) {
	all := map[string]answer{}
	for some := range slices.Chunk(paths, batchSize) {
		if err := c.batchTo(ctx, c.url("/$batch"), some, need, all); err != nil {
			return all, err
		}
	}
	return all, nil
}

// batchTo sends one batch and adds what came back to all. The versions of Graph do not mix in one.
func (c *client) batchTo(ctx context.Context, url string, paths []string, need string, all map[string]answer) error {
	var b batchBody
	for i, path := range paths {
		b.Requests = append(b.Requests, batchRequest{ID: strconv.Itoa(i), Method: http.MethodGet, URL: path})
	}
	body, err := events.Marshal(b)
	if err != nil {
		return err
	}
	a, err := c.get(ctx, call{url: url, body: body, need: need, low: true})
	if err != nil {
		return err
	}
	return c.readBatch(a, paths, all)
}

// readBatch adds the answer to each path of a batch to all.
func (c *client) readBatch(a answer, paths []string, all map[string]answer) error {
	var in batchAnswers
	if err := decode(a.body, &in); err != nil || in.Responses == nil {
		return c.strange(a, `a batch with "responses"`)
	}
	for _, part := range *in.Responses {
		i, err := strconv.Atoi(part.ID)
		if err != nil || i < 0 || i >= len(paths) {
			return fmt.Errorf("%s: an answer to the request %.20q, which was not in the batch", a.place, part.ID)
		}
		all[paths[i]] = part.answer(a, c.base.Path+withoutQuery(paths[i]))
	}
	for _, path := range paths {
		if _, ok := all[path]; !ok {
			return fmt.Errorf("%s: no answer to GET %s in the batch", a.place, withoutQuery(path))
		}
	}
	return nil
}

func (b batchAnswer) answer(whole answer, path string) answer {
	h := http.Header{}
	for name, value := range b.Headers {
		text := string(value) // Graph writes strings; a proxy in between, numbers too
		if value.Kind() == '"' {
			_ = decode(value, &text)
		}
		h.Set(name, text)
	}
	return answer{status: b.Status, header: h, body: b.Body, asked: whole.asked, place: "GET " + path}
}

// withoutQuery is a path for an error.
func withoutQuery(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}
