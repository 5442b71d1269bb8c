package okta

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
)

const (
	challengeHeader = "X-Okta-Verification-Challenge"
	maxChallenge    = 1024 // bytes
	deliveryType    = "com.okta.event_hook"

	// mostDeliveries bounds how many deliveries are known again. Okta repeats one once, within seconds.
	mostDeliveries = 256
)

// hook takes the deliveries of an event hook. Okta signs nothing: the secret in a header is all that proves them.
type hook struct {
	set    bool
	header string
	secret [sha256.Size]byte
	log    logOptions
	seen   deliveries
}

func newHook(h connectors.Hook, log logOptions) *hook {
	return &hook{
		set: h.Secret != "", header: cmp.Or(h.Header, "Authorization"), secret: sha256.Sum256([]byte(h.Secret.Reveal())), log: log,
	}
}

// Receive answers Okta's verification of the hook's address, and takes deliveries: those that tell of something that the log
// feed reads wake it. It implements [connectors.Pushed].
func (c *connector) Receive(w http.ResponseWriter, r *http.Request) []string {
	return c.hook.receive(w, r)
}

func (h *hook) receive(w http.ResponseWriter, r *http.Request) []string {
	switch {
	case !h.set:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodGet:
		verify(w, r.Header.Get(challengeHeader))
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	case !h.believes(r.Header.Get(h.header)):
		w.WriteHeader(http.StatusUnauthorized)
	default:
		return h.take(w, r)
	}
	return nil
}

// verify sends the challenge back, which proves to Okta that the address is meant for it. Anybody may ask: it tells nothing.
func verify(w http.ResponseWriter, challenge string) {
	body, err := json.Marshal(struct {
		Verification string `json:"verification"`
	}{challenge})
	if err != nil || challenge == "" || len(challenge) > maxChallenge {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body) // who has gone away needs no answer
}

// believes compares digests, so that the time it takes tells neither the secret nor its length.
func (h *hook) believes(given string) bool {
	digest := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(digest[:], h.secret[:]) == 1
}

// take answers a delivery that has the secret.
func (h *hook) take(w http.ResponseWriter, r *http.Request) []string {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, connectors.MaxPush))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return nil
	}
	d, ok := parseDelivery(body)
	if err != nil || !ok {
		w.WriteHeader(http.StatusBadRequest)
		return nil
	}
	w.WriteHeader(http.StatusOK)
	if h.seen.again(string(d.ID)) || !slices.ContainsFunc(d.Data.Events, h.log.reads) {
		return nil
	}
	return []string{systemLog}
}

// wireDelivery is the envelope of a delivery, as far as it is read. Its events are entries of the System Log.
type wireDelivery struct {
	Type text `json:"eventType"`
	ID   text `json:"eventId"`
	Data struct {
		Events []jsontext.Value `json:"events"`
	} `json:"data"`
}

func parseDelivery(body []byte) (d wireDelivery, ok bool) {
	err := json.Unmarshal(body, &d)
	return d, err == nil && d.Type == deliveryType
}

// reads reports whether the log feed's filter lets an entry pass.
func (o *logOptions) reads(entry jsontext.Value) bool {
	e := optional[struct {
		Type  text      `json:"eventType"`
		Actor wireParty `json:"actor"`
	}](entry)
	begins := func(beginnings []string) bool {
		return slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(string(e.Type), b) })
	}
	byAgent := strings.HasPrefix(string(e.Actor.ID), "wlp")
	switch o.activities {
	case activitiesNone:
		return begins(stateTypes)
	case activitiesAll:
		return begins(stateTypes) || begins(aboutTypes) || begins(tokenTypes) || byAgent
	}
	return begins(stateTypes) || begins(aboutTypes) || byAgent && begins(adminTypes)
}

// deliveries are the digests of the ids of the last deliveries, the latest last.
type deliveries struct {
	mu   sync.Mutex
	last [][sha256.Size]byte
}

// again reports whether a delivery was taken lately, and remembers it. One without an id is always new.
func (d *deliveries) again(id string) bool {
	if id == "" {
		return false
	}
	digest := sha256.Sum256([]byte(id))
	d.mu.Lock()
	defer d.mu.Unlock()
	n := slices.Index(d.last, digest)
	if n >= 0 {
		d.last = slices.Delete(d.last, n, n+1)
	}
	if d.last = append(d.last, digest); len(d.last) > mostDeliveries {
		d.last = slices.Delete(d.last, 0, 1)
	}
	return n >= 0
}
