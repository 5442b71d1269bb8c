package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// discoveryModule carries the discovery documents of all of Google's services.
const discoveryModule = "google.golang.org/api"

// discoveryFiles are the documents that are held to, by service: the version of each that this project speaks.
var discoveryFiles = map[string]string{
	"admin":                "admin/reports/v1/admin-api.json",
	"agentidentity":        "agentidentity/v1/agentidentity-api.json",
	"agentregistry":        "agentregistry/v1/agentregistry-api.json",
	"aiplatform":           "aiplatform/v1/aiplatform-api.json",
	"cloudasset":           "cloudasset/v1/cloudasset-api.json",
	"cloudresourcemanager": "cloudresourcemanager/v3/cloudresourcemanager-api.json",
	"discoveryengine":      "discoveryengine/v1alpha/discoveryengine-api.json",
	"iam":                  "iam/v1/iam-api.json",
	"iamcredentials":       "iamcredentials/v1/iamcredentials-api.json",
	"logging":              "logging/v2/logging-api.json",
	"pubsub":               "pubsub/v1/pubsub-api.json",
	"run":                  "run/v2/run-api.json",
}

// Discovery is Google's APIs as their discovery documents describe them. It is safe for concurrent use.
type Discovery struct {
	services map[string]*discoveryDocument

	mu   sync.Mutex
	held map[string]int // operation → answers held to it
}

// discoveryDocument is one service's.
type discoveryDocument struct {
	Parameters map[string]discoveryParameter `json:"parameters"` // those of every method
	Schemas    map[string]*discoverySchema   `json:"schemas"`
	Resources  map[string]*discoveryResource `json:"resources"`

	methods []*discoveryMethod
}

type discoveryResource struct {
	Methods   map[string]*discoveryMethod   `json:"methods"`
	Resources map[string]*discoveryResource `json:"resources"`
}

type discoveryMethod struct {
	HTTPMethod string                        `json:"httpMethod"`
	Path       string                        `json:"path"`
	FlatPath   string                        `json:"flatPath"` // with one segment for each variable
	Parameters map[string]discoveryParameter `json:"parameters"`
	Request    *discoverySchema              `json:"request"`
	Response   *discoverySchema              `json:"response"`
}

type discoveryParameter struct {
	Location string   `json:"location"`
	Type     string   `json:"type"`
	Enum     []string `json:"enum"`
	Repeated bool     `json:"repeated"`
	Minimum  string   `json:"minimum"`
	Maximum  string   `json:"maximum"`
}

// discoverySchema is the part of a JSON schema that the documents use.
type discoverySchema struct {
	Ref        string                      `json:"$ref"`
	Type       string                      `json:"type"`
	Format     string                      `json:"format"`
	Enum       []string                    `json:"enum"`
	Properties map[string]*discoverySchema `json:"properties"`
	Additional *discoverySchema            `json:"additionalProperties"`
	Items      *discoverySchema            `json:"items"`
}

// discoveryLoaded are the documents, which are large and change with go.mod alone.
var discoveryLoaded = sync.OnceValues(func() (map[string]*discoveryDocument, error) {
	dir, err := exec.CommandContext(context.Background(), "go", "list", "-m", "-f", "{{.Dir}}", discoveryModule).Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m %s: %w", discoveryModule, err)
	}
	out := map[string]*discoveryDocument{}
	for _, service := range slices.Sorted(maps.Keys(discoveryFiles)) {
		b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), discoveryFiles[service]))
		if err != nil {
			return nil, err
		}
		if out[service], err = loadDiscovery(b); err != nil {
			return nil, fmt.Errorf("%s: %w", discoveryFiles[service], err)
		}
	}
	return out, nil
})

// Google loads the discovery documents from the module that go.mod names anyway, so that they need no folder of their own.
func Google(t testing.TB) *Discovery {
	t.Helper()
	all, err := discoveryLoaded()
	if err != nil {
		t.Fatalf("the contract of Google cannot be read: %v; run go mod download %s", err, discoveryModule)
	}
	return &Discovery{services: all, held: map[string]int{}}
}

func loadDiscovery(b []byte) (*discoveryDocument, error) {
	d := &discoveryDocument{}
	if err := json.Unmarshal(b, d); err != nil {
		return nil, err
	}
	d.collect(d.Resources)
	return d, nil
}

func (d *discoveryDocument) collect(in map[string]*discoveryResource) {
	for _, r := range in {
		for _, m := range r.Methods {
			if m.FlatPath == "" {
				m.FlatPath = m.Path
			}
			d.methods = append(d.methods, m)
		}
		d.collect(r.Resources)
	}
}

// discoveryPlace is what a request asks for.
type discoveryPlace struct {
	service string
	doc     *discoveryDocument
	*discoveryMethod
}

func (p *discoveryPlace) name() string {
	return p.HTTPMethod + " /" + p.service + "/" + p.FlatPath
}

// service is whom a request is for, and the path behind it: the host says so at Google, and the beginning of the path elsewhere, at an
// imitation or a proxy.
func service(r *http.Request) (name, path string) {
	path = strings.TrimPrefix(r.URL.EscapedPath(), "/")
	host := r.URL.Hostname()
	if host == "" {
		host = r.Host
	}
	if name, ok := strings.CutSuffix(host, ".googleapis.com"); ok { // us-central1-aiplatform, discoveryengine.us.rep
		name, _, _ = strings.Cut(name, ".")
		return name[strings.LastIndexByte(name, '-')+1:], path
	}
	name, path, _ = strings.Cut(path, "/")
	return name, path
}

// place finds the method that a request calls; nil when the documents have none. Of several the one with the most words of the path is
// meant: authProviders:query is no authProviders/{id}.
func (g *Discovery) place(r *http.Request) *discoveryPlace {
	name, path := service(r)
	doc := g.services[name]
	if doc == nil {
		return nil
	}
	var best *discoveryMethod
	most := -1
	for _, m := range doc.methods {
		if m.HTTPMethod != r.Method {
			continue
		}
		if words, ok := fits(m.FlatPath, path); ok && words > most {
			best, most = m, words
		}
	}
	if best == nil {
		return nil
	}
	return &discoveryPlace{name, doc, best}
}

// fits compares a path with a pattern, segment by segment, and counts the words that they share. A variable takes a segment that is not
// empty and has no colon, behind which a method of its own would stand.
func fits(pattern, path string) (words int, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return 0, false
	}
	for i, w := range want {
		_, verb, variable := strings.Cut(w, "}")
		if !variable {
			if w != got[i] {
				return 0, false
			}
			words++
			continue
		}
		value, ends := strings.CutSuffix(got[i], verb)
		if !ends || value == "" || strings.Contains(value, ":") {
			return 0, false
		}
	}
	return words, true
}

// Operation names what a request asks for: "GET /iam/v1/projects/{projectsId}/serviceAccounts".
func (g *Discovery) Operation(r *http.Request) (string, bool) {
	p := g.place(r)
	if p == nil {
		return "", false
	}
	return p.name(), true
}

// Held is how many answers of an operation were held to the documents.
func (g *Discovery) Held(op string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held[op]
}
