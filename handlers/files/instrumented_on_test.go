//go:build race || lwandebug

package files

// instrumented: the build allocates where others do not.
const instrumented = true
