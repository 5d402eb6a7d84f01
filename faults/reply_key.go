package faults

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
)

// replyKey stands for all that makes replies to two requests the same. It is a hash that nobody can aim at: a client must
// not get what another one was told.
type replyKey [sha256.Size]byte

// toldApart are the request's fields that tell replies apart, whatever the reply says of that: who asks, and what for.
func toldApart() []string {
	return []string{
		"Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "Origin", "Accept", "Accept-Encoding", "Accept-Language",
	}
}

// replyKey gives the key of an exchange's reply under a rule.
func (r *rule) replyKey(v *View) replyKey {
	h := sha256.New()
	addTexts(h, v.Proxy, v.Method, v.Host, v.Target, v.Path, v.RawQuery)
	addTexts(h, r.key.texts(v)...)
	addFields(h, v.Header, toldApart())
	return replyKey(h.Sum(nil))
}

// texts gives what an exchange has in common with those that are counted with it; nothing where the query tells.
func (k key) texts(v *View) []string {
	switch k.of {
	case ofClient:
		return []string{v.source().String()}
	case ofConnection:
		return []string{strconv.FormatUint(v.Connection, 10)}
	case ofHeader:
		return fieldLines(v.Header, k.name)
	}
	return nil
}

// variant is what else a reply says that it depends on (Vary, RFC 9110, 12.5.5), and what the request had of that.
type variant struct {
	names []string
	of    replyKey
}

// variantOf reads a reply's Vary. ok is false where it may depend on anything.
func variantOf(v *View) (of variant, ok bool) {
	for _, line := range fieldLines(v.ResponseHeader, "Vary") {
		for name := range strings.SplitSeq(line, ",") {
			switch name = strings.ToLower(strings.TrimSpace(name)); {
			case name == "*":
				return variant{}, false
			case !slices.ContainsFunc(toldApart(), func(known string) bool { return strings.EqualFold(known, name) }):
				of.names = append(of.names, name)
			}
		}
	}
	if of.names != nil {
		of.of = of.key(v)
	}
	return of, true
}

func (t variant) key(v *View) replyKey {
	h := sha256.New()
	addFields(h, v.Header, t.names)
	return replyKey(h.Sum(nil))
}

// fits reports whether a request has what that of the reply had.
func (t variant) fits(v *View) bool { return t.names == nil || t.key(v) == t.of }

func addFields(h hash.Hash, fields Fields, names []string) {
	for _, name := range names {
		addTexts(h, fieldLines(fields, name)...)
	}
}

// addTexts adds a list of texts, so that no two lists add the same. Writing to a hash never fails.
func addTexts(h hash.Hash, texts ...string) {
	var length [8]byte
	_, _ = h.Write(binary.BigEndian.AppendUint64(length[:0], uint64(len(texts))))
	for _, text := range texts {
		_, _ = h.Write(binary.BigEndian.AppendUint64(length[:0], uint64(len(text))))
		_, _ = io.WriteString(h, text)
	}
}
