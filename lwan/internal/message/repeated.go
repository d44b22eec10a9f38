package message

// A field on several lines (RFC 9110 section 5.3). Lines of one name may be joined with commas,
// which makes one value of a list, and nonsense of anything else. What two readers would take
// differently is the way by which one of them is deceived: a proxy that checks the first
// Authorization, before a server that believes the last one. So for each field that is known it is
// decided here, once, what its lines are together. A look-up by name gives that, everywhere.

// Repeated is what the lines of a field are, when there are several.
type Repeated uint8

// What they can be. There is no difference as long as there is one line.
const (
	_ Repeated = iota
	// one value, with commas between the lines; semicolons in Cookie (RFC 9113 section 8.2.3)
	Joined
	// the first counts: a singleton that decides about nothing. So it is for names that are not
	// known
	First
	Ignored // as if there were none: the RFC of the field says so
	Refused // 400: a singleton that says who asks, for what, or how the message is to be read
)

var repeated = [knownCount]Repeated{
	// framing and connection
	// where their lines are read: RFC 9112 sections 3.2, 6.3
	Host: Refused, ContentLength: Refused, TransferEncoding: Refused,
	Connection: Joined, Expect: Joined, KeepAlive: Joined,
	ProxyConnection: Joined, TE: Joined, Trailer: Joined,
	Upgrade: Joined, Via: Joined,
	HTTP2Settings: Ignored, // RFC 7540 section 3.2.1

	// who asks
	Authorization: Refused, ProxyAuthorization: Refused, Cookie: Joined,
	Origin: Refused, Referer: First,
	SecFetchDest: Refused, SecFetchMode: Refused, SecFetchSite: Refused, SecFetchUser: Refused,
	Forwarded: Joined, XForwardedFor: Joined, XForwardedHost: Joined, XForwardedProto: Joined,

	// what the content is
	// RFC 9110 section 8.3: of several, readers choose differently
	ContentDisposition: Refused, ContentRange: Refused, ContentType: Refused,
	ContentEncoding: Joined, ContentLanguage: Joined,

	// what is asked for
	Accept: Joined, AcceptCharset: Joined, AcceptEncoding: Joined, AcceptLanguage: Joined,
	CacheControl: Joined, Pragma: Joined, Priority: Joined, AccessControlRequestHeaders: Joined,
	AccessControlRequestMethod: Refused,
	Range:                      Ignored, // any Range may be: RFC 9110 section 14.2

	// conditions
	IfMatch: Joined, IfNoneMatch: Joined,
	// RFC 9110 sections 13.1.3 and 13.1.4: a list of dates is no date
	IfModifiedSince: Ignored, IfUnmodifiedSince: Ignored,
	// and so no validator of anything: the whole is sent, where without the field a part would be
	IfRange: Joined,

	// WebSocket
	// RFC 6455 sections 11.3.2 and 11.3.4
	SecWebSocketExtensions: Joined, SecWebSocketProtocol: Joined,
	SecWebSocketKey: Refused, SecWebSocketVersion: Refused, // RFC 6455 sections 11.3.1 and 11.3.5

	// what is told
	SecCHUA: Joined, SecCHUAMobile: First, SecCHUAPlatform: First, SecGPC: First, DNT: First,
	UpgradeInsecureRequests: First, Date: First, LastEventID: First, MaxForwards: First,
	SetCookie: First, UserAgent: First, XRequestID: First, XRequestedWith: First,
	Traceparent: Ignored, // Trace Context, section 3.2: two are none, and a new trace begins
}

// WhenRepeated is what the lines of a field are when there are several; First for 0, which is every
// other field.
func (k Known) WhenRepeated() Repeated {
	if k == 0 || k >= knownCount {
		return First
	}
	return repeated[k]
}

// fieldsThat is a bit for each field whose lines are that.
func fieldsThat(are Repeated) (set uint64) {
	for k, r := range repeated {
		if r == are {
			set |= 1 << k
		}
	}
	return set
}

var joinedFields, ignoredFields, refusedFields = fieldsThat(Joined), fieldsThat(
	Ignored), fieldsThat(Refused)

// Settle is the end of a head that is valid line by line. It is for the whole of it: what the lines
// are together does not depend on the pieces in which they came. The Error has Status 0, or is for
// the first line that is one too many.
func (h *Head) Settle() Error {
	if h.several&refusedFields != 0 {
		return h.refuseRepeated()
	}
	h.seen &^= h.several & ignoredFields
	return Error{}
}

func (h *Head) refuseRepeated() Error {
	var seen uint64
	for _, f := range h.Fields {
		bit := uint64(1) << f.Known
		if seen&bit&refusedFields != 0 {
			return Error{400, int(f.Name.Off), ReasonRepeated}
		}
		seen |= bit
	}
	return Error{}
}

// Value returns the value of a field by its name, in any case. buf is the buffer of the head.
// With several lines it is what they are together: joined they are copied, else the value aliases
// buf. ok is false if there is no such field.
func (h *Head) Value(buf []byte, name string) (value []byte, ok bool) {
	k := KnownName(name)
	if k != 0 && h.several&joinedFields>>k&1 != 0 {
		return h.join(buf, k), true
	}
	v, ok := h.find(buf, name, k)
	if !ok {
		return nil, false
	}
	return v.Of(buf), true
}

// join joins the lines of a field.
func (h *Head) join(buf []byte, k Known) []byte {
	separator := ", "
	if k == Cookie {
		separator = "; "
	}
	var joined []byte
	for i := range h.Fields {
		if f := &h.Fields[i]; f.Known == k {
			if joined != nil {
				joined = append(joined, separator...)
			}
			joined = append(joined, f.Value.Of(buf)...)
		}
	}
	return joined
}
