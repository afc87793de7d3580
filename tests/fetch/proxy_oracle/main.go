// Proxy_oracle prints the proxy that Go's net/http chooses for each URL given, by the environment:
// its URL, or "direct".
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	for _, arg := range os.Args[1:] {
		req, err := http.NewRequest("GET", arg, nil)
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		proxy, err := http.ProxyFromEnvironment(req)
		switch {
		case err != nil:
			fmt.Println("error:", err)
		case proxy == nil:
			fmt.Println("direct")
		default:
			fmt.Println(proxy)
		}
	}
}
