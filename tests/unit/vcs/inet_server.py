#!/usr/bin/python3
"""usage: inet_server.py COMMAND...: the command for each connection to 127.0.0.1, which it gets as
standard input and output. Prints its port."""

import socket
import subprocess
import sys

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
children = []
while True:
    connection, _ = listener.accept()
    children.append(subprocess.Popen(sys.argv[1:], stdin=connection, stdout=connection,
                                     stderr=subprocess.DEVNULL))
    connection.close()
    children = [child for child in children if child.poll() is None]
