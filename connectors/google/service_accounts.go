package google

import (
	"context"

	"github.com/rollcallhq/rollcall/events"
)

const (
	feedServiceAccounts = "service-accounts"
	typeServiceAccount  = "service_account"
)

// mostAccounts is the page size of service accounts: the API's maximum.
const mostAccounts = 100

// serviceAccounts walks iam/v1 projects.serviceAccounts.list, in every project. Deleted accounts are not listed, and there is no
// way to ask for them: a delete is seen as an absence, an undelete as the same uniqueId again.
func serviceAccounts(c *client) *walk {
	return &walk{
		scope: feedServiceAccounts, kinds: []events.Kind{events.KindAgent}, places: c.allProjects,
		group: func(at place) string { return policyScope(accountResource(at.Project, "")) },
		read: func(ctx context.Context, at place, token string) (leaf, error) {
			asked := c.now()
			l, err := c.accounts(ctx, at, token, c.pageOf(mostAccounts))
			if err != nil {
				return leaf{}, err
			}
			return leafOf(typeServiceAccount, at, asked, l), nil
		},
	}
}

// accounts reads one page of a project's service accounts.
func (c *client) accounts(ctx context.Context, at place, token string, size int64) (listing, error) {
	return c.list(ctx, "accounts", token, c.get("iam", "v1/"+at.parent()+"/serviceAccounts", pageAsked(size, token)))
}
