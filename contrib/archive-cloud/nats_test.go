package main

import (
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/parquet-go/parquet-go"

	"github.com/rollcallhq/rollcall/events/archive/archivetest"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// A log on NATS is archived to a bucket, copied to a folder, and exported: from the archive, from the log, and from both when the log has lost
// what was archived.
func TestLogToBucketToTable(t *testing.T) {
	server, err := natsd.Start(t.Context(), natsd.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Shutdown() })
	nc, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	log, err := eventlog.Open(t.Context(), nc, eventlog.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := projections.OpenBucket(t.Context(), js, projections.BucketOptions{Name: roster.Name, Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	archivetest.Fill(t, log, 60)
	bucket, folder := "file://"+filepath.ToSlash(t.TempDir())+"?prefix=rollcall/", filepath.Join(t.TempDir(), "copy")
	at := []string{"--nats", server.ClientURL()}
	must := func(args ...string) {
		t.Helper()
		if code := run(args); code != 0 {
			t.Fatalf("%v: exit status %d", args, code)
		}
	}
	must(append([]string{"write", bucket, "--segment", "25"}, at...)...)
	must(append([]string{"write", bucket}, at...)...)
	must("verify", bucket)
	must("copy", bucket, folder)
	must("verify", folder)
	rows := func(args ...string) int {
		t.Helper()
		file := filepath.Join(t.TempDir(), "events.parquet")
		must(append([]string{"export", "--parquet", file}, args...)...)
		got, err := parquet.ReadFile[row](file)
		if err != nil {
			t.Fatal(err)
		}
		return len(got)
	}
	archivetest.Fill(t, log, 15)
	stream, err := js.Stream(t.Context(), eventlog.DefaultStream)
	if err != nil {
		t.Fatal(err)
	}
	if n := rows(at...); n != 75 {
		t.Errorf("%d rows of the log, want 75", n)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject("rollcall.events.>"), jetstream.WithPurgeSequence(40)); err != nil {
		t.Fatal(err)
	}
	if n := rows(at...); n >= 75 {
		t.Errorf("%d rows of the purged log, want less than 75", n)
	}
	if n := rows(append([]string{bucket}, at...)...); n != 75 {
		t.Errorf("%d rows of archive and log, want 75", n)
	}
	if n := rows(folder); n != 60 {
		t.Errorf("%d rows of the archive, want 60", n)
	}
}
