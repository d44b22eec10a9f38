package transport

// DiscardLimit is how much of a request's content that its handler has not read is thrown away,
// so that the connection can go on; more closes it.
const DiscardLimit = 256 << 10
