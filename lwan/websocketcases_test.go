//go:build linux

package lwan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The cases of RFC 6455 in the order, and with the numbers, of the suite that everybody knows:
// framing, pings, reserved bits, opcodes, fragmentation, UTF-8, close. Limits and compression are
// in websocketlimits_test.go. An echo is what they are run against.

// wsCase is what a client does, and expects.
type wsCase struct {
	id string
	do func(w *wsClient)
}

// runCases runs them against echoes on the loop and on goroutines, each on a connection of its own.
func runCases(t *testing.T, cfg *WebSocketConfig, fields string, cases []wsCase) {
	runCasesOver(t, serveTest, openWebSocket, cfg, fields, cases)
}

// runCasesOver does that over whatever serve and open speak.
func runCasesOver(
	t *testing.T, serve func(testing.TB, *Server) string,
	open func(t testing.TB, addr, path, fields string) *wsClient,
	cfg *WebSocketConfig, fields string, cases []wsCase,
) {
	echoes(t, func(t *testing.T, echoWith echoing, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("GET /", echoWith(cfg), mw...)
		addr := serve(t, srv)
		for _, c := range cases {
			if !t.Run(c.id, func(t *testing.T) { c.do(open(t, addr, "/", fields)) }) {
				return
			}
		}
	})
}

func TestWebSocketCases(t *testing.T) {
	t.Parallel()
	cases := allCases()
	t.Logf("%d cases", len(cases))
	runCases(t, nil, "", cases)
}

func allCases() []wsCase {
	return slices.Concat(framingCases(), pingCases(), reservedCases(), opcodeCases(),
		fragmentCases(), utf8Cases(), closeCases())
}

// framingCases are 1.1 and 1.2: messages of all lengths, text and binary, whole and chopped.
func framingCases() (all []wsCase) {
	for i, first := range []byte{textFrame, binaryFrame} {
		for j, size := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
			s := strings.Repeat("*", size)
			if first == binaryFrame {
				s = strings.Repeat("\xfe", size)
			}
			all = append(all, wsCase{fmt.Sprintf("1.%d.%d", i+1, j+1), func(w *wsClient) {
				if j == 7 {
					w.chopped(frameOf(first, s), 997)
				} else {
					w.frame(first, s)
				}
				w.want(first, s)
				w.closeNormally()
			}})
		}
	}
	return all
}

// pingCases are 2.
func pingCases() (all []wsCase) {
	add := func(do func(w *wsClient)) {
		all = append(all, wsCase{fmt.Sprintf("2.%d", len(all)+1), do})
	}
	answered := func(payload string) func(w *wsClient) {
		return func(w *wsClient) {
			w.frame(pingFrame, payload)
			w.want(pongFrame, payload)
			w.closeNormally()
		}
	}
	add(answered(""))
	add(answered("Hello, world!"))
	add(answered("\x00\xff\xfe\xfd\xfc\xfb\x00\xff"))
	add(answered(strings.Repeat("\xfe", 125)))
	add(func(w *wsClient) { w.frame(pingFrame, strings.Repeat("\xfe", 126)); w.wantClose(1002) })
	add(func(w *wsClient) {
		w.chopped(frameOf(pingFrame, strings.Repeat("\xfe", 125)), 1)
		w.want(pongFrame, strings.Repeat("\xfe", 125))
		w.closeNormally()
	})
	for _, payload := range []string{"", "unsolicited pong payload"} {
		add(func(w *wsClient) { w.frame(pongFrame, payload); w.closeNormally() })
	}
	add(func(w *wsClient) {
		w.frame(pongFrame, "unsolicited pong payload")
		w.frame(pingFrame, "ping payload")
		w.want(pongFrame, "ping payload")
		w.closeNormally()
	})
	for _, chop := range []int{1 << 20, 1} { // each is answered, as its answer leaves at once
		add(func(w *wsClient) {
			var s strings.Builder
			for i := range 10 {
				s.WriteString(frameOf(pingFrame, fmt.Sprint("payload-", i)))
			}
			w.chopped(s.String(), chop)
			for i := range 10 {
				w.want(pongFrame, fmt.Sprint("payload-", i))
			}
			w.closeNormally()
		})
	}
	return all
}

