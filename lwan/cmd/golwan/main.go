// Golwan is a server that a file configures, or that serves a directory:
//
//	golwan ./site :8080
//	golwan -c site.conf
//	golwan help
//
// Package lwan/conf has the language, and makes the same of a program with handlers of its own.
package main

import "github.com/golwan/golwan/lwan/conf"

func main() { conf.Main(conf.Standard()) }
