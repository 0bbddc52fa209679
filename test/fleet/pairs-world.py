"""Two hosts as network namespaces, front and back, with connections between them that are ill in known ways.

Runs as root in network and mount namespaces of its own. Prints "ready" when everything stands, and ends with its
standard input. A neighbour entry with a wrong address makes packets vanish in one direction, for one IP address.
"""
import fcntl
import os
import queue
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
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


def child(action):
    """Runs an action in another process, which does not outlive this one."""
    pid = os.fork()
    if pid == 0:
        __import__("ctypes").CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        try:
            action()
        finally:
            os._exit(0)
    return pid


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



def pair(port, address="10.9.0.2", source=None, prepare=None):
    """A connection from front to back: the client's socket, and the server's."""
    server = in_netns("back", lambda: listener(address, port))
    enter("front")
    connection = socket.socket()
    if prepare is not None:
        prepare(connection)
    if source is not None:
        connection.bind((source, 0))
    connection.connect((address, port))
    accepted = server.accept()[0]
    held.extend((server, connection, accepted))
    return connection, accepted


def nft(netns, rules):
    run("ip", "netns", "exec", netns, "nft", rules)


def forever(action):
    """Repeats an action in a thread that ends with the process."""

    def repeat():
        while True:
            action()

    threading.Thread(target=repeat, daemon=True).start()


def slowly(action, seconds):
    def once():
        action()
        time.sleep(seconds)

    return once


TUNSETIFF = 0x400454CA
IFF_TUN = 1
IFF_NO_PI = 0x1000


def delay(front_address, back_address, seconds):
    """Connects front and back by a second link, whose packets we pass on after some time."""
    ends = []
    for netns, address in (("front", front_address), ("back", back_address)):
        enter(netns)
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"slow0", IFF_TUN | IFF_NO_PI))
        ip(netns, "addr", "add", f"{address}/24", "dev", "slow0")
        ip(netns, "link", "set", "slow0", "up")
        ends.append(fd)
    for source, target in (ends, ends[::-1]):
        packets = queue.SimpleQueue()

        def take(source=source, packets=packets):
            packet = os.read(source, 65536)
            packets.put((time.monotonic() + seconds, packet))

        def give(target=target, packets=packets):
            due, packet = packets.get()
            time.sleep(max(0, due - time.monotonic()))
            os.write(target, packet)

        forever(take)
        forever(give)


BLOCK = b"z" * 65536

# A server that reads 40 kB in a second, from a client that always writes.
eager_client, slow_server = pair(7010)
forever(lambda: eager_client.send(BLOCK))
forever(slowly(lambda: slow_server.recv(2048), 0.05))

# Data arrives, and its acknowledgements get lost.
unheard_client, unheard_server = pair(7011, source="10.9.0.15")
lose("back", "back0", "10.9.0.15")
unheard_client.send(b"a" * 10000)
forever(lambda: unheard_server.recv(65536))

# A client whose own limit keeps its bytes back.
SO_MAX_PACING_RATE = 47
paced_client, paced_server = pair(
    7012, prepare=lambda one: one.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, 10_000)
)
forever(lambda: paced_client.send(BLOCK))
forever(lambda: paced_server.recv(65536))

# Every fifth segment of the client gets lost.
nft(
    "back",
    "table inet lossy { chain input { type filter hook input priority 0; "
    "tcp dport 7013 tcp flags & syn == 0 numgen inc mod 5 == 0 drop; }; }",
)
lossy_client, lossy_server = pair(7013)
forever(slowly(lambda: lossy_client.send(b"l" * 8000), 0.02))
forever(lambda: lossy_server.recv(65536))

# A transfer on a path that takes 20 ms in each direction. The buffer limits what we must pass on.
delay("10.10.0.1", "10.10.0.2", 0.02)
distant_client, distant_server = pair(
    7014,
    address="10.10.0.2",
    prepare=lambda one: one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608),
)
forever(lambda: distant_client.send(BLOCK[:1000]))
forever(lambda: distant_server.recv(65536))

# Segment sizes: the ends announce different ones, something between lowers one, and a path takes smaller packets.
ip("front", "route", "add", "10.9.0.24", "dev", "front0", "advmss", "900")
pair(7015, address="10.9.0.24")
nft(
    "front",
    "table inet clamp { chain output { type filter hook output priority 0; "
    "tcp dport 7016 tcp flags syn tcp option maxseg size set 800; }; }",
)
pair(7016)
path_client, path_server = pair(7017, address="10.9.0.25")
ip("front", "route", "add", "10.9.0.25", "dev", "front0", "mtu", "1200")
path_client.send(b"m" * 4000)
path_server.recv(65536)

