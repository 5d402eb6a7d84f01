package faults

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

var codings = []string{"gzip", "x-gzip", "br", "zstd", "GZIP"}

// encoded is a body in a content coding.
func encoded(t testing.TB, coding, body string) string {
	t.Helper()
	out, err := encode(coding, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestJSONPatchDoesNotBreakOnGzip is an old mistake of the field: the patch saw bytes that are no JSON, or the client got
// plain bytes under the old Content-Encoding.
func TestJSONPatchDoesNotBreakOnGzip(t *testing.T) {
	for _, coding := range codings {
		came := encoded(t, coding, `{"id": 12345678901234567890, "paid": true}`)
		if strings.Contains(came, "paid") && coding != "br" && coding != "zstd" {
			t.Fatalf("%s: %q is not encoded", coding, came)
		}
		for _, attributes := range []string{
			`{"patch":[{"op":"replace","path":"/paid","value":false}]}`, `{"merge":{"paid":false}}`,
		} {
			got, err := degraded(t, attributes, coding, came)
			if err != nil {
				t.Errorf("%s: %v", coding, err)
				continue
			}
			plain, err := decode(coding, []byte(got))
			if want := `{"id":12345678901234567890,"paid":false}`; err != nil || string(plain) != want {
				t.Errorf("%s: got %s, %v, want %s", coding, plain, err, want)
			}
		}
	}
}

// TestBombsAreStopped: what grows beyond 100 times its size, or beyond 10 MB, is not decoded.
func TestBombsAreStopped(t *testing.T) {
	for _, coding := range codings[:4] {
		for _, size := range []int{10_000, MaxDegradeBody + 1} {
			body := `"` + strings.Repeat("a", size) + `"`
			bomb := encoded(t, coding, body)
			if size == 10_000 && len(bomb)*maxExpansion >= len(body) {
				continue // gzip hardly does
			}
			if _, err := decode(coding, []byte(bomb)); !errors.Is(err, errTooLong) {
				t.Errorf("%s: %d bytes for %d: %v", coding, len(bomb), size, err)
			}
		}
		var varied strings.Builder
		for i := range 200_000 {
			varied.WriteString(strings.Repeat(string(rune('a'+rollFrom(1, 2, uint64(i), 0)*26)), 2))
		}
		if plain, err := decode(coding, []byte(encoded(t, coding, varied.String()))); err != nil || string(plain) != varied.String() {
			t.Errorf("%s: %d bytes, %v", coding, len(plain), err)
		}
	}
}

// TestDecodersTakeNoMoreThanTheyMay: the sender chooses the window, up to gigabytes.
func TestDecodersTakeNoMoreThanTheyMay(t *testing.T) {
	var wide bytes.Buffer
	z, err := zstd.NewWriter(&wide, zstd.WithWindowSize(64<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = z.Write(bytes.Repeat([]byte("0123456789"), 1000))
	_ = z.Flush()
	_, _ = z.Write(bytes.Repeat([]byte("9876543210"), 1000))
	_ = z.Close()
	var large bytes.Buffer
	b := brotli.NewWriterOptions(&large, brotli.WriterOptions{Quality: 5, LGWin: 24})
	_, _ = b.Write(bytes.Repeat([]byte("0123456789"), 100))
	_ = b.Close()
	for coding, body := range map[string][]byte{"zstd": wide.Bytes(), "br": large.Bytes()} {
		if got := allocated(func() { _, _ = decode(coding, body) }); got > 18<<20 {
			t.Errorf("%s takes %d bytes", coding, got)
		}
	}
	if _, err := decode("zstd", wide.Bytes()); err == nil {
		t.Error("a window of 64 MiB is taken")
	}
}

func TestCodingsThatCannotBeEdited(t *testing.T) {
	for _, coding := range []string{"deflate", "gzip, br", "gzip,gzip", "compress", "*"} {
		if got, err := degraded(t, `{"lists":0}`, coding, `[1]`); err == nil {
			t.Errorf("%s: got %s", coding, got)
		}
	}
	for _, coding := range codings {
		for name, body := range map[string]string{
			"plain": `[1]`, "cut": encoded(t, coding, `[1,2,3]`)[:9], "and more": encoded(t, coding, `[1]`) + "x", "nothing": "",
		} {
			if got, err := degraded(t, `{"lists":0}`, coding, body); err == nil {
				t.Errorf("%s, %s: got %q", coding, name, got)
			}
		}
	}
}

// FuzzCoding: no body makes a decoder panic or give more than it may; what it gives is encoded and decoded to the same.
func FuzzCoding(f *testing.F) {
	for i, coding := range codings[:4] {
		f.Add(i, []byte(encoded(f, coding, `{"a":[1,2,3]}`)))
		f.Add(i, []byte(encoded(f, coding, strings.Repeat("a", 1000))))
	}
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		coding := codings[uint(which)%4]
		plain, err := decode(coding, body)
		if err != nil {
			return
		}
		if len(plain) > min(MaxDegradeBody, maxExpansion*len(body)) {
			t.Fatalf("%s: %d bytes of %d", coding, len(plain), len(body))
		}
		out, err := encode(coding, plain)
		if err != nil {
			t.Fatalf("%s: %v", coding, err)
		}
		if len(plain) > maxExpansion*len(out) {
			return
		}
		if again, err := decode(coding, out); err != nil || !bytes.Equal(again, plain) {
			t.Fatalf("%s: %q is encoded to %q, decoded to %q, %v", coding, plain, out, again, err)
		}
	})
}
