package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// What tells the test binary that it is to be the interop client: a case, the proxy, and who vouches for it (a PEM file).
const (
	interopCase  = "SQUALL_INTEROP_CASE"
	interopProxy = "SQUALL_INTEROP_PROXY"
	interopRoots = "SQUALL_INTEROP_ROOTS"
)

// interopCases are those of grpc-go's interop_test.sh, which need no credentials of a cloud, but for the two of its load
// balancer's metrics (orca), which are no matter of what stands between. Each ends the process when it fails.
var interopCases = map[string]func(context.Context, *grpc.ClientConn, testgrpc.TestServiceClient){
	"empty_unary":                 plainCase(interop.DoEmptyUnaryCall),
	"large_unary":                 plainCase(interop.DoLargeUnaryCall),
	"client_streaming":            plainCase(interop.DoClientStreaming),
	"server_streaming":            plainCase(interop.DoServerStreaming),
	"ping_pong":                   plainCase(interop.DoPingPong),
	"empty_stream":                plainCase(interop.DoEmptyStream),
	"timeout_on_sleeping_server":  plainCase(interop.DoTimeoutOnSleepingServer),
	"cancel_after_begin":          plainCase(interop.DoCancelAfterBegin),
	"cancel_after_first_response": plainCase(interop.DoCancelAfterFirstResponse),
	"status_code_and_message":     plainCase(interop.DoStatusCodeAndMessage),
	"special_status_message":      plainCase(interop.DoSpecialStatusMessage),
	"custom_metadata":             plainCase(interop.DoCustomMetadata),
	"unimplemented_method": func(ctx context.Context, conn *grpc.ClientConn, _ testgrpc.TestServiceClient) {
		interop.DoUnimplementedMethod(ctx, conn)
	},
	"unimplemented_service": func(ctx context.Context, conn *grpc.ClientConn, _ testgrpc.TestServiceClient) {
		interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(conn))
	},
	"rpc_soak": func(ctx context.Context, conn *grpc.ClientConn, _ testgrpc.TestServiceClient) {
		soak(ctx, conn.Target(), func() (*grpc.ClientConn, func()) { return conn, func() {} })
	},
	"channel_soak": func(ctx context.Context, conn *grpc.ClientConn, _ testgrpc.TestServiceClient) {
		soak(ctx, conn.Target(), func() (*grpc.ClientConn, func()) {
			another, err := dialInterop()
			if err != nil {
				panic(err)
			}
			return another, func() { _ = another.Close() }
		})
	},
}

// soak makes calls with large messages, of the client's own sizes.
func soak(ctx context.Context, addr string, channel func() (*grpc.ClientConn, func())) {
	interop.DoSoakTest(ctx, interop.SoakTestConfig{
		RequestSize: 271828, ResponseSize: 314159, PerIterationMaxAcceptableLatency: 10 * time.Second,
		OverallTimeout: time.Minute, ServerAddr: addr, NumWorkers: 2, Iterations: 10, ChannelForTest: channel,
	})
}

func plainCase(do func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption)) func(context.Context, *grpc.ClientConn, testgrpc.TestServiceClient) {
	return func(ctx context.Context, _ *grpc.ClientConn, tc testgrpc.TestServiceClient) { do(ctx, tc) }
}

// TestInterop runs grpc-go's interop client against its interop server through squall without rules: all 16 cases, in clear
// text and over TLS.
func TestInterop(t *testing.T) {
	if os.Getenv(interopCase) != "" {
		beInteropClient(t)
		return
	}
	if len(interopCases) != 16 {
		t.Fatalf("%d cases, want 16", len(interopCases))
	}
	for _, secured := range []bool{false, true} {
		name, scheme, more := "h2c", "h2c", ""
		if secured {
			name, scheme, more = "tls", "https", ", tls: true, upstream_tls: {verify: insecure}"
		}
		t.Run(name, func(t *testing.T) {
			s := serveOne(t, scheme+"://"+startInteropServer(t, secured), more)
			_, addr, _ := strings.Cut(s.url("p"), "://")
			roots := ""
			if secured {
				roots = filepath.Join(t.TempDir(), "roots.pem")
				writeFile(t, roots, s.squall("ca"))
			}
			for name := range interopCases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					client := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInterop$", "-test.timeout=60s")
					client.Env = append(os.Environ(), interopCase+"="+name, interopProxy+"="+addr, interopRoots+"="+roots)
					if output, err := client.CombinedOutput(); err != nil {
						t.Errorf("%v\n%s\n%s", err, output, s.log)
					}
				})
			}
		})
	}
}

// beInteropClient is one case, in a process of its own.
func beInteropClient(t *testing.T) {
	t.Helper()
	conn, err := dialInterop()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	interopCases[os.Getenv(interopCase)](t.Context(), conn, testgrpc.NewTestServiceClient(conn))
}

// dialInterop makes a channel to the proxy.
func dialInterop() (*grpc.ClientConn, error) {
	trust := insecure.NewCredentials()
	if path := os.Getenv(interopRoots); path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(data)
		trust = credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: "grpc.test", MinVersion: tls.VersionTLS12})
	}
	return grpc.NewClient(os.Getenv(interopProxy), grpc.WithTransportCredentials(trust))
}

// startInteropServer runs grpc-go's interop server.
func startInteropServer(t *testing.T, secured bool) (addr string) {
	t.Helper()
	var options []grpc.ServerOption
	if secured {
		issuer := httptest.NewTLSServer(http.NotFoundHandler()) // it brings its own certificate
		issuer.Close()
		own := credentials.NewTLS(&tls.Config{Certificates: issuer.TLS.Certificates, MinVersion: tls.VersionTLS12})
		options = append(options, grpc.Creds(own))
	}
	server := grpc.NewServer(options...)
	testgrpc.RegisterTestServiceServer(server, interop.NewTestServer())
	return serveGRPC(t, server)
}

// serveGRPC runs a server until the test is over.
func serveGRPC(t *testing.T, server *grpc.Server) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ln); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(fmt.Errorf("interop server: %w", err))
		}
	})
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
	})
	return ln.Addr().String()
}
