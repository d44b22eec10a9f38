// Package router maps requests to values by patterns.
package router
