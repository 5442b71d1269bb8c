package hub

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcallhq/rollcall/internal/config"
)

// writePair writes a new certificate and its key, and returns the certificate.
func writePair(t *testing.T, dir string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, made, made, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// A certificate that is renewed while the hub runs is used without a restart; a renewal that went wrong does no harm.
func TestCertificateIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		c := &certificates{file: filepath.Join(dir, "tls.crt"), key: filepath.Join(dir, "tls.key"), logger: slog.New(slog.DiscardHandler)}
		shows := func(what string, want *x509.Certificate) {
			t.Helper()
			got, err := c.get(nil)
			if err != nil || !slices.Equal(got.Certificate[0], want.Raw) {
				t.Errorf("%s: another certificate is shown, error %v", what, err)
			}
		}
		first := writePair(t, dir)
		if err := c.load(); err != nil {
			t.Fatal(err)
		}
		second := writePair(t, dir)
		shows("at once", first)
		time.Sleep(renewEvery + time.Second)
		shows("after a minute", second)
		if err := os.WriteFile(c.file, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(renewEvery + time.Second)
		shows("in the middle of a renewal", second)
	})
}

// A door with a certificate speaks TLS, and nothing else.
func TestDoorWithCertificate(t *testing.T) {
	dir := t.TempDir()
	roots := x509.NewCertPool()
	roots.AddCert(writePair(t, dir))
	c := config.Default()
	c.Hooks = config.Hooks{Listen: "127.0.0.1:0", Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
	d, err := openDoor(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- d.run(t.Context()) }()
	defer func() {
		d.close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for scheme, want := range map[string]int{"https://": 404, "http://": 400} {
		res, err := client.Get(scheme + d.listener.Addr().String() + "/hooks/acme/okta")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s is answered %d, want %d", scheme, res.StatusCode, want)
		}
	}
}
