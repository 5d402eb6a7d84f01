// Package faults decides what goes wrong. A [Rule] says which exchanges are hit and how; a [Set] is a compiled list of
// rules; a [Plan] walks through it for one exchange and yields [Action] values that an executor carries out.
//
// Nothing here does I/O, starts a goroutine or reads a clock. All chance comes from [Roll], so the same seed gives the
// same decisions on every protocol.
package faults
