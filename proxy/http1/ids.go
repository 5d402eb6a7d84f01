package http1

import (
	"strconv"
	"strings"
	"sync/atomic"
)

const (
	idPrefix = 14 // characters that tell one server's ids from another's: 70 bits of chance
	idDigits = 10 // hexadecimal digits that number a server's ids
	idLength = idPrefix + idDigits
	idBatch  = 64 // ids that share an allocation
)

// idMaker makes request ids, each another.
type idMaker struct {
	prefix string
	number atomic.Uint64
}

// batch makes so many ids in one text.
func (m *idMaker) batch() string {
	var text strings.Builder
	text.Grow(idBatch * idLength)
	digits := make([]byte, 0, 2*idDigits)
	for range idBatch {
		digits = strconv.AppendUint(digits[:0], 1<<(4*idDigits)|m.number.Add(1), 16)
		text.WriteString(m.prefix)
		text.Write(digits[1:])
	}
	return text.String()
}
