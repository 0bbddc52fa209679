"""Hosts with containers, a gateway and a load balancer, as namespaces, and hundreds of connections through their NAT.

Runs as root in PID, network and mount namespaces of its own. Argument: a folder, where the process id of each host is
written to HOST.pid. Prints one line of JSON, and ends with its standard input: the true pairs of ends, each as
[kind, client's host, client's cookie, server's host, server's cookie].

    web1, web2   two hosts with the same private network 172.17.0.0/16 for containers, masqueraded; their port 8080 leads
                 to port 80 of the first container
    db1          a database
    inner1       a host behind gw, which masquerades it
    lb           translates both addresses of connections to its port 5432, which lead to db1
    other        a host that is not in the list. It has the same address as a container, and is not translated
"""
import json
import pathlib
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
script = pathlib.Path(__file__).with_name("nat-host.py")
unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]


def run(*command):
    subprocess.run(command, check=True)


class Host:
    def __init__(self, name):
        self.name = name
        command = [*unshare, "python3", script, name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        self.pid = children.read_text().strip()
        (folder / f"{name}.pid").write_text(self.pid)
        self("run", "ip", "link", "set", "lo", "up")

    def __call__(self, *command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if line == "":
            raise RuntimeError(f"{self.name}: {command} failed")
        return json.loads(line)

    def ip(self, *command):
        self("run", "ip", *command)

    def nft(self, text):
        self("run", "nft", text)

    def plug(self, bridge, address, device="eth0"):
        """Connects the host with a bridge of ours."""
        ours = f"{self.name}-{device}"
        run("ip", "link", "add", ours, "type", "veth", "peer", "name", device, "netns", self.pid)
        run("ip", "link", "set", ours, "master", bridge, "up")
        self.ip("addr", "add", address, "dev", device)
        self.ip("link", "set", device, "up")

    def container(self, name, address):
        self.ip("netns", "add", name)
        self.ip("link", "add", f"{name}0", "type", "veth", "peer", "name", "eth0", "netns", name)
        self.ip("link", "set", f"{name}0", "master", "docker0", "up")
        for command in (
            ("link", "set", "lo", "up"),
            ("addr", "add", f"{address}/16", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("route", "add", "default", "via", "172.17.0.1"),
        ):
            self("run", "ip", "-n", name, *command)

    def forward(self):
        self("run", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")


for bridge in ("wan", "lan"):
    run("ip", "link", "add", bridge, "type", "bridge")
    run("ip", "link", "set", bridge, "up")
web1, web2, db1, gw, inner1, lb, other = (
    Host(name) for name in ("web1", "web2", "db1", "gw", "inner1", "lb", "other")
)
for number, host in enumerate((web1, web2, db1, gw, lb, other), 1):
    host.plug("wan", f"10.7.0.{number}/24")
gw.plug("lan", "192.168.5.1/24", "eth1")
inner1.plug("lan", "192.168.5.10/24")
inner1.ip("route", "add", "default", "via", "192.168.5.1")

for number, host in ((1, web1), (2, web2)):
    host.ip("link", "add", "docker0", "type", "bridge")
    host.ip("addr", "add", "172.17.0.1/16", "dev", "docker0")
    host.ip("link", "set", "docker0", "up")
    host.container("c1", "172.17.0.2")
    host.container("c2", "172.17.0.3")
    host.forward()
    host.nft(
        f"""table ip nat {{
            chain pre {{ type nat hook prerouting priority -100; ip daddr 10.7.0.{number} tcp dport 8080 dnat to 172.17.0.2:80; }}
            chain out {{ type nat hook output priority -100; ip daddr 10.7.0.{number} tcp dport 8080 dnat to 172.17.0.2:80; }}
            chain post {{ type nat hook postrouting priority 100; ip saddr 172.17.0.0/16 masquerade; }}
        }}"""
    )
gw.forward()
gw.nft('table ip nat { chain post { type nat hook postrouting priority 100; oifname "eth0" masquerade; }; }')
lb.forward()
lb.nft(
    """table ip nat {
        chain pre { type nat hook prerouting priority -100; tcp dport 5432 dnat to 10.7.0.3:5432; }
        chain post { type nat hook postrouting priority 100; tcp dport 5432 masquerade; }
    }"""
)
other.ip("addr", "add", "172.17.0.2/32", "dev", "lo")
db1.ip("route", "add", "172.17.0.2", "via", "10.7.0.6")

truth = []


def connections(kind, client, netns, source, first, address, port, server, server_port, count):
    client("connect", netns, source, first, address, port, count)
    for host, cookie, other_cookie in server("accept", server_port, count):
        truth.append([kind, host, cookie, server.name, other_cookie])


db1("listen", "", "0.0.0.0", 5432)
for host in (web1, web2):
    host("listen", "c1", "0.0.0.0", 80)

for number, host in ((1, web1), (2, web2)):
    # Without NAT.
    connections("direct", host, "", "", 0, "10.7.0.3", 5432, db1, 5432, 60)
    # The same addresses and ports on both hosts, and on one that is not in the list.
    connections("masquerade", host, "c1", "172.17.0.2", 20000, "10.7.0.3", 5432, db1, 5432, 60)
    # The same client's ports to both, and the same server's address.
    connections("dnat", db1, "", "10.7.0.3", 21000, f"10.7.0.{number}", 8080, host, 80, 50)
    # From a container to the other, by the host's address, with the same ports on both hosts.
    connections("hairpin", host, "c2", "172.17.0.3", 22000, f"10.7.0.{number}", 8080, host, 80, 20)
    # A connection of the host itself that its own rules lead into a container.
    connections("output", host, "", "", 0, f"10.7.0.{number}", 8080, host, 80, 20)
    connections("bridge", host, "c2", "172.17.0.3", 23000, "172.17.0.2", 80, host, 80, 20)
connections("gateway", inner1, "", "192.168.5.10", 20000, "10.7.0.3", 5432, db1, 5432, 60)
connections("balancer", web1, "", "", 0, "10.7.0.5", 5432, db1, 5432, 50)
connections("two", web2, "c2", "172.17.0.3", 24000, "10.7.0.5", 5432, db1, 5432, 30)
connections("unlisted", other, "", "172.17.0.2", 20000, "10.7.0.3", 5432, db1, 5432, 30)
connections("unlisted", other, "", "", 0, "10.7.0.1", 8080, web1, 80, 10)
print(json.dumps(truth), flush=True)
sys.stdin.read()
