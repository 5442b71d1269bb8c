package entra

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/rollcallhq/rollcall/connectors"
)

// maxValidation bounds a validation token, in bytes.
const maxValidation = 4096

// hook takes change notifications. Graph signs nothing: the clientState that the subscription was made with is all that proves one.
type hook struct {
	set    bool
	secret [sha256.Size]byte
	keeps  bool // a feed of this connection keeps the subscription
}

func newHook(h connectors.Hook, keeps bool) hook {
	return hook{set: h.Secret != "", secret: sha256.Sum256([]byte(h.Secret.Reveal())), keeps: keeps}
}

// Receive answers Graph's validation of the hook's address, and takes notifications: a change of a user wakes the delta of users, and
// a word about the subscription itself wakes the feed that keeps it. It implements [connectors.Pushed].
func (c *Connector) Receive(w http.ResponseWriter, r *http.Request) []string {
	return c.hook.receive(w, r)
}

func (h *hook) receive(w http.ResponseWriter, r *http.Request) []string {
	switch {
	case !h.set:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.URL.Query().Has("validationToken"):
		validate(w, r.URL.Query().Get("validationToken"))
	default:
		return h.take(w, r)
	}
	return nil
}

// validate sends the token back as text, which proves to Graph that the address is meant for it. Anybody may ask: it tells nothing,
// and no browser takes it for a page.
func validate(w http.ResponseWriter, token string) {
	if token == "" || len(token) > maxValidation {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, token) //nolint:gosec // text that no browser takes for a page; who has gone away needs no answer
}

// wireNotifications is a delivery, as far as it is read. It may hold notifications of several subscriptions.
type wireNotifications struct {
	Value []struct {
		State     string `json:"clientState"`
		Lifecycle string `json:"lifecycleEvent"`
	} `json:"value"`
}

// take answers a delivery. It is believed when each of its notifications has the secret: Graph sends those of one application
// together, and a forged one among them spoils all. What a notification tells is not looked at.
func (h *hook) take(w http.ResponseWriter, r *http.Request) (wakes []string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, connectors.MaxPush))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return nil
	}
	var in wireNotifications
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || decode(body, &in) != nil || len(in.Value) == 0 {
		w.WriteHeader(http.StatusBadRequest)
		return nil
	}
	for _, n := range in.Value {
		if !h.believes(n.State) {
			w.WriteHeader(http.StatusUnauthorized)
			return nil
		}
		if n.Lifecycle != "" && h.keeps {
			wakes = append(wakes, feedSubscription)
		}
	}
	w.WriteHeader(http.StatusAccepted)
	return sorted(append(wakes, feedUsers)) // changes may have been lost before a word about the subscription
}

// believes compares digests, so that the time it takes tells neither the secret nor its length.
func (h *hook) believes(given string) bool {
	digest := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(digest[:], h.secret[:]) == 1
}
