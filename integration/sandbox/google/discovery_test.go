package google

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// discovery is a discovery document of Google's, as the module google.golang.org/api carries it.
type discovery struct {
	Schemas   map[string]*schema            `json:"schemas"`
	Resources map[string]*discoveryResource `json:"resources"`
	methods   map[string]*discoveryMethod   // by HTTP method and flat path
}

type discoveryResource struct {
	Methods   map[string]*discoveryMethod   `json:"methods"`
	Resources map[string]*discoveryResource `json:"resources"`
}

type discoveryMethod struct {
	ID         string `json:"id"`
	HTTPMethod string `json:"httpMethod"`
	Path       string `json:"path"`
	FlatPath   string `json:"flatPath"`
	Parameters map[string]struct {
		Location string `json:"location"`
	} `json:"parameters"`
	Request  *schema `json:"request"`
	Response *schema `json:"response"`
}

// schema is the part of a JSON schema that discovery documents use.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Format     string             `json:"format"`
	Enum       []string           `json:"enum"`
	Properties map[string]*schema `json:"properties"`
	Additional *schema            `json:"additionalProperties"`
	Items      *schema            `json:"items"`
}

// documents are where the module keeps the document of each service.
var documents = map[string]string{
	serviceIdentity:  "agentidentity/v1/agentidentity-api.json",
	serviceRegistry:  "agentregistry/v1/agentregistry-api.json",
	servicePlatform:  "aiplatform/v1/aiplatform-api.json",
	serviceResource:  "cloudresourcemanager/v3/cloudresourcemanager-api.json",
	serviceDiscovery: "discoveryengine/v1alpha/discoveryengine-api.json",
	serviceAsset:     "cloudasset/v1/cloudasset-api.json",
	serviceAdmin:     "admin/reports/v1/admin-api.json",
	serviceIAM:       "iam/v1/iam-api.json",
	serviceTokens:    "iamcredentials/v1/iamcredentials-api.json",
	serviceLogging:   "logging/v2/logging-api.json",
	servicePubSub:    "pubsub/v1/pubsub-api.json",
	serviceRun:       "run/v2/run-api.json",
	"servicecontrol": "servicecontrol/v2/servicecontrol-api.json", // has the AuditLog that log entries carry
}

var loaded struct {
	sync.Mutex
	documents map[string]*discovery
}

// loadDiscovery reads the documents out of the module, which go.mod requires anyway: once, since they are large.
func loadDiscovery(t *testing.T) map[string]*discovery {
	t.Helper()
	loaded.Lock()
	defer loaded.Unlock()
	if loaded.documents == nil {
		loaded.documents = readDiscovery(t)
	}
	return loaded.documents
}

func readDiscovery(t *testing.T) map[string]*discovery {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Fatalf("go list -m google.golang.org/api: %v; run `go mod download google.golang.org/api`", err)
	}
	out := map[string]*discovery{}
	for service, path := range documents {
		b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), path))
		if err != nil {
			t.Fatal(err)
		}
		d := &discovery{methods: map[string]*discoveryMethod{}}
		if err := json.Unmarshal(b, d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		d.collect(d.Resources)
		out[service] = d
	}
	return out
}

func (d *discovery) collect(in map[string]*discoveryResource) {
	for _, r := range in {
		for _, m := range r.Methods {
			flat := m.FlatPath
			if flat == "" {
				flat = m.Path
			}
			d.methods[m.HTTPMethod+" "+anonymous(flat)] = m
		}
		d.collect(r.Resources)
	}
}

// anonymous takes the names out of a path's variables, which differ from ours.
func anonymous(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			_, custom, _ := strings.Cut(p, "}")
			parts[i] = "{}" + custom
		}
	}
	return strings.Join(parts, "/")
}

// check holds a decoded JSON value to a schema and returns what is wrong, each with its path. Unlike JSON Schema it
// refuses properties that the schema does not name: a client would ignore them, but the vendor does not send them.
func (d *discovery) check(s *schema, v any, at string) []string {
	if s.Ref != "" {
		ref := d.Schemas[s.Ref]
		if ref == nil {
			return []string{at + ": the document has no schema " + s.Ref}
		}
		return d.check(ref, v, at)
	}
	switch s.Type {
	case "object":
		return d.checkObject(s, v, at)
	case "array":
		list, ok := v.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s: %T, want an array", at, v)}
		}
		var bad []string
		for i, e := range list {
			bad = append(bad, d.check(s.Items, e, fmt.Sprintf("%s[%d]", at, i))...)
		}
		return bad
	case "any":
		return nil
	}
	if why := checkScalar(s, v); why != "" {
		return []string{at + ": " + why}
	}
	return nil
}

func (d *discovery) checkObject(s *schema, v any, at string) []string {
	m, ok := v.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: %T, want an object", at, v)}
	}
	var bad []string
	for name, e := range m {
		sub := s.Properties[name]
		if sub == nil {
			sub = s.Additional
		}
		if sub == nil {
			bad = append(bad, at+"."+name+": no such property")
			continue
		}
		bad = append(bad, d.check(sub, e, at+"."+name)...)
	}
	return bad
}

// checkScalar says what is wrong with a string, number or boolean; empty when nothing is.
func checkScalar(s *schema, v any) string {
	switch x := v.(type) {
	case bool:
		if s.Type == "boolean" {
			return ""
		}
	case float64:
		if s.Type == "number" || s.Type == "integer" && x == float64(int64(x)) {
			return ""
		}
	case string:
		if s.Type == "string" {
			return checkText(s, x)
		}
	}
	return fmt.Sprintf("%v (%T), want %s", v, v, s.Type)
}

func checkText(s *schema, x string) string {
	var err error
	switch s.Format {
	case "google-datetime":
		_, err = time.Parse(time.RFC3339Nano, x)
	case "int64":
		_, err = strconv.ParseInt(x, 10, 64)
	case "byte":
		_, err = base64.StdEncoding.DecodeString(x)
	}
	switch {
	case err != nil:
		return fmt.Sprintf("%q is no %s", x, s.Format)
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, x):
		return fmt.Sprintf("%q is none of %v", x, s.Enum)
	}
	return ""
}
