package message

// InTrailer says whether a field may be sent behind the content (RFC 9110 section 6.5.1). Those that may not say how the
// message is framed, routed, authenticated or read, and that is settled by then.
func (k Known) InTrailer() bool { return !forbiddenTrailers[k%knownCount] }

var forbiddenTrailers = [knownCount]bool{
	Host: true, ContentLength: true, TransferEncoding: true, Connection: true, Expect: true, Upgrade: true,
	KeepAlive: true, TE: true, Trailer: true, ProxyConnection: true, HTTP2Settings: true, UpgradeInsecureRequests: true,
	Accept: true, AcceptCharset: true, AcceptEncoding: true, AcceptLanguage: true,
	Authorization: true, ProxyAuthorization: true, Cookie: true, SetCookie: true, Origin: true, Forwarded: true,
	XForwardedFor: true, XForwardedHost: true, XForwardedProto: true,
	CacheControl: true, MaxForwards: true, Pragma: true, Range: true,
	IfMatch: true, IfModifiedSince: true, IfNoneMatch: true, IfRange: true, IfUnmodifiedSince: true,
	ContentDisposition: true, ContentEncoding: true, ContentLanguage: true, ContentRange: true, ContentType: true,
}
