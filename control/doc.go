// Package control is the one place where squall's state changes. [Controller.Change] is the only door: it copies the
// [State], lets the caller change the copy, validates and compiles the whole, binds what must be bound, saves, and only
// then puts it in force. Whatever fails on the way, nothing has happened.
//
// Lock order, complete: Controller.mu, then the engine's. The data path takes neither.
package control
