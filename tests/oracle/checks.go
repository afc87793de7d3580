package main

import "slices"

// checks is what main runs. To add some: write a file with a list of your own and add it here.
var checks = slices.Concat(nameChecks, fileChecks, rehomeChecks, zipChecks, folderChecks, sumdbChecks)