// reservedCases are 3: bits that nobody has agreed on, in frames of all kinds.
func reservedCases() (all []wsCase) {
	const hello = "Hello, world!"
	for bits := byte(1); bits <= 7; bits++ {
		all = append(all, wsCase{fmt.Sprintf("3.%d", bits), func(w *wsClient) {
			bad := func(first byte) string { return frameOf(first|bits<<4, hello) }
			switch bits {
			case 1:
				w.send(bad(textFrame))
			case 2:
				w.send(frameOf(textFrame, hello) + bad(textFrame) + frameOf(pingFrame, ""))
				w.want(textFrame, hello)
			case 3:
				w.send(frameOf(textFrame, hello), bad(textFrame), frameOf(pingFrame, ""))
				w.want(textFrame, hello)
			case 4:
				w.chopped(frameOf(textFrame, hello)+bad(textFrame), 1)
				w.want(textFrame, hello)
			case 5:
				w.send(bad(binaryFrame))
			case 6:
				w.send(bad(pingFrame))
			case 7:
				w.send(bad(closeFrame))
			}
			w.wantClose(1002)
		}})
	}
	return all
}

// opcodeCases are 4: opcodes that mean nothing, 3 to 7 and 11 to 15.
func opcodeCases() (all []wsCase) {
	for i, from := range []byte{3, 11} {
		for j := range byte(5) {
			first := 0x80 | from + j
			all = append(all, wsCase{fmt.Sprintf("4.%d.%d", i+1, j+1), func(w *wsClient) {
				switch j {
				case 0:
					w.frame(first, "")
				case 1:
					w.frame(first, "reserved opcode payload")
				default:
					s := frameOf(textFrame, "Hello, world!") + frameOf(first, "payload") +
						frameOf(pingFrame, "")
					w.chopped(s, map[byte]int{2: 1 << 20, 3: 50, 4: 1}[j])
					w.want(textFrame, "Hello, world!")
				}
				w.wantClose(1002)
			}})
		}
	}
	return all
}

// fragmentCases are 5.
func fragmentCases() (all []wsCase) {
	const a, b, c = "fragment1", "fragment2", "fragment3"
	// A step is a frame's first byte and payload; pings are answered where they stand.
	type step struct {
		first   byte
		payload string
	}
	for i, tt := range []struct {
		steps []step
		want  string // of one text message; "!": 1002, without
		chop  int
	}{
		{[]step{{pingFrame &^ 0x80, a}, {0x80, b}}, "!", 0},
		{[]step{{pongFrame &^ 0x80, a}, {0x80, b}}, "!", 0},
		{[]step{{1, a}, {0x80, b}}, a + b, 0},
		{[]step{{1, a}, {0x80, b}}, a + b, 22},
		{[]step{{1, a}, {0x80, b}}, a + b, 1},
		{[]step{{1, a}, {pingFrame, "ping"}, {0x80, b}}, a + b, 0},
		{[]step{{1, a}, {pingFrame, "ping"}, {0x80, b}}, a + b, 22},
		{[]step{{1, a}, {pingFrame, "ping"}, {0x80, b}}, a + b, 1},
		{[]step{{0x80, a}, {textFrame, "Hello"}}, "!", 0},
		{[]step{{0x80, a}, {textFrame, "Hello"}}, "!", 1 << 20},
		{[]step{{0x80, a}, {textFrame, "Hello"}}, "!", 1},
		{[]step{{0x00, a}, {textFrame, "Hello"}}, "!", 0},
		{[]step{{0x00, a}, {textFrame, "Hello"}}, "!", 1 << 20},
		{[]step{{0x00, a}, {textFrame, "Hello"}}, "!", 1},
		{[]step{{1, a}, {0x80, b}, {0x00, c}, {1, "x"}, {0x80, "y"}}, a + b + "!", 0},
		{[]step{{0x00, a}, {1, b}, {0x80, c}, {0x00, a}}, "!", 0},
		{[]step{{0x80, a}, {1, b}, {0x80, c}}, "!", 0},
		{[]step{{1, a}, {textFrame, b}}, "!", 0},
		{[]step{
			{1, a}, {0, b}, {pingFrame, "pongme 1!"}, {0, c}, {0, "4"}, {pingFrame, "pongme 2!"},
			{0x80, "5"},
		}, a + b + c + "45", 0},
		{[]step{
			{1, a}, {0, b}, {pingFrame, "pongme 1!"}, {0, c}, {0, "4"}, {pingFrame, "pongme 2!"},
			{0x80, "5"},
		}, a + b + c + "45", 1},
	} {
		all = append(all, wsCase{fmt.Sprintf("5.%d", i+1), func(w *wsClient) {
			var s strings.Builder
			for _, step := range tt.steps {
				if tt.chop == 0 {
					w.frame(step.first, step.payload)
				}
				s.WriteString(frameOf(step.first, step.payload))
			}
			if tt.chop > 0 {
				w.chopped(s.String(), tt.chop)
			}
			for _, step := range tt.steps {
				if step.first == pingFrame {
					w.want(pongFrame, step.payload)
				}
			}
			message, bad := strings.CutSuffix(tt.want, "!")
			if !bad || message != "" {
				w.want(textFrame, message)
			}
			if bad {
				w.wantClose(1002)
			} else {
				w.closeNormally()
			}
		}})
	}
	return all
}

