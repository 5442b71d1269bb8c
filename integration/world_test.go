package integration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/failpoint"
	"github.com/rollcallhq/rollcall/internal/hub"
)

const (
	childVariable   = "ROLLCALL_TEST_HUB"         // makes the test binary a hub that reads the configuration it names, until it is caught up
	foreverVariable = "ROLLCALL_TEST_HUB_FOREVER" // or until it is killed
)

func TestMain(m *testing.M) {
	if file := os.Getenv(childVariable); file != "" {
		if err := callRoll(file, os.Getenv(foreverVariable) != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// callRoll is what `rollcall up --config FILE`, or with --once, does.
func callRoll(file string, forever bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cfg, err := config.Load(file, all.Vendors, os.LookupEnv)
	if err != nil {
		return err
	}
	h, err := hub.Open(ctx, hub.Options{Config: cfg, Vendors: all.Vendors, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	defer h.Close()
	if forever {
		return h.Run(ctx)
	}
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(ctx)
	go func() { done <- h.Run(ctx) }()
	stuck, err := h.CaughtUp(ctx)
	if len(stuck) > 0 {
		err = errors.New(strings.Join(stuck, "; "))
	}
	stop()
	return errors.Join(err, <-done)
}

// world is a company at three sandboxes and the configuration that reads them.
type world struct {
	company *demo.Company
	dir     string
}

func newWorld(t *testing.T, o demo.Options) *world {
	t.Helper()
	company, err := demo.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := company.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{company: company, dir: t.TempDir()}
}

// config is the configuration of a hub whose state lies in the named folder; nats, if any, are lines for that section.
func (w *world) config(t *testing.T, name, nats string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "data: %s\n", filepath.Join(w.dir, name))
	if nats != "" {
		fmt.Fprintf(&b, "nats: %s\n", nats)
	}
	b.WriteString("tenants:\n  demo:\n    connections:\n")
	for _, v := range w.company.Vendors {
		token := filepath.Join(w.dir, name+"-"+v.Name+".token") // of its own: another hub may just be reading one
		if err := os.WriteFile(token, []byte(v.Token), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "      %s:\n        vendor: %s\n        endpoint: %s\n        auth: {method: bearer, token: '${file:%s}'}\n", v.Name, v.Name, v.URL, token)
		b.WriteString("        options: {page_size: 2}\n        pace: {default: 100ms}\n        rate_share: 1\n")
	}
	file := filepath.Join(w.dir, name+".yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// child runs a hub in a process of its own until it is caught up, or until the failpoint kills it.
func (w *world) child(t *testing.T, file, fail string) (killed bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+file, failpoint.Variable+"="+fail)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case errors.As(err, &exit) && exit.ExitCode() == failpoint.Status:
		return true
	}
	t.Fatalf("the hub failed: %v\n%s", err, out)
	return false
}

// start runs a hub in a process of its own until the test or the caller kills it.
func (w *world) start(t *testing.T, file string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+file, foreverVariable+"=yes")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// eventually waits for something that other processes bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(settleTime)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within %v: %s", settleTime, what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
