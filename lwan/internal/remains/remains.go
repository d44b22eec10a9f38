// Package remains makes bytes unmistakable that nobody may look at any more. With the build tag
// lwandebug buffers are overwritten before they are used again, so a slice that somebody has kept
// reads as Text. Without the tag nothing is done, and nothing costs anything.
package remains

// Text is what is left of such bytes.
const Text = "lwan: these bytes were valid until the handler returned. "
