package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pair writes a certificate and its key, and returns their files.
func pair(t *testing.T) (certificate, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"hub.acme.example"}}
	der, err := x509.CreateCertificate(rand.Reader, made, made, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")
	for file, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// With a certificate and its key the door may be anywhere; with the key of another, nowhere.
func TestHooksWithCertificate(t *testing.T) {
	certificate, key := pair(t)
	_, other := pair(t)
	parse := func(key string) (Config, error) {
		return Parse("f", fmt.Appendf(nil, "hooks: {listen: ':8443', certificate: %s, key: %s}\n%s", certificate, key, connection(plain+hook)), vendors, env)
	}
	c, err := parse(key)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Hooks{Listen: ":8443", Certificate: certificate, Key: key}); c.Hooks != want {
		t.Errorf("hooks are %+v, want %+v", c.Hooks, want)
	}
	if _, err := parse(other); err == nil {
		t.Error("a certificate with another's key is taken")
	}
}

// A connection's settings have its hook, and its path is that of the connection.
func TestHookOfAConnection(t *testing.T) {
	c, err := Parse("f", []byte(door+connection(plain+hook)), vendors, env)
	if err != nil {
		t.Fatal(err)
	}
	of := c.Tenants[0].Connections[0]
	if got := of.Settings("acme").Hook.Secret.Reveal(); got != hookValue {
		t.Errorf("the connector gets the secret %q", got)
	}
	if got := of.HookPath("acme"); got != "/hooks/acme/c" {
		t.Errorf("the path is %q", got)
	}
	if got := (Connection{Name: "c"}).HookPath("acme"); got != "" {
		t.Errorf("without a hook the path is %q", got)
	}
}
