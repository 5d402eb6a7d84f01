package semantics

import "hash/maphash"

// hashKey keys the hashes of this process: nobody outside can find a text by its hash. It is never changed.
var hashKey = maphash.MakeSeed()

// Hash is how a text is kept that may be a secret: it tells texts apart, in this process alone. That of "" is 0.
func Hash(text string) uint64 {
	if text == "" {
		return 0
	}
	return maphash.String(hashKey, text)
}

// maxHashed is how many bytes of a body are hashed.
const maxHashed = 64 << 10

// BodyHash hashes the first 64 KiB of a body as it passes. The zero BodyHash is that of an empty one. A nil one takes
// nothing.
type BodyHash struct {
	hash maphash.Hash
	seen int
}

// Add takes the next piece.
func (h *BodyHash) Add(piece []byte) {
	if h == nil || len(piece) == 0 || h.seen == maxHashed {
		return
	}
	if h.seen == 0 {
		h.hash.SetSeed(hashKey)
	}
	piece = piece[:min(len(piece), maxHashed-h.seen)]
	h.seen += len(piece)
	_, _ = h.hash.Write(piece) // never fails
}

// Value is the hash of what was added; 0 if that was nothing.
func (h *BodyHash) Value() uint64 {
	if h.seen == 0 {
		return 0
	}
	return h.hash.Sum64()
}
