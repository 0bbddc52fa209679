"""One host of nat-world.py: makes connections on command and keeps them.

Runs in namespaces of its own. Reads commands as lines of JSON and answers each with a line of JSON:

    ["run", command...]                                     runs a program
    ["listen", netns, address, port]
    ["connect", netns, source, first port, address, port, count]
                                                            gives the cookies; with source "" the kernel chooses
    ["accept", port, count]                                 gives the tag of each client, and the cookie

A client sends its tag: the name of its host, and its cookie.
"""
import ctypes
import json
import os
import socket
import struct
import subprocess
import sys

SO_COOKIE = 57
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
own = os.open("/proc/self/ns/net", os.O_RDONLY)
name = sys.argv[1]
listeners = {}
held = []


def enter(netns):
    fd = own if netns == "" else os.open(f"/run/netns/{netns}", os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    if fd != own:
        os.close(fd)


def cookie_of(connection):
    return struct.unpack("=Q", connection.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8))[0]


def listen(netns, address, port):
    enter(netns)
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    server.listen(1024)
    listeners[port] = server


def connect(netns, source, first, address, port, count):
    enter(netns)
    cookies = []
    for number in range(count):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if source != "":
            connection.bind((source, first + number))
        connection.settimeout(10)
        connection.connect((address, port))
        cookies.append(cookie_of(connection))
        connection.sendall(f"{name} {cookies[-1]:<24}".ljust(64).encode())
        held.append(connection)
    return cookies


def accept(port, count):
    listeners[port].settimeout(10)
    found = []
    for _ in range(count):
        connection = listeners[port].accept()[0]
        connection.settimeout(10)
        tag = connection.recv(64, socket.MSG_WAITALL).decode().split()
        found.append([*tag, str(cookie_of(connection))])
        held.append(connection)
    return found


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
os.makedirs("/run/netns")
commands = {"listen": listen, "connect": connect, "accept": accept, "run": run}
print("null", flush=True)
for line in sys.stdin:
    command, *arguments = json.loads(line)
    result = commands[command](*arguments)
    # The agent will run in the namespace where this process is.
    enter("")
    print(json.dumps(result), flush=True)
