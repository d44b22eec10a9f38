package tlslayer

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
)

// talker writes the client's records of TLS 1.3 itself, with the secret of the handshake, so that
// it can write what crypto/tls would not.
type talker struct {
	t      *testing.T
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	number uint64 // of the next record
}

// newTalker does a handshake. The client of the rig must not say anything after it.
func newTalker(t *testing.T) (*rig, *talker) {
	var log bytes.Buffer
	client := clientConfig()
	client.KeyLogWriter = &log
	r := newRig(t, serverConfig(t), client)
	for line := range strings.Lines(log.String()) {
		f := strings.Fields(line)
		if f[0] != "CLIENT_TRAFFIC_SECRET_0" {
			continue
		}
		secret, err := hex.DecodeString(f[2])
		if err != nil {
			t.Fatal(err)
		}
		if len(secret) != sha256.Size {
			t.Skip("skipped: another suite than TLS_AES_128_GCM_SHA256 was chosen")
		}
		k := &talker{t: t}
		k.use(secret)
		return r, k
	}
	t.Fatal("no secret")
	return nil, nil
}

// use makes a traffic secret the current one (RFC 8446 section 7.3).
func (k *talker) use(secret []byte) {
	block, err := aes.NewCipher(k.expand(secret, "key", 16))
	if err != nil {
		k.t.Fatal(err)
	}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		k.t.Fatal(err)
	}
	k.secret, k.iv, k.number = secret, k.expand(secret, "iv", 12), 0
}

// expand is HKDF-Expand-Label without a context (RFC 8446 section 7.1).
func (k *talker) expand(secret []byte, label string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(append(info, byte(len("tls13 "+label))), "tls13 "+label...)
	out, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	if err != nil {
		k.t.Fatal(err)
	}
	return out
}

const (
	alertRecord       = 21
	handshakeRecord   = 22
	applicationRecord = 23
)

// record is a record with p (RFC 8446 section 5.2).
func (k *talker) record(kind byte, p []byte) []byte {
	inner := append(bytes.Clone(p), kind)
	nonce := bytes.Clone(k.iv)
	for i := range 8 {
		nonce[4+i] ^= byte(k.number >> (56 - 8*i))
	}
	k.number++
	header := []byte{applicationRecord, 3, 3}
	header = binary.BigEndian.AppendUint16(header, uint16(len(inner)+k.aead.Overhead()))
	return k.aead.Seal(bytes.Clone(header), nonce, inner, header)
}

// update is a KeyUpdate message (RFC 8446 section 4.6.3), in pieces of at most so many bytes, and
// makes the next key the current one.
func (k *talker) update(wanted byte, piece int) (out []byte) {
	for p := []byte{24, 0, 0, 1, wanted}; len(p) > 0; {
		n := min(len(p), piece)
		out, p = append(out, k.record(handshakeRecord, p[:n])...), p[n:]
	}
	k.use(k.expand(k.secret, "traffic upd", sha256.Size))
	return out
}

func (k *talker) say(text string) []byte { return k.record(applicationRecord, []byte(text)) }

// TestKeyUpdate: the client changes its keys, in one record or many, all at once or byte by byte,
// with and without asking the server for new ones; those come before the next answer.
func TestKeyUpdate(t *testing.T) {
	for _, wanted := range []byte{0, 1} {
		for _, piece := range []int{1, 3, 5} {
			for _, cut := range []int{1, 7, 1 << 20} {
				r, k := newTalker(t)
				in := append(k.say("before, "), k.update(wanted, piece)...)
				in = append(in, k.say("after, ")...)
				in = append(append(in, k.update(wanted, piece)...), k.say("again")...)
				var got strings.Builder
				for len(in) > 0 {
					n := min(cut, len(in))
					part, err := r.open(in[:n], 100)
					if err != nil {
						t.Fatal(err)
					}
					got.WriteString(part)
					in = in[n:]
				}
				if got.String() != "before, after, again" {
					t.Errorf("%q", got.String())
				}
				out := r.seal("answer")
				if more := len(records(t, out)) - 1; more != 2*int(wanted) {
					t.Errorf("%d records before the answer", more)
				}
				if answer, err := r.hear(out); answer != "answer" || err != nil {
					t.Errorf("the client reads %q, %v", answer, err)
				}
			}
		}
	}
}

// TestKeyUpdateAlone: the answer to a key update can be had without anything to say.
func TestKeyUpdateAlone(t *testing.T) {
	r, k := newTalker(t)
	if got, err := r.open(k.update(1, 5), 100); got != "" || err != nil {
		t.Fatal(got, err)
	}
	if got, err := r.hear(r.seal("")); got != "" || err != nil {
		t.Error(got, err)
	}
	if got, err := r.hear(r.seal("answer")); got != "answer" || err != nil {
		t.Error(got, err)
	}
}

// TestFloods: records without content, and requests for new keys, end the connection before they
// fill the memory.
func TestFloods(t *testing.T) {
	for name, flood := range map[string]func(k *talker) []byte{
		"key updates": func(k *talker) []byte { return append(k.update(1, 5), k.say("x")...) },
		"empty":       func(k *talker) []byte { return k.say("") },
		"canceled":    func(k *talker) []byte { return k.record(alertRecord, []byte{1, 90}) },
	} {
		r, k := newTalker(t)
		var err error
		rounds := 0
		for ; err == nil && rounds < 1000; rounds++ {
			_, err = r.open(flood(k), 100)
		}
		if err == nil {
			t.Errorf("%s: nothing has ended the flood", name)
		}
		if out := r.server.Close(nil); len(out) > 2*maxUnsent {
			t.Errorf("%s: %d bytes were kept", name, len(out))
		}
	}
}

// TestForbidden: messages that a client must not send behind its handshake.
func TestForbidden(t *testing.T) {
	for name, p := range map[string][]byte{
		"a ticket":           {4, 0, 0, 1, 0},
		"a second hello":     {1, 0, 0, 1, 0},
		"a finished message": {20, 0, 0, 1, 0},
		"a huge message":     {24, 255, 255, 255, 0},
		"another update":     {24, 0, 0, 1, 2},
	} {
		r, k := newTalker(t)
		if got, err := r.open(k.record(handshakeRecord, p), 100); err == nil {
			t.Errorf("%s: %q was taken", name, got)
		}
	}
	r, k := newTalker(t)
	half := k.record(handshakeRecord, []byte{24, 0})
	if got, err := r.open(append(half, k.say("x")...), 100); err == nil {
		t.Errorf("%q in the middle of a message", got)
	}
}
