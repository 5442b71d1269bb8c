// Package archive keeps closed stretches of the log outside of NATS: in a folder, or in whatever else fulfils [Store]. A stretch is a
// segment, JSON lines in zstd, which holds each event's bytes as they were stored and names the segment before it by its digest. So the
// archive is a chain over segments, and in it lie the chains of the feeds over events, as in the log. README.md has the format.
//
// [Archive.Write] continues an archive from a log, [Archive.Verify] finds what was changed since, and [Join] reads archive and log as one.
package archive
