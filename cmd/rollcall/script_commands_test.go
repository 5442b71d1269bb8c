package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// jsonCommand is `json [FIELD VALUE]`: standard output is one JSON document and nothing else; the field, if named, has the value.
// A field is a path: connections.0.name; an array's length is path.len.
func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	doc := document(ts)
	if len(args) == 0 {
		return
	}
	if len(args) != 2 {
		ts.Fatalf("usage: json [FIELD VALUE]")
	}
	if got := at(ts, doc, args[0]); (got == args[1]) == neg {
		ts.Fatalf("%s is %s, and not: %v %s", args[0], got, !neg, args[1])
	}
}

// keepCommand is `keep NAME FIELD`: the environment variable NAME gets the field's value.
func keepCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: keep NAME FIELD")
	}
	ts.Setenv(args[0], at(ts, document(ts), args[1]))
}

func document(ts *testscript.TestScript) any {
	var doc any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	d.UseNumber()
	ts.Check(d.Decode(&doc))
	if _, err := d.Token(); err != io.EOF {
		ts.Fatalf("something follows after the JSON document: %v", err)
	}
	return doc
}

func at(ts *testscript.TestScript, doc any, path string) string {
	for part := range strings.SplitSeq(path, ".") {
		switch d := doc.(type) {
		case map[string]any:
			v, ok := d[part]
			if !ok {
				ts.Fatalf("%s: there is no %q", path, part)
			}
			doc = v
		case []any:
			if part == "len" {
				return strconv.Itoa(len(d))
			}
			n, err := strconv.Atoi(part)
			if err != nil || n >= len(d) {
				ts.Fatalf("%s: a list of %d has no %q", path, len(d), part)
			}
			doc = d[n]
		default:
			ts.Fatalf("%s: %v has no parts", path, d)
		}
	}
	return fmt.Sprint(doc)
}

// jsonLines is `jsonlines [N]`: standard output is N JSON documents, or at least one, each on its own line.
func jsonLines(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\n"), "\n")
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			ts.Fatalf("not JSON: %q", l)
		}
	}
	if len(args) == 1 && args[0] != strconv.Itoa(len(lines)) {
		ts.Fatalf("%d lines, not %s", len(lines), args[0])
	}
}

// untilTime bounds what a script waits for, such as a first roll call: that takes 12 seconds of processor time under the race detector.
const untilTime = 5 * time.Minute

// untilCommand is `until REGEXP COMMAND ARGS...`: it runs the command until its output, standard or error, matches.
func untilCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEXP COMMAND ARGS...")
	}
	re := regexp.MustCompile(args[0])
	var out string
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for end := time.After(untilTime); ; {
		if out = runOnce(ts, args[1:]); re.MatchString(out) {
			return
		}
		select {
		case <-look.C:
			continue
		case <-end:
		}
		break
	}
	ts.Fatalf("%v never showed %q; at last: %s", args[1:], args[0], out)
}

func runOnce(ts *testscript.TestScript, args []string) string {
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir, cmd.Env = ts.Getenv("WORK"), os.Environ()
	for _, name := range []string{"HOME", "TZ"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	out, _ := cmd.CombinedOutput() // that it fails is a part of what is waited for
	return string(out)
}

// controlCommand is `control METHOD URL [BODY]`: a call of a sandbox's control API, which must be well.
func controlCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: control METHOD URL [BODY]")
	}
	req, err := http.NewRequest(args[0], args[1], strings.NewReader(strings.Join(args[2:], " ")))
	ts.Check(err)
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	if res.StatusCode >= 300 {
		ts.Fatalf("%s %s: %s: %s", args[0], args[1], res.Status, body)
	}
}

// privateKey is `privatekey NAME`: the environment variable gets a new private key in PEM.
func privateKey(ts *testscript.TestScript, _ bool, args []string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ts.Check(err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Setenv(args[0], string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// silentCommand is `silent SECRET FILE...`: none of the files, and neither stdout nor stderr, holds the secret.
func silentCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args[0]) < 8 {
		ts.Fatalf("usage: silent SECRET FILE..., with a secret of some length")
	}
	for _, name := range slices.Concat([]string{"stdout", "stderr"}, args[1:]) {
		if i := bytes.Index([]byte(ts.ReadFile(name)), []byte(args[0])); i >= 0 {
			ts.Fatalf("%s holds the secret at byte %d", name, i)
		}
	}
}

// flipCommand is `flip PATTERN`: in the one file that the pattern names, a bit in the middle is flipped.
func flipCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip PATTERN")
	}
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%s names %v, and not one file", args[0], found)
	}
	b, err := os.ReadFile(found[0])
	ts.Check(err)
	b[len(b)/2] ^= 4
	ts.Check(os.WriteFile(found[0], b, 0o600))
}
