package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Frame types and flags of HTTP/2 (RFC 9113, section 6).
const (
	frameHeaders  = 1
	frameSettings = 4
	flagAck       = 1
	flagEnd       = 1
	flagEndAll    = 5 // END_STREAM and END_HEADERS
)

func idle(args []string) {
	flags := flag.NewFlagSet("idle", flag.ExitOnError)
	addr := flags.String("addr", "", "HOST:PORT")
	mode := flags.String("mode", "plain", "plain, tls or h2")
	count := flags.Int("n", 10000, "connections")
	flags.Parse(args)
	conns := make([]net.Conn, *count)
	next := make(chan int)
	var group sync.WaitGroup
	for range 16 {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range next {
				conn, err := open(*addr, *mode)
				fail(err)
				conns[i] = conn
			}
		}()
	}
	for i := range conns {
		next <- i
	}
	close(next)
	group.Wait()
	report(map[string]any{"open": *count})
	io.Copy(io.Discard, os.Stdin)
	for _, conn := range conns {
		conn.Close()
	}
}

// open connects and has one answer, so that what a connection keeps after a request is counted too.
func open(addr, mode string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	if mode == "plain" {
		conn, err := dialer.Dial("tcp", addr)
		if err != nil {
			return nil, err
		}
		return conn, askHTTP1(conn)
	}
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
	if mode == "h2" {
		config.NextProtos = []string{"h2"}
	}
	conn, err := tls.DialWithDialer(dialer, "tcp", addr, config)
	if err != nil {
		return nil, err
	}
	if mode == "h2" {
		return conn, askHTTP2(conn)
	}
	return conn, askHTTP1(conn)
}

func askHTTP1(conn net.Conn) error {
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	head := make([]byte, 9, 9+len(payload))
	binary.BigEndian.PutUint32(head, uint32(len(payload))<<8|uint32(kind))
	head[4] = flags
	binary.BigEndian.PutUint32(head[5:], stream)
	return append(head, payload...)
}

// askHTTP2 asks by hand: net/http would keep more state than the server does.
func askHTTP2(conn net.Conn) error {
	// HPACK: GET and https from the static table, path and authority as literals that are not indexed.
	headers := append([]byte{0x82, 0x87, 0x04, 8}, "/healthz"...)
	headers = append(append(headers, 0x01, 9), "localhost"...)
	hello := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(frameSettings, 0, 0, nil)...)
	hello = append(hello, frame(frameHeaders, flagEndAll, 1, headers)...)
	if _, err := conn.Write(hello); err != nil {
		return err
	}
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(conn, head); err != nil {
			return err
		}
		length := binary.BigEndian.Uint32(head) >> 8
		if _, err := io.CopyN(io.Discard, conn, int64(length)); err != nil {
			return err
		}
		kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
		switch {
		case kind == frameSettings && flags&flagAck == 0:
			if _, err := conn.Write(frame(frameSettings, flagAck, 0, nil)); err != nil {
				return err
			}
		case stream == 1 && kind <= frameHeaders && flags&flagEnd != 0:
			return nil
		case stream == 1 && kind > frameHeaders:
			return fmt.Errorf("frame of type %d in place of an answer", kind)
		}
	}
}
