package faults

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

const (
	maxExpansion = 100     // times that a body may grow when it is decoded
	zstdWindow   = 8 << 20 // bytes; what RFC 8878, 3.1.1.1.2 has decoders take at least, and encoders at most
	brotliLevel  = 4
)

var errTooLong = errors.New("the body is too long")

// decode gives a body without its content coding (RFC 9110, 8.4.1): gzip, br, zstd, or none. What comes out has at most
// [MaxDegradeBody] bytes and 100 times those that went in; more is not decoded. A decoder takes up to 17 MB for itself.
func decode(coding string, body []byte) ([]byte, error) {
	if len(body) > MaxDegradeBody {
		return nil, errTooLong
	}
	var from io.Reader
	switch strings.ToLower(coding) {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		from = z
	case "br":
		from = brotli.NewReader(bytes.NewReader(body))
	case "zstd":
		z, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		defer z.Close()
		from = z
	default:
		return nil, fmt.Errorf("encoded as %s", clip(coding))
	}
	limit := min(MaxDegradeBody, maxExpansion*int64(len(body)))
	plain, err := io.ReadAll(io.LimitReader(from, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", coding, err)
	case int64(len(plain)) > limit:
		return nil, errTooLong
	}
	return plain, nil
}

// encode is the way back from decode, for a coding that decode knows.
func encode(coding string, plain []byte) ([]byte, error) {
	var out bytes.Buffer
	var to io.WriteCloser
	switch strings.ToLower(coding) {
	case "gzip", "x-gzip":
		to = gzip.NewWriter(&out)
	case "br":
		to = brotli.NewWriterLevel(&out, brotliLevel)
	case "zstd":
		z, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		to = z
	default:
		return plain, nil
	}
	if _, err := to.Write(plain); err != nil {
		return nil, fmt.Errorf("%s: %w", coding, err)
	}
	if err := to.Close(); err != nil {
		return nil, fmt.Errorf("%s: %w", coding, err)
	}
	return out.Bytes(), nil
}
