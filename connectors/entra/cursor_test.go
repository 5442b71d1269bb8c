package entra

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
)

// FuzzCursor: whatever is stored or linked, the token goes to the configured scheme and host alone.
func FuzzCursor(f *testing.F) {
	for _, link := range []string{
		"", "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=a", "http://graph.microsoft.com/", "//graph.microsoft.com/",
		"https://graph.microsoft.com@evil.example/", "https://graph.microsoft.com:443/", "https://evil.example/", "/v1.0/users",
		"https:graph.microsoft.com/", "https://graph.microsoft.com\x00/", "https://graph.microsoft.com/%zz", "?a", `https:\\graph.microsoft.com`,
	} {
		b, _ := cursor{Link: link}.encode()
		f.Add([]byte(b), link)
	}
	f.Add([]byte(`{"v":1,"phase":"no such","seen":["x"],"pass":true}`), "")
	c, err := New(connectors.Settings{Auth: map[string]connectors.Secret{"method": "bearer", "token": testToken}})
	if err != nil {
		f.Fatal(err)
	}
	client := c.(*Connector).client
	home := func(t *testing.T, link string) {
		u, err := url.Parse(link)
		if link != "" && (err != nil || u.Scheme != "https" || !strings.EqualFold(u.Host, "graph.microsoft.com") || u.User != nil) {
			t.Errorf("%q would be followed", link)
		}
	}
	f.Fuzz(func(t *testing.T, stored []byte, link string) {
		if client.pinned(link) == nil {
			home(t, link)
		}
		if cur, err := client.readCursor(stored); err == nil {
			home(t, cur.Link)
			b, err := cur.encode()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.readCursor(b); err != nil {
				t.Errorf("%s was read, %s not: %v", stored, b, err)
			}
		}
	})
}

func TestCursorsAreSmallAndOfTheirEndpoint(t *testing.T) {
	g := newGraph(t, firstRound)
	_, next := round(t, g.feed("service-principals"), nil)
	if len(next) > 300 {
		t.Errorf("a cursor of %d bytes: %s", len(next), next)
	}
	other := newGraph(t, nil) // the endpoint was changed in the configuration
	_, err := other.feed("service-principals").Pull(context.Background(), next)
	wantFault(t, err, connectors.CursorExpired, "another endpoint")
}
