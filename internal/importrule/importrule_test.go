package importrule

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rollcallhq/rollcall/"

// rule says what the packages that match may import of ours. Patterns are those of path.Match; the first rule that matches counts.
type rule struct {
	who    string
	may    []string
	reason string
}

var rules = []rule{
	{"events", nil, "the vocabulary is read by everything and depends on nothing"},
	{"events/eventlog", []string{"events", "internal/failpoint"}, "the log knows events, not who writes or reads them"},
	{"events/eventlog/*", []string{"events", "events/eventlog", "internal/natsd", "internal/failpoint"}, "a suite for logs"},
	{"events/archive", []string{"events", "internal/failpoint"}, "the archive names the small interface of the log that it needs"},
	{"events/archive/*", []string{"events", "events/archive", "events/eventlog"}, "a suite for stores of archives"},
	{"events/filter", []string{"events"}, "an expression is about one event, wherever it was read"},
	{"connectors", []string{"events", "internal/failpoint"}, "the runner names the small interfaces that it needs"},
	{"connectors/all", []string{"connectors", "connectors/*"}, "the list of vendors"},
	{"connectors/connectortest", []string{"connectors", "events", "events/eventlog"}, "a suite for connectors, which knows no vendor"},
	{"connectors/*", []string{"connectors", "events"}, "a vendor knows neither another vendor, nor NATS, nor a view"},
	{"projections", []string{"events", "internal/failpoint"}, "the runner of views names the small interfaces that it needs"},
	{"projections/*", []string{"projections", "events"}, "a view is made of events alone"},
	{"replay", []string{"events", "projections", "projections/roster"}, "a replay reads log and view by interfaces"},
	{"integration/sandbox", nil, "a sandbox shares no code with the connector that it is to test, or both would share one mistake"},
	{"integration/sandbox/*", []string{"integration/sandbox"}, "a sandbox shares no code with the connector that it is to test"},
	{"internal/failpoint", nil, "a leaf"},
	{"internal/importrule", nil, "a leaf"},
	{"internal/natsd", []string{"internal/failpoint"}, "a server knows nothing of what is stored in it"},
	{"internal/config", []string{"connectors", "events"}, "a configuration describes connections, and the thresholds that go into events"},
	{"internal/show", []string{"connectors", "events", "internal/config", "projections/roster", "replay"}, "what a person sees is made of what is known"},
	{"internal/hub", []string{"connectors", "events", "events/archive", "events/eventlog", "internal/config", "internal/failpoint", "internal/natsd", "internal/show", "projections", "projections/*", "replay"},
		"the hub puts the parts together; it knows no single vendor and no sandbox"},
	{"integration", []string{"*", "*/*", "*/*/*"}, "suites see everything"},
	{"integration/*", []string{"*", "*/*", "*/*/*"}, "suites see everything"},
	{"cmd/*", []string{"*", "*/*", "*/*/*"}, "the program sees everything"},
}

// nats are the packages that may speak NATS; everything else would be tied to it for no gain.
var nats = []string{"events/eventlog", "events/eventlog/*", "projections", "internal/natsd", "internal/hub", "cmd/*", "integration", "integration/*"}

// costly are packages that must not come into the program: what they cost to compile, measured on 2 cores.
var costly = map[string]string{
	"github.com/microsoftgraph/msgraph-sdk-go":        "270 CPU-seconds and 4.6 GB; use msgraph-sdk-go-core",
	"github.com/microsoftgraph/msgraph-sdk-go/models": "86 CPU-seconds and 4.6 GB; decode with own structs",
	"google.golang.org/api/aiplatform/v1":             "50 CPU-seconds; use transport/http with own structs",
	"google.golang.org/api/discoveryengine/v1":        "21 CPU-seconds; use transport/http with own structs",
	"google.golang.org/api/discoveryengine/v1alpha":   "21 CPU-seconds; use transport/http with own structs",
}

type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports,Deps", "./...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

// broken says why who may not import what, or nothing when it may.
func broken(who, what string) string {
	own, ours := strings.CutPrefix(what, module)
	if !ours {
		if strings.Contains(what, "nats-io/") && !matches(nats, who) {
			return "NATS appears in the log, the KV side of projections, and where the server is run"
		}
		return ""
	}
	for _, r := range rules {
		if matches([]string{r.who}, who) {
			if matches(r.may, own) {
				return ""
			}
			return r.reason
		}
	}
	return "no rule speaks of this package: add one to importrule_test.go"
}

func TestImports(t *testing.T) {
	all := packages(t)
	if len(all) < 10 {
		t.Fatalf("go list found only %d packages", len(all))
	}
	for _, p := range all {
		who := strings.TrimPrefix(p.ImportPath, module)
		for _, what := range p.Imports {
			if why := broken(who, what); why != "" {
				t.Errorf("%s imports %s: %s", who, what, why)
			}
		}
		for _, what := range append(p.TestImports, p.XTestImports...) {
			// Tests may start a server and use the suites, but a connector's may not see its sandbox.
			own := strings.TrimPrefix(what, module)
			if strings.HasPrefix(who, "connectors/") && strings.HasPrefix(own, "integration/") {
				t.Errorf("the tests of %s import %s: a connector and its sandbox meet in integration only", who, own)
			}
			if strings.HasPrefix(who, "integration/sandbox") && strings.HasPrefix(own, "connectors") {
				t.Errorf("the tests of %s import %s: a connector and its sandbox meet in integration only", who, own)
			}
		}
		for _, dep := range p.Deps {
			if why := costly[dep]; why != "" && !strings.HasPrefix(who, "integration") {
				t.Errorf("%s depends on %s: %s", who, dep, why)
			}
		}
	}
}

// The check can fail: each of these is against a rule.
func TestBrokenRulesAreSeen(t *testing.T) {
	for _, c := range [][2]string{
		{"events", module + "events/eventlog"},
		{"connectors/okta", module + "connectors/entra"},
		{"connectors/okta", "github.com/nats-io/nats.go"},
		{"connectors", "github.com/nats-io/nats.go/jetstream"},
		{"integration/sandbox/okta", module + "connectors/okta"},
		{"integration/sandbox/okta", module + "events"},
		{"projections/roster", module + "events/eventlog"},
		{"somewhere/new", module + "events"},
	} {
		if broken(c[0], c[1]) == "" {
			t.Errorf("%s may import %s", c[0], c[1])
		}
	}
}
