//go:build !few

package main

// The SDKs of these two take minutes to compile, and no test speaks to them: the gate builds with the tag "few", without them.
import (
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
)
