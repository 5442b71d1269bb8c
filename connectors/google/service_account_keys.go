package google

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	feedServiceAccountKeys = "service-account-keys"
	typeServiceAccountKeys = "service_account_keys"
)

// keysPage is how many accounts' keys one pull reads, a call for each: a pull that fails repeats them all, so it stays short.
const keysPage = 10

// serviceAccountKeys walks the service accounts and reads the user-managed keys of each: iam/v1
// projects.serviceAccounts.keys.list, which has no pages. Keys that Google manages rotate by themselves and are left out.
func serviceAccountKeys(c *client) *walk {
	kinds := []events.Kind{events.KindCredential}
	return &walk{
		kinds: kinds, places: c.allProjects,
		read: func(ctx context.Context, at place, token string) (leaf, error) {
			l, err := c.accounts(ctx, at, token, c.pageOf(keysPage))
			if err != nil {
				return leaf{}, err
			}
			out := leaf{next: l.next, whole: l.whole}
			for _, item := range l.items {
				if err := c.addKeys(ctx, at, item, &out); err != nil {
					return leaf{}, err
				}
			}
			return out, nil
		},
	}
}

// account is what is needed of a service account to ask for more about it.
type account struct {
	UniqueID string `json:"uniqueId"`
	Email    string `json:"email"`
}

func parseAccount(v jsontext.Value) (account, error) {
	var a account
	if err := json.Unmarshal(v, &a); err != nil || !name.MatchString(a.UniqueID) {
		return a, errors.New("a service account without a usable uniqueId; ask again later")
	}
	return a, nil
}

// addKeys reads one account's keys. An account that went away in the meantime has none to show, and the list of accounts will
// tell; one that refuses is said to be unseen.
func (c *client) addKeys(ctx context.Context, at place, item jsontext.Value, out *leaf) error {
	acc, err := parseAccount(item)
	if err != nil {
		return err
	}
	asked := c.now()
	body, err := c.keys(ctx, at, acc)
	switch {
	case isStatus(err, http.StatusNotFound):
		return nil
	case isRefusal(err):
		out.blind = append(out.blind, unseen([]events.Kind{events.KindCredential}, []refusal{{at, err}})...)
		return nil
	case err != nil:
		return err
	}
	out.records = append(out.records, keysRecord(at, acc, body, asked))
	return nil
}

func keysRecord(at place, acc account, body jsontext.Value, asked time.Time) connectors.Record {
	return connectors.Record{Type: typeServiceAccountKeys, Body: body, Asked: asked,
		Context: map[string]string{ctxProject: at.Project, ctxUniqueID: acc.UniqueID}}
}

// keys reads the keys of an account, by its uniqueId, whole.
func (c *client) keys(ctx context.Context, at place, acc account) (jsontext.Value, error) {
	a, err := c.fetch(ctx, c.get("iam", "v1/"+at.parent()+"/serviceAccounts/"+acc.UniqueID+"/keys", url.Values{"keyTypes": {"USER_MANAGED"}}))
	if err != nil {
		return nil, err
	}
	if _, err := a.listing("keys"); err != nil {
		return nil, err
	}
	return redact(a.body)
}
