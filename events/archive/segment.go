package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/rollcallhq/rollcall/events"
)

// Version is the version of the format that this code writes. It reads all up to it.
const Version = 1

// Header is a segment's first line: what the segment is, and which one is before it.
type Header struct {
	Version int    `json:"rollcall_archive"`
	Number  uint64 `json:"number"` // 1 is the first
	Epoch   string `json:"epoch"`  // of the log, when it was archived

	// From and To are the sequences that the segment covers, both included: all events of the log that lie there are in it. From is the
	// sequence after the former segment's To; it is lower where the log was restored in between, and what former segments hold from there
	// on is no part of the log any more.
	From uint64 `json:"from"`
	To   uint64 `json:"to"`

	First     uint64    `json:"first"` // sequence of the first event
	Last      uint64    `json:"last"`  // of the last
	FirstTime time.Time `json:"first_time"`
	LastTime  time.Time `json:"last_time"`
	Events    uint64    `json:"events"`
	Bytes     uint64    `json:"bytes"`  // of the events' lines, not compressed
	Content   string    `json:"sha256"` // of those lines, in hex

	Former string `json:"former,omitzero"` // [Entry.Digest] of the segment before it; empty for the first
}

// Entry is the index's entry of a segment. With it the segment becomes a part of the archive.
type Entry struct {
	Header
	Name   string `json:"segment"` // of the object
	Size   int    `json:"size"`    // of the object, in bytes
	Digest string `json:"digest"`  // SHA-256 of the object, in hex
}

const (
	segmentPrefix = "segments/"
	indexPrefix   = "index/"
)

func segmentName(number uint64, digest string) string {
	return fmt.Sprintf("%s%010d-%s.jsonl.zst", segmentPrefix, number, digest[:16])
}

func indexName(number uint64) string { return fmt.Sprintf("%s%010d.json", indexPrefix, number) }

// encodeEntry writes an entry as it is stored, so that an altered byte shows.
func encodeEntry(e *Entry) ([]byte, error) {
	b, err := events.Marshal(e)
	return append(b, '\n'), err
}

func decodeEntry(b []byte) (Entry, error) {
	var e Entry
	if err := events.Unmarshal(b, &e); err != nil {
		return e, fmt.Errorf("it is no entry: %w", err)
	}
	if e.Version > Version {
		return e, fmt.Errorf("it has the format %d, this program reads 1 to %d: %w", e.Version, Version, events.ErrTooNew)
	}
	if len(e.Digest) != 2*sha256.Size || e.Name != segmentName(e.Number, e.Digest) {
		return e, errors.New("it names another object than its segment's")
	}
	if e.Version < 1 || e.Number < 1 || e.From < 1 || e.From > e.First || e.First > e.Last || e.Last > e.To || e.Events < 1 {
		return e, errors.New("its sequences do not fit")
	}
	return e, nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// content is the digest of lines as they come.
type content struct {
	sum   hash.Hash
	bytes uint64
}

func newContent() *content { return &content{sum: sha256.New()} }

func (c *content) add(line []byte) {
	c.sum.Write(line)
	c.sum.Write([]byte{'\n'})
	c.bytes += uint64(len(line)) + 1
}

func (c *content) digest() string { return hex.EncodeToString(c.sum.Sum(nil)) }

// maxBytes bounds the lines that a segment is made of, beside the number of events.
const maxBytes = 64 << 20

// segment is one that is being made.
type segment struct {
	Header
	lines []byte
}

func (s *segment) add(m *events.Stored) {
	if s.Events == 0 {
		s.First, s.FirstTime = m.Position.Sequence, m.Time.UTC()
	}
	s.Last, s.LastTime = m.Position.Sequence, m.Time.UTC()
	s.Events++
	s.lines = appendLine(s.lines, m)
}

func (s *segment) full(most uint64) bool { return s.Events >= most || len(s.lines) >= maxBytes }

// seal closes the segment at a sequence and returns it as it is stored, with its entry.
func (s *segment) seal(to uint64, pack *zstd.Encoder) (Entry, []byte, error) {
	s.To, s.Bytes, s.Content = to, uint64(len(s.lines)), digest(s.lines)
	head, err := events.Marshal(&s.Header)
	if err != nil {
		return Entry{}, nil, err
	}
	var out bytes.Buffer
	out.Grow(len(s.lines) / 4)
	pack.Reset(&out)
	for _, part := range [][]byte{head, {'\n'}, s.lines} {
		if _, err := pack.Write(part); err != nil {
			return Entry{}, nil, fmt.Errorf("compressing: %w", err)
		}
	}
	if err := pack.Close(); err != nil {
		return Entry{}, nil, fmt.Errorf("compressing: %w", err)
	}
	e := Entry{Header: s.Header, Size: out.Len(), Digest: digest(out.Bytes())}
	e.Name = segmentName(e.Number, e.Digest)
	return e, out.Bytes(), nil
}

func newPacker() (*zstd.Encoder, error) { return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2)) }

