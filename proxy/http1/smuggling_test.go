package http1_test

import (
	"slices"
	"strings"
	"testing"
)

// vector is a way, named in the literature, to make two readers see different requests in the same bytes.
type vector struct {
	name string
	raw  string
	want []string // the requests that the upstream must get, as strictMessage.String tells; nil = the proxy must refuse
}

// marker follows every vector on the same connection. It reaches the upstream if and only if the vector is accepted.
const marker = "GET /marker HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// hidden is the request that an attacker wants to be seen.
const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"

// refused is a vector that the proxy must not pass on.
func refused(name string, parts ...string) vector {
	return vector{name: name, raw: strings.Join(parts, "")}
}

// accepted is one that is a request like others.
func accepted(name, raw string, want ...string) vector { return vector{name, raw, want} }

// posted is a request with lines of a head behind its Host, and a body.
func posted(lines, body string) string {
	return "POST /v HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n\r\n" + body
}

// TestSmuggling sends every vector whole, byte by byte, and cut at every byte. What reaches the upstream must be exactly
// the well-formed requests that were accepted, or one that is cut before its end.
func TestSmuggling(t *testing.T) {
	for _, group := range []struct {
		name    string
		vectors []vector
	}{
		{"TransferEncoding", codingVectors()},
		{"ContentLength", lengthVectors()},
		{"BothFramings", bothVectors()},
		{"LineEnds", lineEndVectors()},
		{"FieldNames", fieldNameVectors()},
		{"RequestLine", requestLineVectors()},
		{"Chunks", chunkVectors()},
		{"ChunkExtensions", extensionVectors()},
		{"Trailers", trailerVectors()},
		{"UnexpectedBodies", bodyVectors()},
		{"Expect", expectVectors()},
		{"HopByHop", hopVectors()},
		{"Upgrade", upgradeVectors()},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, v := range group.vectors {
				t.Run(v.name, v.run)
			}
		})
	}
}

func (v vector) run(t *testing.T) {
	upstream := startStrict(t)
	engine, addr := startEngine(t, upstream.listener.Addr().String())
	want := v.want
	if want != nil {
		want = append(slices.Clone(want), "GET /marker")
	}
	ways := splits(v.raw)
	for i, pieces := range ways {
		got := attack(t, addr, append(slices.Clone(pieces), marker), methodsOf(want))
		sameRequests(t, whichWay(i), upstream.taken(), want)
		if problem := v.judge(got, len(want)); problem != "" {
			t.Errorf("%s: %s: the client got %v, %v", whichWay(i), problem, got.statuses, got.trouble)
		}
		if t.Failed() {
			return // one way to break it is enough
		}
	}
	stopEngine(t, engine)
	upstream.end(t)
	sameRequests(t, "afterwards", upstream.taken(), []string{"GET /last"})
	if len(upstream.broken) > 0 {
		t.Errorf("the upstream got no HTTP: %q", upstream.broken)
	}
	cut := slices.DeleteFunc(upstream.rests, func(rest string) bool { return rest == "" })
	if v.want != nil && len(cut) > 0 || len(cut) > len(ways) {
		t.Errorf("the upstream got requests without an end: %q", cut)
	}
}

// judge says what is wrong with what the client saw; "" = nothing.
func (v vector) judge(got outcome, requests int) string {
	switch last := len(got.statuses) - 1; {
	case got.trouble != nil:
		return "not a clean end"
	case v.want == nil && (last != 0 || got.statuses[0] < 400 || got.statuses[0] >= 500 && got.statuses[0] != 505):
		return "want one refusal"
	case v.want != nil && len(got.statuses) != requests:
		return "want one reply for each request"
	case v.want != nil && slices.Max(got.statuses) != 200:
		return "want no refusal"
	}
	return ""
}

func whichWay(i int) string {
	switch i {
	case 0:
		return "whole"
	case 1:
		return "byte by byte"
	}
	return "cut in two"
}
