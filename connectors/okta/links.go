package okta

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// follow turns a link that the vendor gave into a target below the base URL. A link is followed only on the configured scheme
// and host, since the credentials go with the request.
func (c *client) follow(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", errors.New("the next link is not a URL")
	}
	u = c.base.ResolveReference(u)
	if u.Scheme != c.base.Scheme || u.Host != c.base.Host || u.User != nil {
		return "", fmt.Errorf("the next link leads to %s://%s: not followed, because the credentials would go there; "+
			"if the org's own URL is that one, set the connection's endpoint to it", u.Scheme, u.Host)
	}
	target, ok := strings.CutPrefix(u.RequestURI(), c.base.EscapedPath())
	if !ok || !strings.HasPrefix(target, "/") {
		return "", errors.New("the next link leads outside the endpoint's path")
	}
	return target, nil
}

// sameTarget reports whether two targets ask for the same, in whatever order their parameters come.
func sameTarget(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	if errA != nil || errB != nil {
		return a == b
	}
	return ua.Path == ub.Path && ua.Query().Encode() == ub.Query().Encode()
}

// headerLink finds the link of a relation in Link headers, be each on a line of its own or folded into one line by a proxy;
// empty when there is none. A header that breaks off inside a link is an error, since a lost "next" would look like the end.
func headerLink(h http.Header, rel string) (string, error) {
	for _, line := range h.Values("Link") {
		for line = strings.TrimLeft(line, " \t,"); line != ""; line = strings.TrimLeft(line, " \t,") {
			end := strings.IndexByte(line, '>')
			if line[0] != '<' || end < 0 {
				return "", errors.New("the Link header is not of the form <url>; rel=\"next\"")
			}
			link := line[1:end]
			var params string
			params, line = cutParams(line[end+1:])
			if hasRel(params, rel) {
				return link, nil
			}
		}
	}
	return "", nil
}

// cutParams parts the parameters of one link from the links after it: at a comma outside quotes.
func cutParams(s string) (params, rest string) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// hasRel reports whether a link's parameters name the relation: rel="next", rel=next, rel="prev next".
func hasRel(params, rel string) bool {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		for r := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(value), `"`)) {
			if strings.EqualFold(r, rel) {
				return true
			}
		}
	}
	return false
}
