module github.com/golwan/golwan/examples/http3

go 1.26.0

require (
	github.com/golwan/golwan v0.0.0
	github.com/golwan/golwan/lwan/http3 v0.0.0
	github.com/quic-go/quic-go v0.65.0
)

require (
	github.com/cbroglie/mustache v1.4.2 // indirect
	github.com/klauspost/compress v1.18.5 // indirect
	github.com/quic-go/qpack v0.6.0 // indirect
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/net v0.57.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.40.0 // indirect
)

replace (
	github.com/golwan/golwan => ../..
	github.com/golwan/golwan/lwan/http3 => ../../lwan/http3
)
