package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// update rewrites the expected outputs in testdata: go test ./cmd/rollcall -update.
var update = flag.Bool("update", false, "rewrite the expected outputs of the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rollcall": main})
}

// TestScripts runs the program as a stranger would: each script in testdata is a dialogue with it. The commands beyond those of
// testscript are in script_commands_test.go.
func TestScripts(t *testing.T) {
	docs, err := filepath.Abs("../../docs")
	if err != nil {
		t.Fatal(err)
	}
	var only []string
	dir := "testdata"
	if raceEnabled { // most scripts are one command after the other: the gate runs all of them without the detector
		dir = ""
		for _, name := range []string{"once", "hook", "rebuild", "live", "archive"} {
			only = append(only, filepath.Join("testdata", name+".txtar"))
		}
	}
	testscript.Run(t, testscript.Params{
		Dir: dir, Files: only, UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"json": jsonCommand, "jsonlines": jsonLines, "keep": keepCommand, "until": untilCommand, "control": controlCommand,
			"privatekey": privateKey, "nats": natsCommand, "taken": takenPort, "silent": silentCommand,
			"tamper": tamperCommand, "forget": forgetCommand, "flip": flipCommand,
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("DOCS", docs)
			e.Setenv("TZ", "UTC")
			e.Values[serversKey{}] = &servers{}
			e.Defer(e.Values[serversKey{}].(*servers).close)
			for _, dir := range []string{"home", "config"} {
				if err := os.Mkdir(filepath.Join(e.WorkDir, "."+dir), 0o700); err != nil {
					return err
				}
			}
			e.Setenv("HOME", filepath.Join(e.WorkDir, ".home"))
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, ".config"))
			return nil
		},
	})
}

// background is a context for what a script starts in this process; it ends with the script.
func background(ts *testscript.TestScript) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	ts.Defer(cancel)
	return ctx
}
