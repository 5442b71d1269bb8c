package google

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcallhq/rollcall/connectors"
)

// options are the connection's own settings.
type options struct {
	projects     []string // ids or numbers, sorted; nil: whatever projects.search shows
	locations    []string // sorted; nil: whatever each service's locations.list shows
	pageSize     int      // 0: each list's maximum
	quotaProject string   // the project that calls are charged to; empty: the credentials' own
	skip         []string // feeds that are not read
	logViews     []string // what to read the audit log of, sorted; nil: every project's
	subscription string   // the Pub/Sub subscription that hands the audit log's entries out; empty: they are listed
	log          logOptions
	workspace    workspaceOptions
	assetScope   string // what Cloud Asset Inventory is asked about; empty: it is not asked
}

// name is what a project, a location, an account or any other part of a resource name may look like. Parts come from the
// configuration and from the vendor, and go into URL paths: nothing else may.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:@-]{0,199}$`)

func parseOptions(m map[string]string) (options, error) {
	o := options{log: defaultLogOptions()}
	var err error
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch value := m[key]; key {
		case "projects":
			o.projects, err = names(key, value)
		case "locations":
			o.locations, err = names(key, value)
		case "page_size":
			o.pageSize, err = pageSize(value)
		case "quota_project":
			o.quotaProject, err = one(key, value)
		case "skip":
			o.skip, err = skipped(value)
		case "log_views":
			o.logViews, err = logViews(value)
		case "subscription":
			if o.subscription = value; value != "" && !subscriptionName.MatchString(value) {
				err = fmt.Errorf("option subscription is %q: give its whole name, such as projects/acme/subscriptions/rollcall", value)
			}
		case "activities", "activities_per_minute", "log_since":
			err = o.log.set(key, value)
		case "asset_inventory":
			o.assetScope, err = parseInventory(value)
		case "workspace_account", "workspace_admin", "workspace_applications":
			err = o.workspace.set(key, value)
		default:
			err = fmt.Errorf("option %q is not known: use %s", key, strings.Join(optionNames, ", "))
		}
		if err != nil {
			return options{}, err
		}
	}
	err = o.workspace.finish()
	return o, err
}

// optionNames are all options.
var optionNames = []string{"activities", "activities_per_minute", "asset_inventory", "locations", "log_since", "log_views", "page_size", "projects", "quota_project", "skip", "subscription",
	"workspace_account", "workspace_admin", "workspace_applications"}

// skipped reads which feeds are not wanted. The audit log leads all others.
func skipped(list string) ([]string, error) {
	var out []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if !slices.Contains(audits, part) {
			return nil, fmt.Errorf("option skip: %q is no feed that can be left out: there are %s", part, strings.Join(audits, ", "))
		}
		out = append(out, part)
	}
	return out, nil
}

// logView is what the log can be read of: a project, a folder, an organization, or a view of a bucket that a sink collects logs in.
var logView = regexp.MustCompile(`^(projects|folders|organizations)/[A-Za-z0-9._:-]+(/locations/[a-z0-9-]+/buckets/[A-Za-z0-9._-]+/views/[A-Za-z0-9._-]+)?$`)

// logViews reads a comma-separated list of what the audit log is read of.
func logViews(list string) ([]string, error) {
	var out []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if !logView.MatchString(part) {
			return nil, fmt.Errorf("option log_views: %q is no resource that has logs: give organizations/123, folders/456, projects/acme, or the "+
				"view of a bucket, projects/acme/locations/global/buckets/audit/views/_AllLogs", part)
		}
		out = append(out, part)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// names reads a comma-separated list, sorted and without repetitions.
func names(key, list string) ([]string, error) {
	var out []string
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), key+"/") // projects/acme is acme
		if part == "" {
			continue
		}
		if !name.MatchString(part) {
			return nil, fmt.Errorf("option %s: %q is not a name: give a comma-separated list such as %q", key, part, example[key])
		}
		out = append(out, part)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

var example = map[string]string{"projects": "acme-prod, 444455556666", "locations": "global, us-central1", "quota_project": "acme-prod"}

