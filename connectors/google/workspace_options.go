package google

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// workspaceOptions are what a connection sets about Workspace's reports.
type workspaceOptions struct {
	admin        string   // the address of the administrator in whose name they are read; empty: they are not read
	account      string   // the service account that may act for the administrator; empty: the one that the connection logs in as
	applications []string // of which reports are read
}

// workspaceApplications are read unless the configuration names others: consents to OAuth clients, what administrators do, and what
// Gemini and Workspace Studio do.
var workspaceApplications = []string{"token", "admin", "gemini_in_workspace_apps", "workspace_studio"}

var (
	address         = regexp.MustCompile(`^[^@\s,/]+@[^@\s,/]+$`)
	applicationName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,60}$`)
)

// set reads one option.
func (o *workspaceOptions) set(key, value string) error {
	switch key {
	case "workspace_admin":
		if o.admin = strings.TrimSpace(value); o.admin != "" && !address.MatchString(o.admin) {
			return fmt.Errorf("option %s is no address: give that of an administrator of Workspace, such as admin@acme.example", key)
		}
	case "workspace_account":
		if o.account = strings.TrimSpace(value); o.account != "" && (!address.MatchString(o.account) || !strings.HasSuffix(o.account, "gserviceaccount.com")) {
			return fmt.Errorf("option %s is no service account's address: give one such as rollcall@acme.iam.gserviceaccount.com", key)
		}
	case "workspace_applications":
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			if !applicationName.MatchString(part) {
				return fmt.Errorf("option %s: %q is no application: give a comma-separated list such as %q", key, part, strings.Join(workspaceApplications, ", "))
			}
			o.applications = append(o.applications, part)
		}
		slices.Sort(o.applications)
		o.applications = slices.Compact(o.applications)
	}
	return nil
}

// finish checks the options together.
func (o *workspaceOptions) finish() error {
	switch {
	case o.admin == "" && o.account != "":
		return fmt.Errorf("option workspace_account needs workspace_admin, the administrator in whose name the reports are read")
	case o.admin == "" && o.applications != nil:
		return fmt.Errorf("option workspace_applications needs workspace_admin, the administrator in whose name the reports are read")
	case o.applications == nil:
		o.applications = workspaceApplications
	}
	return nil
}
