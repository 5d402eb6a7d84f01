package admin

import "testing"

func TestKnownHost(t *testing.T) {
	names := map[string]bool{"chaos.example.com": true}
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8474": true, "LOCALHOST": true, "localhost.": true, "127.0.0.1:8474": true, "10.1.2.3": true,
		"[::1]:8474": true, "[::1]": true, "8.8.8.8": true, "squall": true, "squall:8474": true, "my_squall-1": true,
		"a.internal": true, "a.local:80": true, "a.b.localhost": true, "a.test": true, "squall.ns.svc": true,
		"squall.ns.svc.cluster.local": true, "host.docker.internal": true, "chaos.example.com": true, "CHAOS.example.com.:1": true,

		"": false, ".": false, ":8474": false, "evil.example": false, "evil.com:8474": false, "localhost.evil.com": false,
		"127.0.0.1.nip.io": false, "x.chaos.example.com": false, "internal.evil": false, "a.localx": false, "evil.com.": false,
		"localhost:99999": false, "localhost:http": false, "localhost:": false, "[::1": false, "::1": false, "a..local": false,
		".local": false, "evil.com/.local": false, "evil.com\x00.local": false, "user@localhost": false, "loc alhost": false, "ünï": false,
	} {
		if got := knownHost(host, names); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}
