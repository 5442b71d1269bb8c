package main

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/archive/archivetest"
)

// fakeS3 is as much of S3 as an archive needs: conditional puts, gets, lists.
type fakeS3 struct {
	mu      sync.Mutex
	objects map[string][]byte
	plain   int // puts without a condition
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/bucket"), "/")
	content, there := f.objects[key]
	switch {
	case r.Method == http.MethodPut:
		if r.Header.Get("If-None-Match") != "*" {
			f.plain++
		} else if there {
			fail(w, http.StatusPreconditionFailed, "PreconditionFailed")
			return
		}
		b, err := body(r)
		if err != nil {
			fail(w, http.StatusBadRequest, "IncompleteBody")
			return
		}
		f.objects[key] = b
		w.Header().Set("ETag", `"e"`)
	case r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "2":
		f.list(w, r.URL.Query().Get("prefix"))
	case r.Method == http.MethodGet && there:
		w.Header().Set("ETag", `"e"`)
		http.ServeContent(w, r, "", noon, bytes.NewReader(content))
	default:
		fail(w, http.StatusNotFound, "NoSuchKey")
	}
}

func (f *fakeS3) list(w io.Writer, prefix string) {
	type object struct {
		Key, LastModified, ETag, StorageClass string
		Size                                  int
	}
	out := struct {
		XMLName           xml.Name `xml:"ListBucketResult"`
		Name, Prefix      string
		KeyCount, MaxKeys int
		IsTruncated       bool
		Contents          []object
	}{Name: "bucket", Prefix: prefix, MaxKeys: 1000}
	for key, b := range f.objects {
		if strings.HasPrefix(key, prefix) {
			out.Contents = append(out.Contents, object{key, "2026-11-01T00:00:00.000Z", `"e"`, "STANDARD", len(b)})
		}
	}
	slices.SortFunc(out.Contents, func(a, b object) int { return strings.Compare(a.Key, b.Key) })
	out.KeyCount = len(out.Contents)
	_ = xml.NewEncoder(w).Encode(out) // a client that is gone
}

func fail(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}

// body is a request's, with the chunks taken apart in which the SDK signs it.
func body(r *http.Request) ([]byte, error) {
	if !strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") && !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING") {
		return io.ReadAll(r.Body)
	}
	var out bytes.Buffer
	for in := bufio.NewReader(r.Body); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil || n == 0 {
			return out.Bytes(), err
		}
		if _, err := io.CopyN(&out, in, n); err != nil {
			return nil, err
		}
		if _, err := in.Discard(2); err != nil {
			return nil, err
		}
	}
}

// By the SDK of S3, and whatever gocloud makes of it, every put is one request that fails where the name is taken.
func TestS3(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	archivetest.Store(t, func(t *testing.T) archive.Store {
		f := &fakeS3{objects: map[string][]byte{}}
		server := httptest.NewServer(f)
		t.Cleanup(func() {
			server.Close()
			if f.plain > 0 {
				t.Errorf("%d puts without a condition", f.plain)
			}
		})
		return open(t, "s3://bucket?prefix=rollcall/&region=eu-central-1&use_path_style=true&endpoint="+server.URL, true)
	})
}
