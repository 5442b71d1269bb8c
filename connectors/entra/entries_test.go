package entra

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// entryFamilies are the files of audit entries: a family of activities each, with the nulls and the personal data that Graph sends.
func entryFamilies(t testing.TB) map[string][]jsontext.Value {
	t.Helper()
	files, _ := filepath.Glob("testdata/entries/*.json")
	families := map[string][]jsontext.Value{}
	for _, file := range files {
		if strings.HasSuffix(file, ".golden.json") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var entries []jsontext.Value
		if err := json.Unmarshal(b, &entries); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		families[strings.TrimSuffix(file, ".json")] = entries
	}
	if len(families) != 6 {
		t.Fatalf("%d families of entries in testdata/entries, not 6", len(families))
	}
	return families
}

// outcome is what one entry leads to.
type outcome struct {
	Activity string            `json:"activity"`
	Result   string            `json:"result,omitzero"`
	Rereads  []string          `json:"rereads,omitzero"` // what is read again, and as what should it not be there
	Tells    []events.Activity `json:"tells,omitzero"`
}

// everybody is whom the log knows in these entries: an agent, its user account, its blueprint, the principal of that, and Ada.
func everybody() logBook {
	return knows(agentRef(agent1), agentRef(user1), blueprintRef(blueprint1), blueprintRef(principal1), personRef(adaID))
}

// personal is a person's name or address, a secret, or an address of the network, as the entries hold them.
var personal = regexp.MustCompile(`(?i)lovelace|verysecret|mozilla|[^\s"]@[^\s"]|\b\d{1,3}(\.\d{1,3}){3}\b`)

// TestEntries: of each activity of the catalogue the golden files tell what is read again and what is told. Nothing personal is kept.
func TestEntries(t *testing.T) {
	for name, entries := range entryFamilies(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			var all []outcome
			for _, raw := range entries {
				all = append(all, leadsTo(t, raw))
			}
			golden(t, name+".golden.json", all)
		})
	}
}

func leadsTo(t *testing.T, raw jsontext.Value) outcome {
	t.Helper()
	e, err := parseAudit(raw)
	if err != nil {
		t.Fatal(err)
	}
	f := &auditFeed{activities: true, failed: map[string]int{}, window: &window{bound: 100}}
	cur := &logCursor{At: e.At}
	records, err := f.take(connectors.Knowing(context.Background(), everybody()), cur, raw, time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	out := outcome{Activity: e.Deed, Result: e.Result}
	for _, s := range cur.Todo {
		line := s.ID
		switch {
		case s.Hard:
			line += ", gone for good"
		case s.Gone:
			line += ", gone"
		}
		out.Rereads = append(out.Rereads, line)
	}
	for _, r := range records {
		if found := personal.FindString(string(r.Body)); found != "" {
			t.Errorf("%s: the record keeps %q", e.Deed, found)
		}
		reading, err := normalize(r)
		if err != nil {
			t.Fatal(err)
		}
		out.Tells = append(out.Tells, reading.Activities...)
	}
	return out
}

// FuzzAnswers: whatever a proxy makes of a page, a batch or a refusal, it is an error or it is read, and no token is in the error.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{`{"value":[]}`, `{"value":[{"id":"x"}],"@odata.nextLink":"https://evil.example/x"}`, `{"error":{"code":"x","innerError":{"code":"y"}}}`,
		`{"responses":[{"id":"0","status":200,"headers":{"Retry-After":7},"body":{"value":null}}]}`, `{"responses":[{"id":"9"}]}`, `<html>`, `null`, `[]`} {
		f.Add(200, s)
		f.Add(403, s)
	}
	c, err := New(connectors.Settings{Tenant: "acme", Connection: "entra", Auth: map[string]connectors.Secret{"method": "bearer", "token": testToken}})
	if err != nil {
		f.Fatal(err)
	}
	client := c.(*Connector).client
	f.Fuzz(func(t *testing.T, status int, body string) {
		a := answer{status: status, body: []byte(body), place: "GET /v1.0/x"}
		for _, err := range []error{client.check(a, call{followed: true}), second(client.readPage(a)), second(client.readNamed(a)), second(parseBatch(client, a))} {
			if err != nil && strings.Contains(err.Error(), testToken) {
				t.Errorf("the token is in %q", err)
			}
		}
		if p, err := client.readPage(a); err == nil && (client.pinned(p.next) != nil || client.pinned(p.delta) != nil) {
			t.Errorf("a link leads elsewhere: %q, %q", p.next, p.delta)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// parseBatch reads an answer as that to a batch of one.
func parseBatch(c *client, a answer) (map[string]answer, error) {
	all := map[string]answer{}
	return all, c.readBatch(a, []string{"/x"}, all)
}
