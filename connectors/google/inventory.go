package google

import (
	"context"
	"fmt"
	"net/url"
	"regexp"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// mostSearched is the page size of the inventory's searches: the API's maximum.
	mostSearched = 500

	// wholeRound is how often a round reads all, whatever the inventory says: it may be behind by hours, and may miss changes for good.
	wholeRound = 7
)

// The types of what has a policy, as Cloud Asset Inventory calls them.
const (
	assetProject = "cloudresourcemanager.googleapis.com/Project"
	assetAccount = "iam.googleapis.com/ServiceAccount"
	assetEngine  = "aiplatform.googleapis.com/ReasoningEngine"
)

// inventoryScope is what the inventory can be asked about.
var inventoryScope = regexp.MustCompile(`^(organizations|folders)/[0-9]+$|^projects/[a-z0-9][a-z0-9.:-]*$`)

func parseInventory(value string) (string, error) {
	if value != "" && !inventoryScope.MatchString(value) {
		return "", fmt.Errorf("option asset_inventory is %q: give the scope to search in, such as organizations/123, folders/456 or projects/acme", value)
	}
	return value, nil
}

// narrowing keeps a walk over policies from reading those that are empty: Cloud Asset Inventory lists the policies of a whole organization,
// 500 a page, where reading them takes a call each. What the inventory shows is a hint and nothing more: what is read is what counts,
// and what is not read stays as it is known. So a policy is passed over only if
//
//   - the inventory does not show it, though it shows the policy of its project, which proves that it can see there,
//   - and it was empty when this process read it last.
//
// Every seventh round reads all, and so does the first of a process, one that goes on where another process stopped, and any for which
// the inventory does not answer.
type narrowing struct {
	client *client
	asset  string

	whole   bool            // the round under way reads all
	rounds  int             // since the last that did
	covered map[string]bool // projects that the inventory shows, by id and number
	shown   map[string]bool // what has a policy, by the last part of its name

	// What the last round has met, and which of that had a policy that was not empty; and the same of the round under way, which is not
	// believed before its end: what a pull has read may have to be read again.
	met, held, meets, holds map[string]bool
}

// begin begins a round. resumed says that it goes on where another one stopped.
func (n *narrowing) begin(ctx context.Context, resumed bool) {
	n.whole, n.meets, n.holds = true, map[string]bool{}, map[string]bool{}
	if n.asset == "" || n.client.assetScope == "" || resumed {
		return
	}
	if n.rounds++; n.met == nil || n.rounds >= wholeRound {
		n.rounds = 0
		return
	}
	n.covered, n.shown = map[string]bool{}, map[string]bool{}
	items, err := everyPage(func(token string) (listing, error) {
		q := pageAsked(n.client.pageOf(mostSearched), token)
		q["assetTypes"] = []string{n.asset, assetProject}
		q.Set("fields", "results(resource,assetType,project),nextPageToken")
		return n.client.list(ctx, "results", token, n.client.get("cloudasset", "v1/"+n.client.assetScope+":searchAllIamPolicies", q))
	})
	if err != nil {
		return // it was a hint
	}
	n.whole = false
	for _, item := range items {
		n.note(item)
	}
}

func (n *narrowing) note(item jsontext.Value) {
	var one struct {
		Resource string `json:"resource"`
		Type     string `json:"assetType"`
		Project  string `json:"project"`
	}
	if json.Unmarshal(item, &one) != nil {
		return
	}
	last, err := url.PathUnescape(lastPart(one.Resource))
	if err != nil || last == "" {
		return
	}
	if one.Type != assetProject {
		n.shown[last] = true
		return
	}
	n.covered[last] = true
	if one.Project != "" {
		n.covered[lastPart(one.Project)] = true
	}
}

// wants reports whether the policy of a thing is to be read, which the inventory may name by any of its names.
func (n *narrowing) wants(project, id string, names ...string) bool {
	wanted := n.whole || !n.covered[project] || !n.met[id] || n.held[id] || n.shown[id]
	for _, name := range names {
		wanted = wanted || n.shown[name]
	}
	if !wanted {
		n.meets[id] = true
	}
	return wanted
}

// read notes what a policy was when it was read.
func (n *narrowing) read(id string, policy []byte) {
	n.meets[id] = true
	if p, err := parsePolicy(policy); err != nil || len(p.Bindings) > 0 {
		n.holds[id] = true
	}
}

// end ends a round.
func (n *narrowing) end() {
	n.met, n.held, n.covered, n.shown = n.meets, n.holds, nil, nil
}

// page is how many things are listed at a time: few when each is asked for its policy.
func (n *narrowing) page(few, many int) int {
	if n.whole {
		return few
	}
	return many
}
