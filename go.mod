module github.com/golwan/golwan

go 1.26.0

require (
	github.com/andybalholm/brotli v1.2.1
	github.com/cbroglie/mustache v1.4.2
	github.com/klauspost/compress v1.18.5
	github.com/valyala/bytebufferpool v1.0.0
	golang.org/x/crypto v0.54.0
	golang.org/x/net v0.57.0
	golang.org/x/sys v0.49.0
)
