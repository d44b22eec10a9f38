module github.com/golwan/golwan/examples/autocert

go 1.26.0

require (
	github.com/golwan/golwan v0.0.0
	golang.org/x/crypto v0.54.0
)

require (
	github.com/andybalholm/brotli v1.2.1 // indirect
	github.com/cbroglie/mustache v1.4.2 // indirect
	github.com/klauspost/compress v1.18.5 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	golang.org/x/net v0.57.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.40.0 // indirect
)

replace github.com/golwan/golwan => ../..
