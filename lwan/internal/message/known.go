package message

// Known names a field that this package recognises without looking at it twice. 0 is every other
// field.
type Known uint8

// The known names. Those up to Upgrade decide about framing, connection or routing and are read
// while the head is parsed.
const (
	Host Known = iota + 1
	ContentLength
	TransferEncoding
	Connection
	Expect
	Upgrade
	Accept
	AcceptCharset
	AcceptEncoding
	AcceptLanguage
	AccessControlRequestHeaders
	AccessControlRequestMethod
	Authorization
	CacheControl
	ContentDisposition
	ContentEncoding
	ContentLanguage
	ContentRange
	ContentType
	Cookie
	Date
	DNT
	Forwarded
	HTTP2Settings
	IfMatch
	IfModifiedSince
	IfNoneMatch
	IfRange
	IfUnmodifiedSince
	KeepAlive
	LastEventID
	MaxForwards
	Origin
	Pragma
	Priority
	ProxyAuthorization
	ProxyConnection
	Range
	Referer
	SecCHUA
	SecCHUAMobile
	SecCHUAPlatform
	SecFetchDest
	SecFetchMode
	SecFetchSite
	SecFetchUser
	SecGPC
	SecWebSocketExtensions
	SecWebSocketKey
	SecWebSocketProtocol
	SecWebSocketVersion
	SetCookie
	TE
	Traceparent
	Trailer
	UpgradeInsecureRequests
	UserAgent
	Via
	XForwardedFor
	XForwardedHost
	XForwardedProto
	XRequestID
	XRequestedWith
	knownCount // one past the last; at most 64, because presence is a bit of a uint64
)

var knownText = [knownCount]string{
	"",
	"Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "Upgrade",
	"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language",
	"Access-Control-Request-Headers", "Access-Control-Request-Method", "Authorization",
	"Cache-Control", "Content-Disposition", "Content-Encoding",
	"Content-Language", "Content-Range", "Content-Type",
	"Cookie", "Date", "DNT", "Forwarded", "HTTP2-Settings",
	"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since",
	"Keep-Alive", "Last-Event-ID", "Max-Forwards", "Origin", "Pragma", "Priority",
	"Proxy-Authorization", "Proxy-Connection", "Range", "Referer",
	"Sec-CH-UA", "Sec-CH-UA-Mobile", "Sec-CH-UA-Platform",
	"Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Sec-GPC",
	"Sec-WebSocket-Extensions", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol",
	"Sec-WebSocket-Version", "Set-Cookie", "TE", "Traceparent", "Trailer",
	"Upgrade-Insecure-Requests", "User-Agent", "Via", "X-Forwarded-For", "X-Forwarded-Host",
	"X-Forwarded-Proto", "X-Request-ID", "X-Requested-With",
}

// String is the name as it is usually written, "" for 0.
func (k Known) String() string {
	if k < knownCount {
		return knownText[k]
	}
	return ""
}

// KnownName returns the Known of a field name in any case, 0 if it is none.
func KnownName(name string) Known {
	if len(name) == 0 || len(name) > maxKnownLen {
		return 0
	}
	var b [maxKnownLen + 2]byte
	copy(b[:], name)
	return Lookup(b[:], 0, len(name))
}

// A name is looked up by a hash of its length and of three of its letters, which is perfect over
// the names above, and is then compared with the only candidate eight octets at a time. Case is
// folded by setting bit 0x20 where the candidate has a letter and nowhere else: folded blindly, a
// carriage return would pass for a hyphen.
type knownEntry struct {
	known  Known
	length uint8
	words  [(maxKnownLen + 7) / 8]knownWord
}

type knownWord struct {
	text uint64 // the name in lower case
	fold uint64 // 0x20 at each letter
	keep uint64 // 0xff at each octet of the name
}

const maxKnownLen = 30

var knownTable = buildKnown()

func buildKnown() (table [256]knownEntry) {
	for k := Host; k < knownCount; k++ {
		name := knownText[k]
		e := &table[knownHash(name[0], name[len(name)*3>>2], name[len(name)-1], len(name))]
		e.known, e.length = k, uint8(len(name))
		for i := range len(name) {
			c, w, shift := lower(name[i]), &e.words[i/8], i%8*8
			w.text |= uint64(c) << shift
			w.keep |= 0xff << shift
			if c >= 'a' && c <= 'z' {
				w.fold |= 0x20 << shift
			}
		}
	}
	return table
}

func knownHash(first, middle, last byte, n int) byte {
	return byte(n)*2 + (first|0x20)*36 + (middle|0x20)*43 + (last | 0x20)
}

// Lookup returns the Known of buf[off:end], which holds at least one octet. It is quickest when
// eight octets and more follow.
func Lookup(buf []byte, off, end int) Known {
	n := end - off
	e := &knownTable[knownHash(buf[off], buf[off+n*3>>2], buf[end-1], n)]
	if int(e.length) != n {
		return 0
	}
	if off+(n+7)&^7 > len(buf) {
		return lookupShort(buf[off:end], e)
	}
	for i := range e.words {
		if i*8 >= n {
			break
		}
		if w := &e.words[i]; load64(buf, off+i*8)&w.keep|w.fold != w.text {
			return 0
		}
	}
	return e.known
}

// lookupShort is the end of Lookup for a name so near to the end of the buffer that whole words
// cannot be loaded.
func lookupShort(name []byte, e *knownEntry) Known {
	for i, c := range name {
		if w, shift := &e.words[i/8], i%8*8; c|byte(w.fold>>shift) != byte(w.text>>shift) {
			return 0
		}
	}
	return e.known
}