# A firewall removes an option from the answer, so that only the server believes in it.
nft(
    "back",
    "table inet strip { chain output { type filter hook output priority 0; "
    "tcp sport 7018 tcp flags & (syn | ack) == (syn | ack) reset tcp option sack-perm; }; }",
)
pair(7018)

# Transfers that are well: steady, and in both directions.
steady_client, steady_server = pair(7019)
forever(slowly(lambda: steady_client.send(BLOCK), 0.01))
forever(lambda: steady_server.recv(1 << 20))
forever(slowly(lambda: steady_server.send(b"r" * 4000), 0.01))
forever(lambda: steady_client.recv(1 << 20))

# A reader that is stopped while its client writes.
stopped_server = in_netns("back", lambda: listener("10.9.0.2", 7020))
reading, begun = os.pipe()


def read_until_stopped():
    taken = stopped_server.accept()[0]
    os.write(begun, b"1")
    while taken.recv(65536):
        pass


reader = child(read_until_stopped)
stopped_client = in_netns("front", lambda: client(("10.9.0.2", 7020)))
os.read(reading, 1)
stopped_server.close()
stopped_client.setblocking(False)
os.kill(reader, signal.SIGSTOP)
try:
    while True:
        stopped_client.send(BLOCK)
except BlockingIOError:
    pass
held.append(stopped_client)

# A client that is connected, and a listener whose queue was full when the end of the handshake arrived.
nft(
    "back",
    "table inet late { chain input { type filter hook input priority 0; "
    "ip saddr 10.9.0.16 tcp dport 7021 tcp flags & (syn | ack) == ack drop; }; }",
)
late_server = in_netns("back", lambda: listener("10.9.0.2", 7021, 1))
late_client = in_netns("front", lambda: client(("10.9.0.2", 7021), "10.9.0.16"))
for _ in range(2):
    held.append(in_netns("front", lambda: client(("10.9.0.2", 7021))))
run("ip", "netns", "exec", "back", "nft", "delete", "table", "inet", "late")
late_client.send(b"q" * 100)
held += [late_server, late_client]

# Firewalls remove ECN from an answer, and change a window scale: the option is the last of Linux, its shift byte 39.
for name in ("front", "back"):
    run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.tcp_ecn=1")
nft(
    "back",
    "table inet rewrite { chain output { type filter hook output priority 0; "
    "tcp sport 7022 tcp flags & (syn | ack) == (syn | ack) tcp flags set syn | ack; "
    "tcp sport 7023 tcp flags & (syn | ack) == (syn | ack) @th,304,16 set 0x0303; }; }",
)
pair(7022)
pair(7023)
for name in ("front", "back"):
    run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.tcp_ecn=2")

# A reader that keeps up, with a buffer that holds little for a path of 40 ms.
tight_server = in_netns("back", socket.socket)
tight_server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
tight_server.bind(("10.10.0.2", 7024))
tight_server.listen()
tight_client = in_netns("front", lambda: client(("10.10.0.2", 7024)))
tight_reader = tight_server.accept()[0]
held.append(tight_server)
forever(lambda: tight_client.send(BLOCK))
forever(lambda: tight_reader.recv(65536))

# More transfers that are well: as fast as it goes, request and response, and bursts with pauses.
bulk_client, bulk_server = pair(7026)
request_client, request_server = pair(7027)
burst_client, burst_server = pair(7028)


def bulk():
    while True:
        bulk_client.send(BLOCK)
        time.sleep(0.001)


def requests():
    while True:
        request_client.send(b"q" * 200)
        received = 0
        while received < 20000:
            received += len(request_client.recv(65536))
        time.sleep(0.002)


def responses():
    while True:
        request_server.recv(4096)
        request_server.sendall(BLOCK[:20000])


def bursts():
    while True:
        burst_client.sendall(BLOCK * 8)
        time.sleep(0.3)


def reads():
    while True:
        for one in select.select([bulk_server, burst_server], [], [])[0]:
            one.recv(1 << 20)


for work in (bulk, requests, responses, bursts, reads):
    child(work)

# Retransmissions take a moment.
time.sleep(2.5)
print("ready", flush=True)
sys.stdin.read()
