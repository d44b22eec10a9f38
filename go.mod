module github.com/golwan/golwan

go 1.26.0

require (
	github.com/andybalholm/brotli v1.2.1 // indirect
	github.com/cbroglie/mustache v1.4.2 // indirect
	github.com/klauspost/compress v1.18.5 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
