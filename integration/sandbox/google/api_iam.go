package google

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// accountJSON is a ServiceAccount of iam/v1. It has no times, and disabled is left out when false.
type accountJSON struct {
	Name           string `json:"name"`
	ProjectID      string `json:"projectId"`
	UniqueID       string `json:"uniqueId"`
	Email          string `json:"email"`
	DisplayName    string `json:"displayName,omitempty"`
	Etag           string `json:"etag"`
	Description    string `json:"description,omitempty"`
	Oauth2ClientID string `json:"oauth2ClientId"`
	Disabled       bool   `json:"disabled,omitempty"`
}

// keyJSON is a ServiceAccountKey of iam/v1.
type keyJSON struct {
	Name            string `json:"name"`
	ValidAfterTime  string `json:"validAfterTime"`
	ValidBeforeTime string `json:"validBeforeTime"`
	KeyAlgorithm    string `json:"keyAlgorithm"`
	KeyOrigin       string `json:"keyOrigin"`
	KeyType         string `json:"keyType"`
	Disabled        bool   `json:"disabled,omitempty"`
	DisableReason   string `json:"disableReason,omitempty"`

	ExtendedStatus []keyStatusJSON `json:"extendedStatus,omitempty"`
}

// keyStatusJSON says more of a key: where it was found.
type keyStatusJSON struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// status is what is known of a key that was found in public.
func (k *accountKey) status() []keyStatusJSON {
	if k.Reason != "SERVICE_ACCOUNT_KEY_DISABLE_REASON_EXPOSED" {
		return nil
	}
	return []keyStatusJSON{{"SERVICE_ACCOUNT_KEY_EXTENDED_STATUS_KEY_EXPOSED", "https://git.example/acme/infra"}}
}

func (a *account) json() accountJSON {
	return accountJSON{Name: a.name(), ProjectID: a.Project, UniqueID: a.UniqueID, Email: a.Email, DisplayName: a.Title,
		Etag: "MDEwMjE5MjA=", Description: a.Description, Oauth2ClientID: a.UniqueID, Disabled: a.Disabled}
}

func listAccounts(c *call) (any, *apiError) {
	p := c.project(c.vars["project"])
	if p == nil {
		return nil, notFound("Unknown project id: %s", c.vars["project"])
	}
	found, next, e := page(c, list[*account, accountJSON]{
		pager: pager{fallback: 20, max: 100, reject: true},
		shelf: c.ix.accountsIn[p.ProjectID],
		show:  (*account).json,
	})
	if e != nil {
		return nil, e
	}
	return struct {
		Accounts      []accountJSON `json:"accounts,omitempty"`
		NextPageToken string        `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

// accountOf is the account that the path names by e-mail or unique id, in one project or, with -, in any. A missing
// account is 404, but 403 under -.
func (c *call) accountOf(permission string) (*account, *apiError) {
	id, in := c.vars["account"], c.vars["project"]
	if a := c.account(id); a != nil && a.Deleted.IsZero() && (in == "-" || c.project(in) == c.project(a.Project)) {
		return a, c.settled(a.UniqueID, a.Created, permission, a.name())
	}
	if in == "-" {
		return nil, denied(serviceIAM, permission, "projects/-/serviceAccounts/"+id)
	}
	return nil, notFound("Unknown service account")
}

// settled fails the read of a single thing that is too new: half of them with 404, half with 403, by their id.
func (c *call) settled(id string, created time.Time, permission, name string) *apiError {
	if c.opt.Settle <= 0 || c.now.Sub(created) >= c.opt.Settle {
		return nil
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	if h.Sum32()%2 == 0 {
		return denied(c.route.service, permission, name)
	}
	return notFound("%s was not found.", name)
}

func getAccount(c *call) (any, *apiError) {
	a, e := c.accountOf("iam.serviceAccounts.get")
	if e != nil {
		return nil, e
	}
	return a.json(), nil
}

func getAccountPolicy(c *call) (any, *apiError) {
	a, e := c.accountOf("iam.serviceAccounts.getIamPolicy")
	if e == nil {
		e = c.decode(&struct{}{})
	}
	if e != nil {
		return nil, e
	}
	return c.queryPolicy(accountPolicyKey(a.UniqueID))
}

var keyTypes = []string{"KEY_TYPE_UNSPECIFIED", "USER_MANAGED", "SYSTEM_MANAGED"}

func listKeys(c *call) (any, *apiError) {
	a, e := c.accountOf("iam.serviceAccountKeys.list")
	if e != nil {
		return nil, e
	}
	want := c.query["keyTypes"]
	for i, t := range want {
		if !slices.Contains(keyTypes, t) {
			return nil, invalid("key_types", "Invalid value at 'key_types' (type.googleapis.com/google.iam.admin.v1."+
				"ListServiceAccountKeysRequest.KeyType), %q", t)
		}
		if slices.Contains(want[:i], t) {
			return nil, invalid("key_types", "Duplicate key types are not allowed: %s.", t)
		}
	}
	var out struct {
		Keys []keyJSON `json:"keys,omitempty"`
	}
	for _, k := range a.keys(c.now) {
		if len(want) == 0 || slices.Contains(want, k.KeyType) {
			out.Keys = append(out.Keys, k)
		}
	}
	return out, nil
}

func getKey(c *call) (any, *apiError) {
	a, e := c.accountOf("iam.serviceAccountKeys.get")
	if e != nil {
		return nil, e
	}
	if t := c.query.get("publicKeyType"); t != "" && t != "TYPE_NONE" {
		return nil, invalid("public_key_type", "This server holds no public keys: ask for TYPE_NONE.")
	}
	for _, k := range a.keys(c.now) {
		if strings.HasSuffix(k.Name, "/"+c.vars["key"]) {
			return k, nil
		}
	}
	return nil, notFound("Service account key %s does not exist.", c.vars["key"])
}

// keys are the user-managed keys and Google's own one.
func (a *account) keys(now time.Time) []keyJSON {
	var out []keyJSON
	for _, k := range a.Keys {
		out = append(out, keyJSON{Name: a.name() + "/keys/" + k.ID, ValidAfterTime: stamp(k.After),
			ValidBeforeTime: stamp(k.Before), KeyAlgorithm: "KEY_ALG_RSA_2048", KeyOrigin: k.Origin,
			KeyType: "USER_MANAGED", Disabled: k.Disabled, DisableReason: k.Reason, ExtendedStatus: k.status()})
	}
	return append(out, a.systemKey(now))
}

// systemKey is the key that Google manages. It rotates by itself every week, which no log mentions.
func (a *account) systemKey(now time.Time) keyJSON {
	const week = 7 * 24 * time.Hour
	from := now.Truncate(week)
	h := fnv.New128a()
	fmt.Fprintf(h, "%s/%d", a.UniqueID, from.Unix())
	sum := hex.EncodeToString(h.Sum(nil))
	return keyJSON{Name: a.name() + "/keys/" + sum + sum[:8], ValidAfterTime: stamp(from),
		ValidBeforeTime: stamp(from.Add(2*week + 48*time.Hour)), KeyAlgorithm: "KEY_ALG_RSA_2048",
		KeyOrigin: "GOOGLE_PROVIDED", KeyType: "SYSTEM_MANAGED"}
}
