// Package contract holds requests and answers to a vendor's published OpenAPI documents. It is for tests: of a sandbox, which
// imitates the documents, of a connector, which asks by them, and of the live suite, which finds out where a vendor departs
// from them. It knows neither sandbox nor connector.
package contract

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Variable names the folder of the vendors' contracts, relative to the repository's folder or absolute.
const Variable = "ROLLCALL_SPECS"

// oktaFiles together describe one org.
var oktaFiles = []string{"okta-management.json", "okta-ai-agents.json", "okta-governance.json"}

// Contract is a vendor's API as its documents describe it. It is safe for concurrent use.
type Contract struct {
	routers []routers.Router

	mu   sync.Mutex
	held map[string]int // operation → answers held to it
}

// Folder is the folder of the vendors' contracts, which [Variable] names. Without the folder the test fails, so that a green
// run always means that the contract was held; the word skip skips it, and in CI nothing does.
func Folder(t testing.TB) string {
	t.Helper()
	dir, skip, err := folder(os.Getenv(Variable), os.Getenv("CI") == "true")
	if err != nil {
		t.Fatal(err)
	}
	if skip {
		t.Skipf("%s=skip: nothing is held to the published contract", Variable)
	}
	return dir
}

// Okta loads the contract of an Okta org from [Folder].
func Okta(t testing.TB) *Contract {
	t.Helper()
	dir := Folder(t)
	var files []string
	for _, name := range oktaFiles {
		files = append(files, filepath.Join(dir, name))
	}
	c, err := Load(files...)
	if err != nil {
		t.Fatalf("the contract of Okta cannot be read: %v; set %s to the folder that holds %v, or to skip", err, Variable, oktaFiles)
	}
	return c
}

// folder reads the value of [Variable].
func folder(value string, ci bool) (dir string, skip bool, err error) {
	switch {
	case value == "" && ci:
		return "", false, fmt.Errorf("%s is not set: CI must name the folder of the vendors' contracts", Variable)
	case value == "skip" && ci:
		return "", false, fmt.Errorf("%s=skip does not hold in CI: name the folder of the vendors' contracts", Variable)
	case value == "skip":
		return "", true, nil
	case value == "":
		value = filepath.Join("..", "shared", "specs")
	}
	if filepath.IsAbs(value) {
		return value, false, nil
	}
	root, err := repository()
	return filepath.Join(root, value), false, err
}

// repository is the folder of the module that the test is in.
func repository() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, no := os.Stat(filepath.Join(dir, "go.mod")); no == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod above the test's folder")
		}
	}
	return "", err
}

// Load reads OpenAPI 3.0 documents, which together describe one API. The servers that they name are not looked at.
func Load(files ...string) (*Contract, error) {
	c := &Contract{held: map[string]int{}}
	for _, file := range files {
		doc, err := openapi3.NewLoader().LoadFromFile(file)
		if err != nil {
			return nil, err
		}
		doc.Servers = nil // any host
		mend(doc)
		r, err := gorillamux.NewRouter(doc)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		c.routers = append(c.routers, r)
	}
	return c, nil
}

// mend repairs Okta's pattern of durations: a lookahead, which the copy of the document turned into a pattern that fits nothing.
func mend(doc *openapi3.T) {
	if doc.Components == nil {
		return
	}
	if d := doc.Components.Schemas["TimeDuration"]; d != nil {
		d.Value.Pattern = "^P"
	}
}

// Operation names what a request asks for, with the ids of its path replaced: "GET /api/v1/apps/{appId}". ok is false when the
// contract does not have it.
func (c *Contract) Operation(r *http.Request) (op string, ok bool) {
	route, _ := c.route(r)
	if route == nil {
		return "", false
	}
	return name(route), true
}

func name(route *routers.Route) string { return route.Method + " " + route.Path }

func (c *Contract) route(r *http.Request) (*routers.Route, map[string]string) {
	for _, router := range c.routers {
		if route, params, err := router.FindRoute(r); err == nil {
			return route, params
		}
	}
	return nil, nil
}

// Held is how many answers to an operation were held to the contract so far.
func (c *Contract) Held(op string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[op]
}

func (c *Contract) count(op string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[op]++
}
