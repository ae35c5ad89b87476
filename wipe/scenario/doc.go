// Package scenario holds no code but tests: the whole way of a drive, from its facts
// by a plan to the verdict, on models that behave, break and lie. What is left on a
// drive is read off its medium, and the one rule above all is that no drive with
// data on it is called sanitised.
package scenario
