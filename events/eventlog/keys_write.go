package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/failpoint"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// keysAtOnce is how many keys one batch makes.
const keysAtOnce = 900

// Make implements [Keyring]. The keys of a page are one atomic batch, each on the condition that nobody has made one meanwhile.
func (k *Keys) Make(ctx context.Context, persons []events.PersonID) error {
	if _, err := k.load(ctx); err != nil {
		return fmt.Errorf("making keys of persons: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, k.opts.Wait)
	defer cancel()
	for chunk := range slices.Chunk(persons, keysAtOnce) {
		if err := k.makeSome(ctx, chunk); err != nil {
			return fmt.Errorf("making keys of persons: %w", err)
		}
	}
	return nil
}

func (k *Keys) makeSome(ctx context.Context, persons []events.PersonID) error {
	for pause, afresh := firstPause, false; ; pause, afresh = min(2*pause, lastPause), true {
		missing, err := k.missing(ctx, persons, afresh)
		if err != nil || len(missing) == 0 {
			return err
		}
		once, cancel := context.WithTimeout(ctx, attempt)
		err = k.put(once, missing)
		if gone(err) && k.opts.Create {
			_ = k.makeBucket(once) // if that fails, so will the next attempt; a cluster without a leader answers nothing
		}
		cancel()
		if err == nil || !wait(ctx, pause) { // else one was made elsewhere, or the answer was lost
			return err
		}
	}
}

// missing are new keys for those of the persons who have none, by KV key. afresh asks the server for each that is not known.
func (k *Keys) missing(ctx context.Context, persons []events.PersonID, afresh bool) (map[string]*keptKey, error) {
	out := map[string]*keptKey{}
	for _, p := range persons {
		key := keyOf(p)
		k.mu.Lock()
		kept := k.known[key]
		k.mu.Unlock()
		if !kept.is("") && afresh {
			var err error
			if kept, err = k.ask(ctx, key); err != nil {
				return nil, err
			}
			k.learn(map[string]*keptKey{key: kept})
		}
		if kept.is("") {
			continue
		}
		fresh := events.NewKey()
		out[key] = &keptKey{ID: fresh.ID, Secret: fresh.Secret[:]}
		if kept != nil {
			out[key].sequence, out[key].Former = kept.sequence, kept.Former
		}
	}
	return out, nil
}

// put writes keys, each in the place of the message that it names, all or none.
func (k *Keys) put(ctx context.Context, keys map[string]*keptKey) error {
	var batch []*nats.Msg
	var order []string
	for key, kept := range keys {
		m, err := keyMessage(key, kept)
		if err != nil {
			return err
		}
		batch, order = append(batch, m), append(order, key)
	}
	var last uint64
	if len(batch) == 1 {
		ack, err := k.js.PublishMsg(ctx, batch[0])
		if err != nil {
			return err
		}
		last = ack.Sequence
	} else {
		ack, err := jetstreamext.PublishMsgBatch(ctx, k.js, batch)
		if err != nil {
			return err
		}
		last = ack.Sequence
	}
	for i, key := range order {
		keys[key].sequence = last - uint64(len(order)-1-i)
	}
	k.learn(keys)
	return nil
}

func keyMessage(key string, kept *keptKey) (*nats.Msg, error) {
	body, err := events.Marshal(kept)
	m := nats.NewMsg(keysSubject(key))
	m.Data = body
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(kept.sequence, 10))
	return m, err
}

func (k *Keys) learn(keys map[string]*keptKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		return
	}
	for key, kept := range keys {
		if old := k.known[key]; old == nil || old.sequence <= kept.sequence {
			k.known[key] = kept
		}
	}
}

// Erase destroys a person's key for ever and puts a mark in its place, so that none is made again. It reports whether there was a key.
// It is safe to repeat: what a crash has left undone it does.
func (k *Keys) Erase(ctx context.Context, p events.PersonID) (destroyed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, k.opts.Wait)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		once, cancel := context.WithTimeout(ctx, attempt)
		had, err := k.eraseOnce(once, keyOf(p))
		cancel()
		destroyed = destroyed || had
		if err == nil {
			return destroyed, nil
		}
		if !wait(ctx, pause) {
			return destroyed, fmt.Errorf("destroying the key of person %s: %w", p, err)
		}
	}
}

func (k *Keys) eraseOnce(ctx context.Context, key string) (destroyed bool, err error) {
	s, err := k.js.Stream(ctx, keysStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) { // nothing was ever sealed here
		return false, nil
	}
	if err != nil {
		return false, err
	}
	kept, err := k.askOnce(ctx, key)
	if err != nil || !kept.Erased.IsZero() {
		if err == nil {
			k.learn(map[string]*keptKey{key: kept})
		}
		return false, err
	}
	mark := &keptKey{Erased: time.Now().UTC(), Former: kept.Former, sequence: kept.sequence}
	if len(kept.Secret) > 0 {
		if err := s.SecureDeleteMsg(ctx, kept.sequence); err != nil {
			return false, err
		}
		destroyed, mark.sequence, mark.Former = true, 0, append(mark.Former[:len(mark.Former):len(mark.Former)], kept.ID)
		failpoint.Hit("keys.destroyed")
	}
	return destroyed, k.put(ctx, map[string]*keptKey{key: mark})
}

// Lift takes the mark of an erasure away, so that a key is made again when the person is told of again. What was erased stays so. It
// reports whether there was a mark.
func (k *Keys) Lift(ctx context.Context, p events.PersonID) (lifted bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, k.opts.Wait)
	defer cancel()
	err = again(ctx, func(ctx context.Context) error {
		kept, err := k.askOnce(ctx, keyOf(p))
		if err != nil || kept.Erased.IsZero() {
			return err
		}
		lifted = true
		return k.put(ctx, map[string]*keptKey{keyOf(p): {Former: kept.Former, sequence: kept.sequence}})
	})
	if err != nil {
		return lifted, fmt.Errorf("lifting the erasure of person %s: %w", p, err)
	}
	return lifted, nil
}
