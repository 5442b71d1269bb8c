package google

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// accountKeys is a ListServiceAccountKeysResponse of iam/v1.
type accountKeys struct {
	Keys []accountKey `json:"keys"`
}

// accountKey is a ServiceAccountKey of iam/v1, without what is secret of it.
type accountKey struct {
	Name            string `json:"name"`
	KeyType         string `json:"keyType"`
	KeyAlgorithm    string `json:"keyAlgorithm"`
	ValidAfterTime  string `json:"validAfterTime"`
	ValidBeforeTime string `json:"validBeforeTime"`
	Disabled        bool   `json:"disabled"` // absent when false
	DisableReason   string `json:"disableReason"`
	ExtendedStatus  []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"extendedStatus"`
}

// normalizeKeys reads all user-managed keys of a service account: what else the log holds of them is gone. An unfinished key is
// an error of the whole record, so that it is not taken for gone.
func normalizeKeys(r connectors.Record) (connectors.Reading, error) {
	var list accountKeys
	if err := decode(r, &list); err != nil {
		return connectors.Reading{}, err
	}
	holder := r.Context[ctxUniqueID]
	if holder == "" {
		return connectors.Reading{}, missing(r, "account in its context")
	}
	scope := keysScope(holder)
	reading := connectors.Reading{Replaces: []string{scope}}
	for _, k := range list.Keys {
		id := lastPart(k.Name)
		if id == "" {
			return connectors.Reading{}, missing(r, "name of a key")
		}
		if k.KeyType == "SYSTEM_MANAGED" {
			continue
		}
		reading.Entities = append(reading.Entities, events.Entity{
			Kind: events.KindCredential, Holder: holder, Key: id, Scope: scope, Credential: k.credential()})
	}
	slices.SortFunc(reading.Entities, func(a, b events.Entity) int { return cmp.Compare(a.Key, b.Key) })
	return reading, nil
}

// credential is the key as events write it. Google knows no time at which it was made but the one from which it is valid.
func (k *accountKey) credential() *events.Credential {
	c := &events.Credential{
		Type: "key", Algorithm: k.KeyAlgorithm, Status: events.StatusActive,
		NotBefore: when(k.ValidAfterTime), Expires: when(k.ValidBeforeTime),
	}
	var words []string
	if k.Disabled {
		c.Status = events.StatusDisabled
		words = append(words, shortReason(k.DisableReason))
	}
	for _, s := range k.ExtendedStatus {
		words = append(words, shortReason(s.Key))
	}
	slices.Sort(words)
	words = slices.DeleteFunc(slices.Compact(words), func(s string) bool { return s == "" })
	c.NativeStatus = strings.Join(words, ", ")
	return c
}

// shortReason takes off the prefixes that the API's enumerations repeat: EXPOSED, COMPROMISE_DETECTED, USER_INITIATED.
func shortReason(s string) string {
	s = strings.TrimPrefix(s, "SERVICE_ACCOUNT_KEY_DISABLE_REASON_")
	return strings.TrimPrefix(s, "SERVICE_ACCOUNT_KEY_EXTENDED_STATUS_KEY_")
}
