//go:build !race && !lwandebug

package files

const instrumented = false
