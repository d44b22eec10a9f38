package message

// InTrailer says whether a field of that name, in any case, may be sent behind the content (RFC
// 9110 section 6.5.1), by a client or by us. Those that may not say how the message is framed,
// routed, authenticated, kept or read, and that is settled by then.
func InTrailer(name string) bool {
	if k := KnownName(name); k != 0 {
		return !forbiddenTrailers[k]
	}
	for _, control := range responseControl {
		if EqualFold([]byte(name), control) {
			return false
		}
	}
	return true
}

// responseControl are fields of answers that are not among the known ones of requests.
var responseControl = [...]string{
	"Age", "Expires", "Location", "Proxy-Authenticate", "Retry-After", "Vary", "WWW-Authenticate",
}

var forbiddenTrailers = [knownCount]bool{
	Host: true, ContentLength: true, TransferEncoding: true, Connection: true, Expect: true,
	Upgrade: true, KeepAlive: true, TE: true, Trailer: true, ProxyConnection: true,
	HTTP2Settings: true, UpgradeInsecureRequests: true,
	Accept: true, AcceptCharset: true, AcceptEncoding: true, AcceptLanguage: true,
	Authorization: true, ProxyAuthorization: true, Cookie: true,
	SetCookie: true, Origin: true, Forwarded: true,
	XForwardedFor: true, XForwardedHost: true, XForwardedProto: true,
	CacheControl: true, Date: true, MaxForwards: true, Pragma: true, Range: true,
	IfMatch: true, IfModifiedSince: true, IfNoneMatch: true, IfRange: true, IfUnmodifiedSince: true,
	ContentDisposition: true, ContentEncoding: true, ContentLanguage: true,
	ContentRange: true, ContentType: true,
}
