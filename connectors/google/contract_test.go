package google

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/connectortest"
)

const accountsPath = "/iam/v1/projects/rc-sandbox/serviceAccounts"

// TestContract holds the connector to the contract of all connectors, on the example company with some more accounts.
func TestContract(t *testing.T) {
	connectortest.Run(t, connectortest.Harness{New: func(t *testing.T) (connectors.Connector, connectortest.Control) {
		c := &control{fake: company(t)}
		for range 3 {
			if _, err := c.Mutate(connectortest.Create); err != nil {
				t.Fatal(err)
			}
		}
		c.fake.spoil = c.play
		return c.fake.connect(t, map[string]string{"page_size": "2"}), c
	}})
}

// control changes the fake's service accounts and plays faults.
type control struct {
	fake   *fake
	made   int
	gone   string // the account deleted last
	faults []*playing
}

type playing struct {
	connectortest.Fault
	seen, hits int
}

// accountJSON is a service account as the fake lists it.
type accountJSON struct {
	UniqueID    string `json:"uniqueId"`
	Email       string `json:"email"`
	DisplayName string `json:"displayName"`
	Disabled    bool   `json:"disabled,omitempty"`
}

func (c *control) Mutate(op connectortest.Op) (string, error) {
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	list := c.fake.lists[accountsPath]
	switch op {
	case connectortest.Create:
		c.made++
		a := accountJSON{UniqueID: fmt.Sprintf("2%020d", c.made), Email: fmt.Sprintf("bot%d@rc-sandbox.iam.gserviceaccount.com", c.made), DisplayName: "Bot"}
		c.fake.lists[accountsPath+"/"+a.UniqueID+"/keys"] = []string{strings.ReplaceAll(jsonKey, "aaaa", fmt.Sprint("k", c.made))}
		c.fake.lists[accountsPath] = append(list, encode(a))
		return a.UniqueID, nil
	case connectortest.Restore:
		if c.gone == "" {
			return "", connectortest.ErrCannot
		}
		c.fake.lists[accountsPath] = append([]string{c.gone}, list...)
		id := parse(c.gone).UniqueID
		c.gone = ""
		return id, nil
	}
	return c.change(op, list)
}

// change alters the first account that the change fits.
func (c *control) change(op connectortest.Op, list []string) (string, error) {
	for i, item := range list {
		a := parse(item)
		switch {
		case op == connectortest.Disable && !a.Disabled, op == connectortest.Enable && a.Disabled:
			a.Disabled = !a.Disabled
		case op == connectortest.Rename:
			a.DisplayName += " the 2nd"
		case op == connectortest.Delete && i == 1:
			c.gone = item
			c.fake.lists[accountsPath] = append(append([]string{}, list[:i]...), list[i+1:]...)
			return a.UniqueID, nil
		default:
			continue
		}
		c.fake.lists[accountsPath] = append([]string{}, list...)
		c.fake.lists[accountsPath][i] = encode(a)
		return a.UniqueID, nil
	}
	return "", connectortest.ErrCannot
}

func encode(a accountJSON) string { b, _ := json.Marshal(a); return string(b) }

func parse(s string) (a accountJSON) { json.Unmarshal([]byte(s), &a); return a }

func (c *control) Inject(f connectortest.Fault) {
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	c.faults = append(c.faults, &playing{Fault: f})
}

func (c *control) ClearFaults() {
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	c.faults = nil
}

func (c *control) ExpireCursors() {
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	c.fake.epoch++
}

func (c *control) Truth() []connectortest.Identity {
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	out := []connectortest.Identity{
		{ID: "urn:agent:projects-444455556666:projects:444455556666:locations:us-central1:aiplatform:reasoningEngines:4411", Name: "invoice-agent", Status: "active"},
		{ID: enginePath, Name: "invoice-agent", Status: "active"},
		{ID: strings.Replace(enginePath, "4411", "4412", 1), Name: "legacy", Status: "active"},
		{ID: "//run.googleapis.com/projects/444455556666/locations/us-central1/services/desk", Name: "desk", Status: "active"},
		{ID: "//agentregistry.googleapis.com/" + jsonText(jsonRegistered, "name"), Name: "Triage", Status: "active"},
		{ID: jsonText(jsonGemini, "name"), Name: "Invoice helper", Status: "active"},
		{ID: jsonText(jsonSuspended, "name"), Name: "Contract bot", Status: "disabled"},
	}
	for _, item := range c.fake.lists[accountsPath] {
		a := parse(item)
		user, _, _ := strings.Cut(a.Email, "@")
		i := connectortest.Identity{ID: a.UniqueID, Name: word(a.DisplayName, user), Status: "active"}
		if a.Disabled {
			i.Status = "disabled"
		}
		for _, k := range c.fake.lists[accountsPath+"/"+a.UniqueID+"/keys"] {
			var key struct{ Name string }
			json.Unmarshal([]byte(k), &key)
			i.Credentials = append(i.Credentials, key.Name[strings.LastIndexByte(key.Name, '/')+1:])
		}
		slices.Sort(i.Credentials)
		out = append(out, i)
	}
	return out
}

func (c *control) Secrets() []string { return []string{testToken, "hunter2-of-jira"} }

// play answers with a fault, if one is due. The fake's lock is held. Forbidden is an account that may see which projects and
// locations there are, and nothing in them: one that may see nothing at all does not get past the probe.
func (c *control) play(w http.ResponseWriter, r *http.Request) bool {
	outline := strings.HasSuffix(r.URL.Path, "/locations") || strings.HasSuffix(r.URL.Path, "/projects:search")
	for _, f := range c.faults {
		if f.Kind == connectortest.Forbidden && outline {
			continue
		}
		f.seen++
		if f.Times > 0 && f.hits >= f.Times || f.Every > 1 && f.seen%f.Every != 0 {
			continue
		}
		f.hits++
		if f.Kind == connectortest.Slow {
			c.fake.mu.Unlock()
			select {
			case <-r.Context().Done():
			case <-time.After(min(f.After, time.Minute)):
			}
			c.fake.mu.Lock()
		}
		if spoiled(w, f.Fault) {
			return true
		}
	}
	return false
}

// spoiled answers with a fault and reports whether it is one that an answer can have.
func spoiled(w http.ResponseWriter, f connectortest.Fault) bool {
	switch f.Kind {
	case connectortest.RateLimit:
		refuse(w, 429, strings.Replace(jsonLimited, `"7s"`, fmt.Sprintf(`"%vs"`, f.After.Seconds()), 1))
	case connectortest.ServerError:
		refuse(w, 503, `{"error":{"code":503,"message":"The service is currently unavailable.","status":"UNAVAILABLE"}}`)
	case connectortest.BadGateway:
		refuse(w, 502, "<html><h1>502 Bad Gateway</h1></html>")
	case connectortest.Unauthorized:
		refuse(w, 401, `{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}`)
	case connectortest.Forbidden:
		refuse(w, 403, jsonDenied)
	case connectortest.Truncated:
		refuse(w, 200, `{"accounts":[{"uniqueId":"10485760`)
	case connectortest.EmptyOK:
		refuse(w, 200, `{}`)
	case connectortest.Reset:
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}
