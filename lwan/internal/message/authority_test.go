package message

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

var authorities = []struct {
	text            string
	valid, withPort bool
}{
	{"a", true, false},
	{"www.example.com", true, false},
	{"www.example.com.", true, false},
	{"www.example.com:", true, false},
	{"www.example.com:80", true, true},
	{"a:0", true, false},
	{"a:65535", true, true},
	{"a:65536", false, false},
	{"a:000080", true, true},
	{"a:99999999999999999999", false, false},
	{"a:-1", false, false},
	{"a:+1", false, false},
	{"a:8a", false, false},
	{"a:80:80", false, false},
	{"a b", false, false},
	{"a,b", true, false},
	{"a;b=c!$&'()*+", true, false},
	{"under_score~-.", true, false},
	{"a%41", true, false},
	{"a%4", false, false},
	{"%", false, false},
	{"%zz", false, false},
	{"a@b", false, false},
	{"a/b", false, false},
	{"a?b", false, false},
	{"a#b", false, false},
	{"a\\b", false, false},
	{"\xe4", false, false},
	{"", false, false},
	{":", false, false},
	{":80", false, false},
	{".", false, false},
	{"..", false, false},
	{".:80", false, false},
	{".a", true, false},
	{"127.0.0.1:8080", true, true},
	{"256.1.1.1", true, false}, // a registered name by the grammar
	{"[::1]", true, false},
	{"[::1]:80", true, true},
	{"[::1]80", false, false},
	{"[::1", false, false},
	{"::1", false, false},
	{"[]", false, false},
	{"[::1%25eth0]", false, false},
	{"[::ffff:1.2.3.4]", true, false},
	{"[v1.a:b]", true, false},
	{"[vF.]", false, false},
	{"[v.a]", false, false},
	{"[vg.a]", false, false},
	{"[v1.a b]", false, false},
	{"[1.2.3.4]", false, false},
	{"a[::1]", false, false},
}

func TestAuthority(t *testing.T) {
	for _, c := range authorities {
		if got := validAuthority([]byte(c.text), false); got != c.valid {
			t.Errorf("%q: %v", c.text, got)
		}
		if got := validAuthority([]byte(c.text), true); got != c.withPort {
			t.Errorf("%q with a port: %v", c.text, got)
		}
	}
}

// netip reads IPv6 addresses too, zones apart.
func TestIPv6AgainstNetip(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	parts := []string{":", "::", "0", "1", "ab", "ffff", "12345", "1.2.3.4", "1.2.3.256",
		"01.2.3.4", ".", "g", "FE80"}
	check := func(text string) bool {
		t.Helper()
		addr, err := netip.ParseAddr(text)
		want := err == nil && addr.Is6()
		if got := validIPv6([]byte(text)); got != want {
			t.Errorf("%q: %v, netip says %v", text, got, err)
		}
		return want
	}
	valid := 0
	for range 20000 {
		var b strings.Builder
		for range 1 + random.IntN(4) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		check(b.String())
		groups := make([]string, 1+random.IntN(9))
		for i := range groups {
			groups[i] = []string{"0", "1", "a", "ffff", ""}[min(random.IntN(9), 4)%5]
			if random.IntN(3) > 0 && groups[i] == "" {
				groups[i] = "2"
			}
		}
		if random.IntN(4) == 0 {
			groups[len(groups)-1] = "1.2.3.4"
		}
		if check(strings.Join(groups, ":")) {
			valid++
		}
	}
	if valid < 100 {
		t.Errorf("only %d of the addresses tried are valid", valid)
	}
}

func TestIPv4AgainstNetip(t *testing.T) {
	for _, text := range []string{
		"0.0.0.0", "255.255.255.255", "256.0.0.0", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.04",
		"1..2.3", "", "1.2.3.", ".1.2.3", "1.2.3.4a", "1.2.3.0000",
	} {
		_, err := netip.ParseAddr(text)
		if got := validIPv4([]byte(text)); got != (err == nil) {
			t.Errorf("%q: %v, netip says %v", text, got, err)
		}
	}
}
