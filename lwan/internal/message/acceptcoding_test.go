package message

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestAcceptsCoding(t *testing.T) {
	const none = "no field"
	for accept, want := range map[string]string{
		// offered: br, gzip, identity
		none: "identity", "": "identity", ",": "identity",
		"gzip": "gzip", "br": "br", "GZip": "gzip", "x-gzip": "gzip", "identity": "identity",
		"gzip, deflate, br, zstd": "br", "gzip,\tdeflate ;q=0.5": "gzip", "deflate": "identity",
		"gzip;q=1.0, br;q=0.5": "gzip", "gzip ; q=0.2 , br ; Q=0.7": "br",
		"gzip;q=0.501, br;q=0.5, identity;q=0.5": "gzip",
		"identity;q=0.5, gzip;q=0.4":             "identity", "identity;q=0.5, gzip;q=0.5": "gzip",
		"gzip;q=0": "identity", "gzip;q=0.000": "identity", "gzip;q=0.001": "gzip",
		"br;q=0, gzip": "gzip", "gzip;q=0, x-gzip;q=1": "gzip", "gzip, gzip;q=0": "gzip",
		"*": "br", "*;q=0.1, identity": "identity", "br;q=0, *": "gzip",
		"gzip;q=0.3, *;q=0.8, br;q=0": "identity", // which "*" names too
		"gzip;q=2":                    "identity", "gzip;q=1.001": "identity",
		"gzip;q=0.1234": "identity", "gzip;q=": "identity", "gzip;q=.5": "identity",
		"gzip;q=-1": "identity", "gzip;": "identity", "gzip;level=9": "identity",
		"gzip;q=1;level=9": "identity", "gzip; q = 1": "identity", ", ,gzip,": "gzip",
		";q=1": "identity", "gzipped, notgzip": "identity", `"br, gzip`: "gzip", "identity;q=0": "",
		"*;q=0": "", "identity;q=0, gzip": "gzip", "*;q=0, gzip;q=0.1": "gzip",
		"gzip;q=0, *;q=0, identity": "identity", "identity;q=0, *": "br",
	} {
		header := []byte(accept)
		if accept == none {
			header = nil
		}
		if got := AcceptsCoding(header, "br", "gzip", "identity"); got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
	}
	if got := AcceptsCoding(nil, "br", "gzip"); got != "br" {
		t.Errorf("no field, and identity is not offered: %q", got)
	}
	if got := AcceptsCoding([]byte("gzip")) + Accepts(nil); got != "" {
		t.Errorf("of nothing %q is chosen", got)
	}
}

var codingElement = regexp.MustCompile("^[ \\t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \\t]*" +
	`(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?$`)

// naiveWeights does the same by a regular expression and floats.
func naiveWeights(t *testing.T, list string) map[string]float64 {
	weights := map[string]float64{}
	for element := range strings.SplitSeq(list, ",") {
		m := codingElement.FindStringSubmatch(element)
		if m == nil {
			continue
		}
		weight, err := 1.0, error(nil)
		if m[2] != "" {
			weight, err = strconv.ParseFloat(m[2], 64)
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(strings.ToLower(m[1]), "x-")
		if m[1] != name && name != "gzip" {
			name = strings.ToLower(m[1])
		}
		if old, ok := weights[name]; !ok || weight > old {
			weights[name] = weight
		}
	}
	return weights
}

func FuzzAcceptsCoding(f *testing.F) {
	for _, seed := range []string{
		"gzip, br;q=0.5", "*;q=0", "identity;q=0.001,zstd", ";;,=,q=1", "gzip;Q=1.000",
		"x-gzip;q=0.1,GZIP ; x=y;q=.5, br;q=1.001", "gzip;q=0.9999,*;q=0.25", "br;q=;q=1",
		"gzip; q=1,gzip;q=0", "gzip;q=\n", "x-identity;q=0",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		named := naiveWeights(t, string(list))
		for _, coding := range []string{"br", "zstd", "gzip", "identity"} {
			want, ok := named[coding]
			if star, any := named["*"]; !ok && any {
				want = star
			} else if !ok && coding == "identity" {
				want = 0.001
			}
			if got := codingWeight(list, coding); got != int(math.Round(want*1000)) {
				t.Fatalf("%q: %s has %d, want %v", list, coding, got, want*1000)
			}
		}
	})
}