// utf8Cases are 6: text, valid or not, whole, in fragments between characters and within, and what
// has to be refused before all of it is there.
func utf8Cases() (all []wsCase) {
	add := func(id string, do func(w *wsClient)) { all = append(all, wsCase{"6." + id, do}) }
	for i, pieces := range [][]string{{""}, {"", "", ""}, {"", "middle frame payload", ""}} {
		add(fmt.Sprintf("1.%d", i+1), func(w *wsClient) { sendText(w, pieces...) })
	}
	const text = "Hello-µ@ßöäüàá-UTF-8!!"
	add("2.1", func(w *wsClient) { sendText(w, text) })
	add("2.2", func(w *wsClient) { sendText(w, text[:12], text[12:]) })
	add("2.3", func(w *wsClient) { sendText(w, eachByte(text)...) })
	add("2.4", func(w *wsClient) { sendText(w, eachByte("κόσμε")...) })
	broken := "κόσμε\xed\xa0\x80edited"
	add("3.1", func(w *wsClient) { sendText(w, broken) })
	add("3.2", func(w *wsClient) { sendText(w, eachByte(broken)...) })
	// The client sends no more than the byte that is wrong, and what comes is the end.
	const before = "κόσμε"
	for i, tail := range [][2]string{{"", "\xf4\x90"}, {"\xf4", "\x90"}} {
		add(fmt.Sprintf("4.%d", i+1), func(w *wsClient) {
			w.frame(1, before+tail[0])
			w.frame(0, tail[1])
			w.wantClose(1007)
		})
		add(fmt.Sprintf("4.%d", i+3), func(w *wsClient) {
			// In the middle of a frame, which is never finished.
			frame := frameOf(textFrame, before+tail[0]+tail[1]+fill(50))
			w.send(frame[:6+len(before)+len(tail[0])],
				frame[6+len(before)+len(tail[0]):][:len(tail[1])])
			w.wantClose(1007)
		})
	}
	for group, texts := range utf8Groups {
		for i, s := range texts {
			add(fmt.Sprintf("%d.%d", group+5, i+1), func(w *wsClient) { sendText(w, s) })
			if len(s) > 1 && len(s) < 10 {
				add(fmt.Sprintf("%d.%d in pieces", group+5, i+1), func(w *wsClient) {
					sendText(w, eachByte(s)...)
				})
			}
		}
	}
	return all
}

// utf8Groups are 6.5 to 6.23: prefixes, first and last sequences of each length, borders, bytes
// where they must not stand, overlong forms, surrogates, noncharacters.
var utf8Groups = [][]string{
	prefixes("\xce\xba"), prefixes("κόσμε"), // and all that is cut off
	{"\x00", "\u0080", "\u0800", "\U00010000"}, {"\xf8\x88\x80\x80\x80",
		"\xfc\x84\x80\x80\x80\x80"},
	{"\x7f", "\u07ff", "\uffff", "\U0010ffff"}, {"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf",
		"\xfd\xbf\xbf\xbf\xbf\xbf"},
	{"\ud7ff", "\ue000", "\ufffd", "\U0010ffff", "\xf4\x90\x80\x80"},
	{
		"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80",
		"\x80\xbf\x80\xbf\x80\xbf", allContinuations,
	},
	{eachWithSpace(0xc0, 0xdf), eachWithSpace(0xe0, 0xef), eachWithSpace(0xf0, 0xf7),
		eachWithSpace(0xf8, 0xfb), "\xfc \xfd "},
	{
		"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80", "\xdf",
		"\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf",
	},
	{"\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80\xfc\x80\x80\x80\x80\xdf\xef\xbf\xf7\xbf\xbf"},
	{"\xfe", "\xff", "\xfe\xfe\xff\xff"},
	{"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf",
		"\xfc\x80\x80\x80\x80\xaf"},
	{"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf",
		"\xfc\x83\xbf\xbf\xbf\xbf"},
	{"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80",
		"\xfc\x80\x80\x80\x80\x80"},
	{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80",
		"\xed\xbf\xbf"},
	{
		"\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf", "\xed\xad\xbf\xed\xb0\x80",
		"\xed\xad\xbf\xed\xbf\xbf", "\xed\xae\x80\xed\xb0\x80", "\xed\xae\x80\xed\xbf\xbf",
		"\xed\xaf\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf",
	},
	noncharacters(), {"\ufffd", "\uff08", "\ufeff", "\u200b", "\u202e", "\u00ad", "\U000e0001"},
}

