package examples_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// useHTTPS asks in both versions of HTTP, follows the redirect, and runs what the program prints.
func useHTTPS(t *testing.T, s *site) {
	lines := s.printed(t)
	if len(lines) != 3 {
		t.Fatalf("%q", lines)
	}
	file, url := strings.Split(lines[1], "'")[1], lines[1][strings.Index(lines[1], "https"):]
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("no certificate in ", file)
	}
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		tr := &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: proto == "HTTP/2.0",
		}
		defer tr.CloseIdleConnections()
		c := &http.Client{Transport: tr}
		got := expect(t, c, "GET", url, nil, 200, "Hello over "+proto+"!\n")
		if got.header.Get("Strict-Transport-Security") != "max-age=31536000" {
			t.Errorf("%s: %v", proto, got.header)
		}
		plain := lines[2][strings.Index(lines[2], "http:"):]
		expect(t, c, "GET", plain, nil, 200, "Hello over "+proto+"!\n") // redirected
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Log("curl is not there")
		return
	}
	for _, line := range lines[1:] {
		silent := strings.Replace(line, "curl", "curl -sS", 1)
		out, err := exec.Command("sh", "-c", silent).CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "Hello over HTTP/") {
			t.Errorf("%s: %v, %s", line, err, out)
		}
	}
}
