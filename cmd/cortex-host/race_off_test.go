//go:build !race

package main

const raceEnabled = false

const raceFactor = 1
