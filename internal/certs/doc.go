// Package certs makes certificates and reads them from files: a throw-away authority that vouches for whatever name is
// asked for, certificates with one thing wrong with them, and files that are read again when they change.
package certs
