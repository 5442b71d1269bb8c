package integration

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

func (l *googleLive) touches() string {
	return fmt.Sprintf("makes the service account %s in the project %s, uploads a public key for it and deletes that, disables, enables, deletes, restores and again "+
		"deletes the account, which Google keeps for 30 days; deletes those named %s... that are older than an hour", l.name, l.own["WRITE_PROJECT"], liveNames)
}

// accounts is the URL of the service accounts of the project that may be changed.
func (l *googleLive) accounts() string {
	return l.at("iam", "") + "/v1/projects/" + url.PathEscape(l.own["WRITE_PROJECT"]) + "/serviceAccounts"
}

// googleLooks is how often the log is asked for a change: Google promises no time.
const googleLooks = 30

// change takes a service account through its life, and wants the connector to see each step through the audit log. Whatever happens,
// the account is deleted in the end.
func (l *googleLive) change(t *testing.T) {
	t.Cleanup(func() { l.remove(t, l.name, 0) })
	l.remove(t, liveNames, time.Hour)
	r := l.reader(t, 0)
	r.read(t, "audit-log") // what follows is new
	l.tryOut(t, r, l.create(t))
}

// madeAt is how a description says when the account was made: Google itself does not tell.
const madeAt = "Made by Rollcall's live suite, which deletes it again, at "

// create makes the account and returns its unique id.
func (l *googleLive) create(t *testing.T) string {
	t.Helper()
	got, err := l.send(t.Context(), http.MethodPost, l.accounts(), map[string]any{"accountId": l.name, "serviceAccount": map[string]any{
		"displayName": l.name, "description": madeAt + time.Now().UTC().Format(time.RFC3339)}})
	if err != nil {
		t.Fatal(err)
	}
	var a liveAccount
	if json.Unmarshal(got.body, &a) != nil || a.UniqueID == "" {
		t.Fatal("the creation answers no service account")
	}
	return a.UniqueID
}

// tryOut goes through the steps after the creation.
func (l *googleLive) tryOut(t *testing.T, r *reader, id string) {
	t.Helper()
	at := l.accounts() + "/" + id
	follow := func(step string, told func(connectors.Reading) bool) {
		t.Helper()
		l.follows(t, r, "audit-log", step, googleLooks, func(reading connectors.Reading) bool { return reading.LogID != "" && told(reading) })
	}
	is := func(status events.Status) func(connectors.Reading) bool {
		return func(reading connectors.Reading) bool {
			return slices.ContainsFunc(reading.Entities, func(e events.Entity) bool { return e.Agent != nil && e.Holder == id && e.Agent.Status == status })
		}
	}
	gone := func(reading connectors.Reading) bool {
		return slices.ContainsFunc(reading.Tombstones, func(x connectors.Tombstone) bool { return x.Ref == events.Identity(events.KindAgent, id) })
	}
	follow("made", is(events.StatusActive))
	l.withKey(t, at, func(step, key string) {
		follow(step, func(reading connectors.Reading) bool {
			all := slices.ContainsFunc(reading.Replaces, func(scope string) bool { return strings.Contains(scope, id) })
			has := slices.ContainsFunc(reading.Entities, func(e events.Entity) bool { return e.Kind == events.KindCredential && e.Holder == id && e.Key == key })
			return all && has == (step == keyAdded)
		})
	})
	l.must(t, http.MethodPost, at+":disable", map[string]any{})
	follow("disabled", is(events.StatusDisabled))
	l.must(t, http.MethodPost, at+":enable", map[string]any{})
	follow("enabled", is(events.StatusActive))
	l.must(t, http.MethodDelete, at, nil)
	follow("deleted", gone)
	if _, err := l.send(t.Context(), http.MethodPost, at+":undelete", map[string]any{}); err != nil {
		t.Logf("restored: passed over, as Google does not always restore: %v", err)
		return
	}
	follow("restored", is(events.StatusActive))
	l.must(t, http.MethodDelete, at, nil)
	follow("deleted again", gone)
}

const (
	keyAdded   = "key added"
	keyRemoved = "key removed"
)

