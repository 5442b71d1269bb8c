package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// Folder is a [Store] in a folder of this machine. The file system must have hard links, by which a file appears whole under a name
// that is free.
type Folder struct{ dir string }

// temporary begins the names of files that are being written.
const temporary = ".writing-"

// leftover is the age from which on such a file is taken for what a killed process has left.
const leftover = time.Hour

// OpenFolder opens a folder; it must be there.
func OpenFolder(dir string) (*Folder, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no archive in the folder %s: name the folder that `rollcall archive --to` has written, or that archive.folder says", dir)
	case err != nil:
		return nil, fmt.Errorf("opening the archive: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("opening the archive: %s is no folder", dir)
	}
	return &Folder{dir}, nil
}

// MakeFolder opens a folder to write to. It makes the folder, and removes what killed processes have left half written.
func MakeFolder(dir string) (*Folder, error) {
	if dir == "" {
		return nil, errors.New("the archive's folder has no name: name one")
	}
	for _, sub := range []string{segmentPrefix, indexPrefix} {
		if err := makeDir(filepath.Join(dir, sub)); err != nil {
			return nil, fmt.Errorf("making the archive's folder: %w", err)
		}
	}
	f := &Folder{dir}
	return f, f.tidy()
}

// makeDir makes a folder that is still there after a power failure.
func makeDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

func (f *Folder) tidy() error {
	for _, sub := range []string{segmentPrefix, indexPrefix} {
		found, err := filepath.Glob(filepath.Join(f.dir, sub, temporary+"*"))
		if err != nil {
			return err
		}
		for _, name := range found {
			if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > leftover {
				_ = os.Remove(name) // it costs room only
			}
		}
	}
	return nil
}

// String implements [Store].
func (f *Folder) String() string { return f.dir }

// Put implements [Store]: the content is written and flushed under another name, linked to its own, and the folder flushed.
func (f *Folder) Put(ctx context.Context, name string, content []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path := filepath.Join(f.dir, filepath.FromSlash(name))
	dir := filepath.Dir(path)
	temp, err := write(dir, content)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer os.Remove(temp) //nolint:errcheck // it costs room only, and tidy removes it
	failpoint.Hit("archive.folder.written")
	if err := os.Link(temp, path); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w", path, ErrExists)
	} else if err != nil {
		return fmt.Errorf("writing %s (the file system must have hard links): %w", path, err)
	}
	failpoint.Hit("archive.folder.linked")
	return syncDir(dir)
}

// write writes a file of a name of its own, flushed.
func write(dir string, content []byte) (name string, err error) {
	f, err := os.CreateTemp(dir, temporary+"*")
	if err != nil {
		return "", err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(content); err != nil {
		return "", err
	}
	return f.Name(), f.Sync()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Get implements [Store].
func (f *Folder) Get(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(f.dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s in %s: %w", name, f.dir, ErrNotFound)
	}
	return b, err
}

// List implements [Store].
func (f *Folder) List(ctx context.Context, prefix string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var out []string
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), temporary) {
			return err
		}
		name, err := filepath.Rel(f.dir, path)
		if name = filepath.ToSlash(name); err == nil && strings.HasPrefix(name, prefix) {
			out = append(out, name)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) { // a file that was being written is gone
		return f.List(ctx, prefix)
	}
	slices.Sort(out)
	return out, err
}