var allContinuations = string(bytesBetween(0x80, 0xbf))

func bytesBetween(from, to byte) (all []byte) {
	for c := from; c <= to; c++ {
		all = append(all, c)
	}
	return all
}

func eachWithSpace(from, to byte) (s string) {
	for _, c := range bytesBetween(from, to) {
		s += string([]byte{c, ' '})
	}
	return s
}

func eachByte(s string) (all []string) {
	for i := range len(s) {
		all = append(all, s[i:i+1])
	}
	return all
}

func prefixes(s string) (all []string) {
	for i := range len(s) {
		all = append(all, s[:i+1])
	}
	return all
}

// noncharacters are the last two of each plane: they are valid.
func noncharacters() (all []string) {
	for plane := range rune(17) {
		all = append(all, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	return all
}

// sendText sends a text in fragments. It comes back, or the end if it is none.
func sendText(w *wsClient, fragments ...string) {
	w.t.Helper()
	for i, s := range fragments {
		first := byte(0)
		if i == 0 {
			first = 1
		}
		if i == len(fragments)-1 {
			first |= 0x80
		}
		w.c.Write([]byte(frameOf(first, s))) // it may have been refused already
	}
	if s := strings.Join(fragments, ""); utf8.ValidString(s) {
		w.want(textFrame, s)
		w.closeNormally()
	} else {
		w.readClose(1007) // of the client that goes on sending: what follows may be a reset
	}
}

// closeCases are 7.
func closeCases() (all []wsCase) {
	add := func(id string, do func(w *wsClient)) { all = append(all, wsCase{"7." + id, do}) }
	add("1.1", func(w *wsClient) {
		w.frame(textFrame, "Hello")
		w.want(textFrame,
			"Hello")
		w.closeNormally()
	})
	for i, behind := range []string{
		frameOf(closeFrame, codeOf(1000)), frameOf(pingFrame, ""), frameOf(textFrame, "Hello"),
		frameOf(0x80, "fragment2"),
	} {
		add(fmt.Sprintf("1.%d", i+2),
			func(w *wsClient) { // nothing is looked at behind a close frame
				if i == 3 {
					w.frame(1, "fragment1")
				}
				w.send(frameOf(closeFrame, codeOf(1000)) + behind)
				w.want(closeFrame, codeOf(1000))
				w.wantEnd()
			})
	}
	add("1.6", func(w *wsClient) {
		large := fill(256 << 10)
		w.send(frameOf(textFrame, large) + frameOf(textFrame, "Hello") +
			frameOf(closeFrame, codeOf(1000)) + frameOf(pingFrame, ""))
		w.want(textFrame, large)
		w.want(textFrame, "Hello")
		w.want(closeFrame, codeOf(1000))
		w.wantEnd()
	})
	for i, tt := range []struct {
		payload string
		code    int
	}{
		{"", 1005}, {"\x03", 1002}, {codeOf(1000), 1000}, {codeOf(1000) + "Hello World!", 1000},
		{codeOf(1000) + fill(123), 1000}, {codeOf(1000) + fill(124), 1002},
	} {
		add(fmt.Sprintf("3.%d", i+1), func(w *wsClient) {
			w.frame(closeFrame,
				tt.payload)
			w.wantAnswer(tt.code)
		})
	}
	add("5.1", func(w *wsClient) {
		w.frame(closeFrame,
			codeOf(1000)+"\xce\xba\xed\xa0\x80")
		w.wantAnswer(1007)
	})
	for i, code := range []int{
		1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000,
		4999,
	} {
		add(fmt.Sprintf("7.%d", i+1), func(w *wsClient) {
			w.frame(closeFrame,
				codeOf(code))
			w.wantAnswer(code)
		})
	}
	for i, code := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000,
		65535} {
		add(fmt.Sprintf("9.%d", i+1), func(w *wsClient) {
			w.frame(closeFrame,
				codeOf(code))
			w.wantAnswer(1002)
		})
	}
	return all
}
