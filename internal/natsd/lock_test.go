package natsd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// holdVariable makes the test's program a hub that holds a folder until it is killed.
const holdVariable = "NATSD_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdVariable); dir != "" {
		hold(dir)
	}
	os.Exit(m.Run())
}

func hold(dir string) {
	s, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println(s.ClientURL())
	select {}
}

// holder runs a hub in a process of its own and returns its URL.
func holder(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "nats://") {
		t.Fatalf("the hub said %q, %v", line, err)
	}
	return cmd, strings.TrimSpace(line)
}

func TestOneHubPerFolder(t *testing.T) {
	dir := t.TempDir()
	if _, err := Find(dir); !errors.Is(err, ErrNoHub) {
		t.Errorf("in an empty folder: %v", err)
	}
	cmd, url := holder(t, dir)
	h, err := Find(dir)
	if err != nil || h.URL != url || h.PID != cmd.Process.Pid || h.Started.IsZero() {
		t.Errorf("found %+v, %v; want process %d at %s", h, err, cmd.Process.Pid, url)
	}
	_, err = Start(t.Context(), Options{Dir: dir})
	var used *InUseError
	if !errors.As(err, &used) || used.Holder != h || !strings.Contains(err.Error(), url) {
		t.Fatalf("a second start: %v", err)
	}

	cmd.Process.Kill()
	cmd.Wait()
	if _, err := Find(dir); !errors.Is(err, ErrNoHub) {
		t.Errorf("after a kill: %v", err)
	}
	s := start(t, Options{Dir: dir})
	if h, err := Find(dir); err != nil || h.URL != s.ClientURL() || h.PID != os.Getpid() {
		t.Errorf("the successor: found %+v, %v", h, err)
	}
	if err := s.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(dir); !errors.Is(err, ErrNoHub) {
		t.Errorf("after a shutdown: %v", err)
	}
}

func TestFindWhileStarting(t *testing.T) {
	dir := t.TempDir()
	l, err := lockFolder(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.release()
	var used *InUseError
	if _, err := Find(dir); !errors.As(err, &used) || !strings.Contains(err.Error(), "just starting") {
		t.Errorf("error is %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, lockName), []byte(`{"pid":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(dir); !errors.As(err, &used) {
		t.Errorf("half written: error is %v", err)
	}
}

// A hub that starts while a command reads the folder waits for it to end, and for a hub it does not wait.
func TestHubWaitsForReaders(t *testing.T) {
	dir := t.TempDir()
	reads, err := lockFolder(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*tryFor, func() { _ = reads.release() })
	runs, err := lockFolder(dir, false)
	if err != nil {
		t.Fatalf("beside a command that reads: %v", err)
	}
	defer runs.release() //nolint:errcheck // the folder is a test's
	var inUse *InUseError
	if _, err := lockFolder(dir, false); !errors.As(err, &inUse) || inUse.Holder.Brief {
		t.Errorf("beside a hub: %v", err)
	}
}