// withKey uploads a public key and deletes it. No private key is ever sent. Many organizations forbid keys: that is told and passed over.
func (l *googleLive) withKey(t *testing.T, at string, follow func(step, key string)) {
	t.Helper()
	certificate, err := liveCertificate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.send(t.Context(), http.MethodPost, at+"/keys:upload", map[string]any{"publicKeyData": certificate})
	if err != nil {
		t.Logf("%s: passed over: %v", keyAdded, err)
		return
	}
	var k struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(got.body, &k) != nil || k.Name == "" {
		t.Fatal("the upload answers no key")
	}
	key := k.Name[strings.LastIndexByte(k.Name, '/')+1:]
	follow(keyAdded, key)
	l.must(t, http.MethodDelete, at+"/keys/"+key, nil)
	follow(keyRemoved, key)
}

// liveCertificate is a new public key in a certificate, in PEM. Its private half is thrown away.
func liveCertificate() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rollcall-live"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// must makes a change.
func (l *googleLive) must(t *testing.T, method, to string, body any) {
	t.Helper()
	if _, err := l.send(t.Context(), method, to, body); err != nil {
		t.Fatal(err)
	}
}

// send makes a change. What is new may be unknown to a part of Google for a minute, so that 404 and 409 are asked again.
func (l *googleLive) send(ctx context.Context, method, to string, body any) (reply, error) {
	for n := 0; ; n++ {
		got, err := l.call(ctx, method, to, l.own["WRITE_TOKEN"], body)
		switch {
		case err != nil || got.status/100 == 2:
			return got, err
		case got.status != http.StatusNotFound && got.status != http.StatusConflict || n == mostAttempts:
			return got, fmt.Errorf("%s of a service account answered %d %s", method, got.status, googleReason(got))
		}
		if err := wait(ctx, l.pause/2); err != nil {
			return got, err
		}
	}
}

// liveAccount is a service account as it is listed.
type liveAccount struct {
	UniqueID    string `json:"uniqueId"`
	Email       string `json:"email"`
	Description string `json:"description"`
}

// age is how long ago the suite made the account; 0 for one that it did not make.
func (a *liveAccount) age() time.Duration {
	_, at, _ := strings.Cut(a.Description, madeAt)
	made, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return 0
	}
	return time.Since(made)
}

// remove deletes the suite's accounts whose names begin so and that are older than an age. It works after the test has ended.
func (l *googleLive) remove(t *testing.T, begins string, age time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	defer cancel()
	accounts, err := l.named(ctx, begins)
	if err != nil {
		t.Errorf("looking for service accounts to delete: %v; look for %s... in the project yourself", err, begins)
	}
	for _, a := range accounts {
		if !strings.HasPrefix(a.Email, liveNames) || !strings.HasPrefix(a.Description, madeAt) || a.age() < age {
			continue
		}
		name, _, _ := strings.Cut(a.Email, "@")
		if got, err := l.call(ctx, http.MethodDelete, l.accounts()+"/"+a.UniqueID, l.own["WRITE_TOKEN"], nil); err != nil || got.status != http.StatusOK {
			t.Errorf("the service account %s is left behind: %d %v; delete it yourself", name, got.status, err)
			continue
		}
		t.Logf("deleted %s", name)
	}
}

// named finds service accounts by the beginning of their names.
func (l *googleLive) named(ctx context.Context, begins string) (out []liveAccount, err error) {
	for token, n := "", 0; n < mostPages; n++ {
		got, err := l.call(ctx, http.MethodGet, l.accounts()+"?pageSize=100&pageToken="+url.QueryEscape(token), l.own["WRITE_TOKEN"], nil)
		var page struct {
			Accounts []liveAccount `json:"accounts"`
			Next     string        `json:"nextPageToken"`
		}
		if err != nil {
			return nil, err
		}
		if got.status != http.StatusOK || json.Unmarshal(got.body, &page) != nil {
			return nil, fmt.Errorf("the list of service accounts answered %d %s", got.status, googleReason(got))
		}
		for _, a := range page.Accounts {
			if strings.HasPrefix(a.Email, begins) {
				out = append(out, a)
			}
		}
		if token = page.Next; token == "" {
			return out, nil
		}
	}
	return out, fmt.Errorf("the list of service accounts has more than %d pages", mostPages)
}
