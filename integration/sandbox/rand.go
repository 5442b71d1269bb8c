package sandbox

import "fmt"

// Rand is a small seeded generator (splitmix64). Its whole state is one exported number, so that a vendor's snapshot can
// carry it and a restored sandbox goes on with the very ids that it would have given. It is not safe for concurrent use.
type Rand struct {
	State uint64 `json:"state"`
}

// NewRand derives a generator from a seed and the words that say what it is for. Generators of different words are
// independent of each other, so adding a draw to one does not shift the ids of another.
func NewRand(seed uint64, words ...string) *Rand {
	r := &Rand{State: seed}
	for _, w := range words {
		for i := range len(w) {
			r.State = (r.State ^ uint64(w[i])) * 0x100000001b3
		}
		r.State = r.Uint64()
	}
	return r
}

// Uint64 returns the next 64 bits.
func (r *Rand) Uint64() uint64 {
	r.State += 0x9e3779b97f4a7c15
	z := r.State
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Pick returns a number from 0 to n-1. It panics when n is not positive, like an index out of range would.
func (r *Rand) Pick(n int) int {
	if n <= 0 {
		panic(fmt.Sprintf("sandbox: Rand.Pick(%d): nothing to pick from", n))
	}
	return int(r.Uint64() % uint64(n))
}

// Chance reports true with probability p, from 0 to 1.
func (r *Rand) Chance(p float64) bool {
	return float64(r.Uint64()>>11)/(1<<53) < p
}

// UUID returns a random UUID (version 4) in its usual lower-case form.
func (r *Rand) UUID() string {
	hi := r.Uint64()&^0xf000 | 0x4000
	lo := r.Uint64()&^(3<<62) | 1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&0xffffffffffff)
}

// Digits returns n decimal digits, the first of which is not 0.
func (r *Rand) Digits(n int) string {
	b := r.letters(n, "0123456789")
	if n > 0 && b[0] == '0' {
		b[0] = '1'
	}
	return string(b)
}

// Base62 returns n characters of 0-9, A-Z and a-z.
func (r *Rand) Base62(n int) string {
	return string(r.letters(n, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
}

func (r *Rand) letters(n int, alphabet string) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.Pick(len(alphabet))]
	}
	return b
}
