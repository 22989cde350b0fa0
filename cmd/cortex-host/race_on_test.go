//go:build race

package main

const raceEnabled = true

// raceFactor is by how much the race detector slows a program down.
const raceFactor = 5
