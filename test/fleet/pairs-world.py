"""Two hosts as network namespaces, front and back, with connections between them that are ill in known ways.

Runs as root in network and mount namespaces of its own. Prints "ready" when everything stands, and ends with its
standard input. A neighbour entry with a wrong address makes packets vanish in one direction, for one IP address.
"""
import os
import socket
import struct
import subprocess
import sys
import time

LOST = "02:00:00:00:00:99"


def run(*command):
    subprocess.run(command, check=True)


def ip(netns, *command):
    run("ip", "-n", netns, *command)


def enter(netns):
    fd = os.open(f"/run/netns/{netns}", os.O_RDONLY)
    libc = __import__("ctypes").CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000) != 0:
        raise OSError(__import__("ctypes").get_errno(), "setns")
    os.close(fd)


def in_netns(netns, make):
    """What `make` gives, with this thread in another namespace: sockets stay in the one where they were made."""
    enter(netns)
    return make()


def listener(address, port, backlog=16):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    server.listen(backlog)
    return server


def client(to, source=None):
    connection = socket.socket()
    if source is not None:
        connection.bind((source, 0))
    connection.connect(to)
    return connection


def started(to, source=None):
    """A connect() that is not waited for."""
    connection = socket.socket()
    connection.setblocking(False)
    if source is not None:
        connection.bind((source, 0))
    try:
        connection.connect(to)
    except BlockingIOError:
        pass
    return connection


def lose(netns, device, address):
    ip(netns, "neigh", "replace", address, "lladdr", LOST, "dev", device, "nud", "permanent")


run("mount", "-t", "tmpfs", "none", "/run")
os.makedirs("/run/netns")
for name in ("front", "back"):
    run("ip", "netns", "add", name)
run("ip", "link", "add", "front0", "netns", "front", "type", "veth", "peer", "name", "back0", "netns", "back")
for name, host in (("front", 1), ("back", 2)):
    ip(name, "link", "set", "lo", "up")
    ip(name, "link", "set", f"{name}0", "up")
    # 10.9.0.1 and .11 to .19 are the front's, 10.9.0.2 and .21 to .29 the back's.
    for last in (host, *range(host * 10 + 1, host * 10 + 10)):
        ip(name, "addr", "add", f"10.9.0.{last}/24", "dev", f"{name}0")

held = []

# A server that does not read, and one that answers well.
server = in_netns("back", lambda: listener("10.9.0.2", 7001))
sender = in_netns("front", lambda: client(("10.9.0.2", 7001)))
reader = server.accept()[0]
sender.setblocking(False)
try:
    while True:
        sender.send(b"x" * 65536)
except BlockingIOError:
    pass
held += [server, sender, reader]

healthy = in_netns("back", lambda: listener("10.9.0.2", 7002))
for _ in range(20):
    one = in_netns("front", lambda: client(("10.9.0.2", 7002)))
    other = healthy.accept()[0]
    one.send(b"hello")
    other.recv(5)
    other.send(b"world")
    one.recv(5)
    held += [one, other]
held.append(healthy)

# The client has closed, the server does not.
server = in_netns("back", lambda: listener("10.9.0.2", 7003))
closer = in_netns("front", lambda: client(("10.9.0.2", 7003)))
keeper = server.accept()[0]
closer.shutdown(socket.SHUT_WR)
held += [server, closer, keeper]

# A queue of two that nobody accepts from.
full = in_netns("back", lambda: listener("10.9.0.2", 7004, 1))
held.append(full)
for _ in range(6):
    held.append(in_netns("front", lambda: started(("10.9.0.2", 7004))))
    time.sleep(0.05)

# Data that gets lost on the way.
server = in_netns("back", lambda: listener("10.9.0.21", 7005))
writer = in_netns("front", lambda: client(("10.9.0.21", 7005)))
held += [server, server.accept()[0], writer]
lose("front", "front0", "10.9.0.21")
writer.send(b"y" * 20000)

# SYNs that get lost on the way to a listener.
held.append(in_netns("back", lambda: listener("10.9.0.22", 7006)))
lose("front", "front0", "10.9.0.22")
held.append(in_netns("front", lambda: started(("10.9.0.22", 7006))))

# SYNs whose answers get lost.
held.append(in_netns("back", lambda: listener("10.9.0.2", 7007)))
lose("back", "back0", "10.9.0.13")
held.append(in_netns("front", lambda: started(("10.9.0.2", 7007), "10.9.0.13")))

# Nothing listens, and the refusal gets lost.
held.append(in_netns("front", lambda: started(("10.9.0.2", 7008), "10.9.0.13")))

# A connection that only one end remembers.
server = in_netns("back", lambda: listener("10.9.0.2", 7009))
believer = in_netns("front", lambda: client(("10.9.0.2", 7009), "10.9.0.14"))
gone = server.accept()[0]
lose("back", "back0", "10.9.0.14")
gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
gone.close()
held += [server, believer]

# Retransmissions take a moment.
time.sleep(2.5)
print("ready", flush=True)
sys.stdin.read()