// The bounds of what is unpacked: a window of zstd's, and one line, which holds an event of at most 64 MiB, in base64 at worst.
const (
	maxWindow = 128 << 20
	maxLine   = 96 << 20
)

// unpacked reads a segment line by line. A line is valid until the next.
type unpacked struct {
	Header
	zr    *zstd.Decoder
	lines *bufio.Reader
	long  []byte
}

// unpack opens a segment's bytes and reads its header.
func unpack(b []byte) (*unpacked, error) {
	zr, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("it is no zstd: %w", err)
	}
	u := &unpacked{zr: zr, lines: bufio.NewReaderSize(zr, 1<<16)}
	head, err := u.next()
	if err == nil {
		err = events.Unmarshal(head, &u.Header)
	}
	if err == nil && u.Version > Version {
		err = fmt.Errorf("it has the format %d, this program reads 1 to %d: %w", u.Version, Version, events.ErrTooNew)
	}
	if err != nil {
		zr.Close()
		return nil, fmt.Errorf("its header cannot be read: %w", err)
	}
	return u, nil
}

func (u *unpacked) close() { u.zr.Close() }

// next is the next line without its end; io.EOF after the last.
func (u *unpacked) next() ([]byte, error) {
	line, err := u.lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		u.long = append(u.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) && len(u.long) < maxLine {
			line, err = u.lines.ReadSlice('\n')
			u.long = append(u.long, line...)
		}
		line = u.long
	}
	switch {
	case errors.Is(err, io.EOF) && len(line) == 0:
		return nil, io.EOF
	case errors.Is(err, io.EOF):
		return nil, errors.New("it ends within a line")
	case err != nil:
		return nil, err
	}
	return line[:len(line)-1], nil
}

// fetch gets the segment's object and holds it against its entry.
func fetch(ctx context.Context, store Store, e *Entry) ([]byte, error) {
	b, err := store.Get(ctx, e.Name)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, e.fault("it is missing")
	case err != nil:
		return nil, fmt.Errorf("reading segment %d of the archive: %w", e.Number, err)
	}
	if got := digest(b); got != e.Digest || len(b) != e.Size {
		return b, e.fault("its bytes are not those that were written: %d bytes with the digest %s, where the index has %d with %s", len(b), short(got), e.Size, short(e.Digest))
	}
	return b, nil
}

const twoHeaders = "its header and its entry do not say the same: one of the two was changed"

// events yields the segment's events with the sequences from..to in their order, which is that of the log. A body is the caller's.
func (e *Entry) events(ctx context.Context, store Store, from, to uint64) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		b, err := fetch(ctx, store, e)
		if err != nil {
			yield(events.Stored{}, err)
			return
		}
		u, err := unpack(b)
		if err != nil {
			yield(events.Stored{}, e.fault("%v", err))
			return
		}
		defer u.close()
		if u.Header != e.Header {
			yield(events.Stored{}, e.fault("%s", twoHeaders))
			return
		}
		for {
			line, err := u.next()
			if errors.Is(err, io.EOF) {
				return
			}
			var s events.Stored
			if err == nil {
				s, err = parseLine(bytes.Clone(line))
			}
			if err != nil {
				yield(s, e.fault("%v", err))
				return
			}
			if s.Position.Sequence > to {
				return
			}
			if s.Position.Sequence >= from && !yield(s, ctx.Err()) {
				return
			}
		}
	}
}

// Fault is something that was changed in an archive, or is missing.
type Fault struct {
	Number uint64 `json:"segment"` // of the segment; 0: it belongs to none
	Text   string `json:"text"`
}

// Error names the segment.
func (f *Fault) Error() string { return f.Text }

func (e *Entry) fault(format string, args ...any) *Fault {
	return &Fault{e.Number, fmt.Sprintf("segment %d (%s): %s", e.Number, strings.TrimPrefix(e.Name, segmentPrefix), fmt.Sprintf(format, args...))}
}

func short(hash string) string {
	if hash == "" {
		return "none"
	}
	return hash[:min(12, len(hash))] + "…"
}
