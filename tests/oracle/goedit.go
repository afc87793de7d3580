package main

// compareWithGo is filled in with go.mod files.
func compareWithGo(modgate string, seed int64, count int) bool { return true }
