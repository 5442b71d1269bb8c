package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file://, for tests
	_ "gocloud.dev/blob/memblob"  // mem://, for tests
	_ "gocloud.dev/blob/s3blob"   // s3://
	"gocloud.dev/gcerrors"

	"github.com/rollcallhq/rollcall/events/archive"
)

// bucket is an [archive.Store] in an object store. An object is put by a conditional write, which all three vendors have: none of that name
// may be there.
type bucket struct {
	b    *blob.Bucket
	name string // without what may be secret
}

// openStore opens a folder or the bucket of a URL. A folder to write to is made. Who has called closes it.
func openStore(ctx context.Context, place string, write bool) (archive.Store, func(), error) {
	none := func() {}
	if !strings.Contains(place, "://") {
		open := archive.OpenFolder
		if write {
			open = archive.MakeFolder
		}
		f, err := open(place)
		return f, none, err
	}
	u, err := url.Parse(place)
	if err != nil {
		return nil, none, errors.New("the store's URL cannot be read: it has the form s3://bucket?prefix=rollcall/")
	}
	name := u.Scheme + "://" + u.Host + u.Path + "/" + u.Query().Get("prefix")
	b, err := blob.OpenBucket(ctx, place)
	if err != nil {
		return nil, none, fmt.Errorf("opening the bucket %s: %s", name, strings.ReplaceAll(err.Error(), place, name)) // it quotes the URL
	}
	return &bucket{b, name}, func() { _ = b.Close() }, nil // every object was closed by itself
}

// String implements [archive.Store].
func (s *bucket) String() string { return s.name }

// Put implements [archive.Store].
func (s *bucket) Put(ctx context.Context, name string, content []byte) error {
	typ := "application/json"
	if strings.HasSuffix(name, ".zst") {
		typ = "application/zstd"
	}
	// One request, so that the condition holds for the whole: a buffer that takes all of it.
	err := s.b.WriteAll(ctx, name, content, &blob.WriterOptions{IfNotExist: true, ContentType: typ, BufferSize: len(content) + 1})
	switch gcerrors.Code(err) {
	case gcerrors.OK:
		return nil
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		return fmt.Errorf("%s in %s: %w", name, s.name, archive.ErrExists)
	}
	return s.failed(ctx, "putting", name, err)
}

// Get implements [archive.Store].
func (s *bucket) Get(ctx context.Context, name string) ([]byte, error) {
	b, err := s.b.ReadAll(ctx, name)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fmt.Errorf("%s in %s: %w", name, s.name, archive.ErrNotFound)
	}
	return b, s.failed(ctx, "getting", name, err)
}

// List implements [archive.Store]. Buckets list in the order of the names.
func (s *bucket) List(ctx context.Context, prefix string) ([]string, error) {
	var out []string
	for all := s.b.List(&blob.ListOptions{Prefix: prefix}); ; {
		if err := ctx.Err(); err != nil {
			return nil, s.failed(ctx, "listing", prefix, err)
		}
		o, err := all.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, s.failed(ctx, "listing", prefix, err)
		}
		out = append(out, o.Key)
	}
}

// failed is an error with what was tried. That ctx was done counts more than what a vendor makes of it.
func (s *bucket) failed(ctx context.Context, what, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = ctx.Err()
	}
	return fmt.Errorf("%s %s in %s: %w", what, name, s.name, err)
}
