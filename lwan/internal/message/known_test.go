package message

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// knownTwin is KnownName as one would write it first.
func knownTwin(name string) Known { return knownByName[strings.ToLower(name)] }

var knownByName = func() map[string]Known {
	byName := map[string]Known{}
	for k := Host; k < knownCount; k++ {
		byName[strings.ToLower(knownText[k])] = k
	}
	return byName
}()

func TestEveryKnownNameIsFound(t *testing.T) {
	const before = "Host: h\r\n"
	for k := Host; k < knownCount; k++ {
		for _, name := range []string{
			k.String(), strings.ToLower(k.String()), strings.ToUpper(k.String()),
		} {
			if got := KnownName(name); got != k {
				t.Errorf("%q is %d, want %d", name, got, k)
			}
			// one too near to the end for whole words
			for _, in := range []string{before + name + ":", before + name + ": v\r\n\r\n"} {
				if got := Lookup([]byte(in), len(before), len(before)+len(name)); got != k {
					t.Errorf("%q in %q is %d, want %d", name, in, got, k)
				}
			}
		}
	}
	if text := Known(knownCount).String() + Known(0).String(); text != "" {
		t.Errorf("names of what is not known: %q", text)
	}
}

// Names that differ from a known one in a single byte, any byte, are what a careless comparison
// lets through.
func TestAlmostKnownNames(t *testing.T) {
	for k := Host; k < knownCount; k++ {
		for i := range len(k.String()) {
			for c := range 256 {
				name := []byte(k.String())
				name[i] = byte(c)
				want := knownTwin(string(name))
				if c >= 0x80 {
					want = 0 // ToLower replaces what is no UTF-8
				}
				if got := KnownName(string(name)); got != want {
					t.Fatalf("%q is %d, want %d", name, got, want)
				}
				if got := Lookup(append(name, ": padding"...), 0, len(name)); got != want {
					t.Fatalf("%q before other bytes is %d, want %d", name, got, want)
				}
			}
		}
	}
}

func TestUnknownNames(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		name := make([]byte, 1+random.IntN(maxKnownLen+3))
		for i := range name {
			name[i] = alphanum[random.IntN(len(alphanum))]
		}
		if got, want := KnownName(string(name)), knownTwin(string(name)); got != want {
			t.Errorf("%q is %d, want %d", name, got, want)
		}
	}
	if KnownName("") != 0 {
		t.Error("the empty name is known")
	}
}

// Presence is a bit of a word.
func TestKnownNamesFitTheMask(t *testing.T) {
	if knownCount > 64 {
		t.Errorf("%d known names", knownCount)
	}
	for k := Host; k < knownCount; k++ {
		if n := len(k.String()); n == 0 || n > maxKnownLen {
			t.Errorf("%d: %q has %d bytes", k, k, n)
		}
	}
}
