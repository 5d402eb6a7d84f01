package control

import (
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/proxy"
)

// A rule of the handshake may name a proxy only where there is one.
func TestRulesOfTheHandshakeWantTLS(t *testing.T) {
	k, _ := running(t, nil, "plain", "secured")
	change(t, k, func(s *State) error { return s.PatchProxy("secured", node(t, `{"tls":true}`)) })
	for _, test := range []struct{ document, field string }{
		{`{"rules":[{"proxy":"plain","tls":"expired"}]}`, "rules[0].proxy"},
		{`{"rules":[{"proxy":"secured","tls":"expired"},{"proxy":"plain","tls":"alert","enabled":false}]}`, "rules[1].proxy"},
		{`{"rules":[{"proxy":"secured","tls":"expired"},{"tls":"alert","match":{"sni":"x"}}]}`, ""},
	} {
		before := k.State()
		d := parse[Document](t, test.document)
		_, err := k.Change(t.Context(), Request{}, func(s *State) error { return s.Apply(d, time.Now()) })
		if _, field := refusal(err); field != test.field || (err == nil) != (test.field == "") {
			t.Errorf("%s: refused at %q: %v", test.document, field, err)
		}
		if err != nil && (k.State() != before || !strings.Contains(err.Error(), "TLS")) {
			t.Errorf("%s: %v", test.document, err)
		}
	}
	_, err := k.Change(t.Context(), Request{}, func(s *State) error { return s.PatchProxy("secured", node(t, `{"tls":null}`)) })
	if _, field := refusal(err); field != "rules[0].proxy" {
		t.Errorf("TLS switched off under a rule: refused at %q: %v", field, err)
	}
}

// Whoever may not name files may send back those that a proxy has, and leave them out.
func TestFilesAreNotOffered(t *testing.T) {
	s := stateWith("a", "b")
	own := config("a")
	own.Upstream = "https://127.0.0.1:1"
	own.TLS = &proxy.TLS{Certificates: []proxy.KeyPair{{CertFile: "/a.pem", KeyFile: "/a.key"}}}
	own.UpstreamTLS = &proxy.UpstreamTLS{RootsFile: "/roots.pem", CertFile: "/c.pem", KeyFile: "/c.key"}
	s.PutProxy(own)
	if _, err := s.OfferProxy(own); err != nil {
		t.Errorf("sent back: %v", err)
	}
	if err := s.PatchProxy("a", node(t, `{"timeout":"5s","upstream_tls":{"cert_file":null,"key_file":null}}`)); err != nil {
		t.Errorf("changed otherwise: %v", err)
	}
	if err := s.PatchProxy("a", node(t, `{"upstream_tls":{"cert_file":"/c.pem","key_file":"/c.key"}}`)); err == nil {
		t.Error("a file came back that the proxy does not name any more")
	}
	for _, test := range []struct{ proxy, patch, field string }{
		{"a", `{"tls":{"certificates":[{"cert_file":"/a.pem","key_file":"/etc/passwd"}]}}`, "tls.certificates[0].key_file"},
		{"a", `{"upstream_tls":{"roots_file":"/etc/passwd"}}`, "upstream_tls.roots_file"},
		{"b", `{"tls":{"certificates":[{"cert_file":"/a.pem","key_file":"/a.key"}]}}`, "tls.certificates[0].cert_file"},
		{"b", `{"upstream":"https://x","upstream_tls":{"cert_file":"/c.pem","key_file":"/c.key"}}`, "upstream_tls.cert_file"},
	} {
		if err := s.PatchProxy(test.proxy, node(t, test.patch)); err == nil || !strings.HasPrefix(err.Error(), test.field+": ") {
			t.Errorf("%s: %s: got %v", test.proxy, test.patch, err)
		}
	}
}
