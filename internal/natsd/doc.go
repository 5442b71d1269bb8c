// Package natsd runs a NATS server with JetStream inside the hub's own process, for those who have no NATS of their own.
//
// [Start] serves one data folder. Every acknowledged write has been flushed to the disk (SyncAlways). The server listens on
// loopback unless it is given authentication. One folder has one server: a lock file beside the data says which process holds it
// and under which URL, so that [Find] leads other processes to it. The lock is the operating system's and ends with the process,
// however that ends; the file may stay behind, and is told apart from a live one by the lock.
package natsd
