#!/bin/sh
# Runs h2spec in full against the test server, over TLS. Usage: run_h2spec.sh BUILD [H2SPEC]
# H2SPEC is the program; without it, it is installed with the go command into BUILD/tools.
set -eu
build=$(cd "$1" && pwd)
h2spec=${2:-$build/tools/h2spec}
if [ ! -x "$h2spec" ]; then
    command -v go >/dev/null || { echo "skipped: no go command to install h2spec with"; exit 77; }
    GOBIN="$build/tools" GOFLAGS= go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible ||
        { echo "skipped: h2spec cannot be installed"; exit 77; }
fi
work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server"; fi; rm -rf "$work"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/key" -out "$work/cert" \
    -days 2 -subj /CN=a.example 2>"$work/openssl.log"
"$build/tests/http/http_testserver" tls=127.0.0.1:0 cert="$work/cert" key="$work/key" loops=1 >"$work/out" &
server=$!
until grep -qs '^port' "$work/out"; do
    kill -0 "$server"
    sleep 0.1
done
"$h2spec" -h 127.0.0.1 -p "$(sed -n 's/^port //p' "$work/out")" -t -k