func one(key, value string) (string, error) {
	list, err := names(key, value)
	if err == nil && len(list) > 1 {
		err = fmt.Errorf("option %s takes one name, not %d", key, len(list))
	}
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}

func pageSize(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1000 {
		return 0, fmt.Errorf("option page_size is %q: give a number from 1 to 1000, or leave it out for each list's maximum", s)
	}
	return n, nil
}

// pageOf is the page size of a list whose maximum is most.
func (o options) pageOf(most int) int64 {
	if o.pageSize > 0 {
		most = min(most, o.pageSize)
	}
	return int64(most)
}

// services are the names that Settings.Services takes, with the vendor's own base URLs.
var services = map[string]string{
	"iam":                  "https://iam.googleapis.com",
	"agentregistry":        "https://agentregistry.googleapis.com",
	"aiplatform":           "https://LOC-aiplatform.googleapis.com", // LOC stands for the location that is asked
	"cloudresourcemanager": "https://cloudresourcemanager.googleapis.com",
	"logging":              "https://logging.googleapis.com",
	"run":                  "https://run.googleapis.com",
	"discoveryengine":      "https://discoveryengine.googleapis.com",
	"agentidentity":        "https://agentidentity.googleapis.com",
	"pubsub":               "https://pubsub.googleapis.com",     // with a subscription
	"admin":                "https://admin.googleapis.com",      // with workspace_admin
	"cloudasset":           "https://cloudasset.googleapis.com", // with asset_inventory
}

// endpoints are the base URLs in force, by service, without a trailing slash.
func endpoints(s connectors.Settings) (map[string]string, error) {
	out := maps.Clone(services)
	if s.Endpoint != "" {
		base, err := baseURL("endpoint", s.Endpoint)
		if err != nil {
			return nil, err
		}
		for service := range services {
			out[service] = base + "/" + service
		}
	}
	for _, service := range slices.Sorted(maps.Keys(s.Services)) {
		if services[service] == "" {
			return nil, fmt.Errorf("services: %q is not known: use %s", service,
				strings.Join(slices.Sorted(maps.Keys(services)), ", "))
		}
		base, err := baseURL("services."+service, s.Services[service])
		if err != nil {
			return nil, err
		}
		out[service] = base
	}
	return out, nil
}

// used are the services that are always called.
var used = []string{"agentidentity", "agentregistry", "aiplatform", "cloudresourcemanager", "discoveryengine", "iam", "logging", "run"}

// warnings finds a token that goes to two owners: services with a base URL that is not Google's, beside others that are left to it.
func warnings(s connectors.Settings) []string {
	urls, err := endpoints(s)
	if err != nil {
		return nil // New says so
	}
	used := slices.Clone(used)
	if s.Options["workspace_admin"] != "" {
		used = append(used, "admin")
	}
	if s.Options["asset_inventory"] != "" {
		used = append(used, "cloudasset")
	}
	var own, googles []string
	for _, service := range used {
		if isGoogles(urls[service]) {
			googles = append(googles, service)
		} else {
			own = append(own, service)
		}
	}
	if len(own) == 0 || len(googles) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("the connection's token is sent to the endpoints given for %s, and to Google for %s: "+
		"for an imitation or a proxy give one URL for all services, or name these too", strings.Join(own, ", "), strings.Join(googles, ", "))}
}

// isGoogles reports whether a base URL leads to Google, be it a regional or a private endpoint.
func isGoogles(base string) bool {
	u, err := url.Parse(base)
	return err == nil && strings.HasSuffix("."+u.Hostname(), ".googleapis.com")
}

// baseURL checks a base URL. Its errors do not show the URL, which may hold a password.
func baseURL(setting, s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "", fmt.Errorf("%s is not a base URL: give one such as https://iam.googleapis.com or http://127.0.0.1:8080/google", setting)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%s has a user, a query or a fragment: give scheme, host and path only; credentials belong in auth", setting)
	}
	return strings.TrimRight(s, "/"), nil
}
