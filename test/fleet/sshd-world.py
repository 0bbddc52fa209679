"""Twenty hosts with real sshds, as network namespaces. Some of them are broken.

Runs as root as the first process of PID, network and mount namespaces of its own, so that everything ends with it and
nothing of the machine is touched: /run, the users of /etc/passwd and the home of root are its own.

Arguments: a new folder, the folder with the unpacked packages of sshd, the executable. Prints "ready" when every sshd
listens, and ends with its standard input.
"""
import os
import pathlib
import socket
import subprocess
import sys
import time

folder, sshd_root, executable = (pathlib.Path(each) for each in sys.argv[1:4])
NOBODYS = "02:00:00:00:00:99"
HELLO = '{"hello":{"version":"0.1.0","protocols":[1],"host":"x","bootId":""}}'


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


# The machine's own files, in this mount namespace only.
run("mount", "-t", "tmpfs", "none", "/run")
for made in ("/run/netns", "/run/sshd"):
    os.makedirs(made)
home = folder / "home"
(home / ".ssh").mkdir(parents=True, mode=0o700)
home.chmod(0o700)
(folder / "empty").mkdir()
passwd = [
    line
    for line in pathlib.Path("/etc/passwd").read_text().splitlines()
    if not line.startswith(("root:", "sshd:"))
]
passwd += [f"root:x:0:0:root:{home}:/bin/sh", f"sshd:x:65534:65534::{folder / 'empty'}:/usr/sbin/nologin"]
(folder / "passwd").write_text("\n".join(passwd) + "\n")
(folder / "shadow").write_text("root:*:20000::::::\nsshd:!:20000::::::\n")
for name in ("passwd", "shadow"):
    run("mount", "--bind", str(folder / name), f"/etc/{name}")


def keygen(path):
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path))
    return path.with_suffix(".pub").read_text().strip()


user_key = keygen(home / ".ssh" / "id_ed25519")
(folder / "authorized_keys").write_text(user_key + "\n")
(folder / "nobody_keys").write_text("")

# The network: a bridge in our own namespace, and one host behind web1.
run("ip", "link", "set", "lo", "up")
run("ip", "link", "add", "net0", "type", "bridge")
run("ip", "addr", "add", "10.8.0.254/24", "dev", "net0")
run("ip", "link", "set", "net0", "up")


def make_host(name, address):
    run("ip", "netns", "add", name)
    run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
    run("ip", "link", "set", name, "master", "net0", "up")
    for command in (
        ("link", "set", "lo", "up"),
        ("addr", "add", f"{address}/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
    ):
        run("ip", "-n", name, *command)


known_hosts = []
config = []
library_path = ":".join(str(each) for each in sorted((sshd_root / "usr/lib").glob("*-linux-gnu*")))


def start_sshd(name, address, agent, settings=()):
    """An sshd in the namespace `name`, whose sessions find the programs of a folder of their own."""
    own = folder / name
    own.mkdir()
    key = keygen(own / "host_key")
    if agent is not None:
        script(own / "bin" / "sockscope", agent)
    lines = [
        f"ListenAddress {address}",
        f"HostKey {own / 'host_key'}",
        f"PidFile {own / 'pid'}",
        "PermitRootLogin yes",
        "StrictModes no",
        *settings,
        f"AuthorizedKeysFile {folder / 'authorized_keys'}",
        f"SetEnv PATH={own / 'bin'}:/usr/bin:/bin",
    ]
    (own / "sshd_config").write_text("\n".join(lines) + "\n")
    with open(own / "log", "w") as log:
        subprocess.Popen(
            ["ip", "netns", "exec", name, sshd_root / "usr/sbin/sshd", "-D", "-e", "-f", own / "sshd_config"],
            env={**os.environ, "LD_LIBRARY_PATH": library_path},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    return key


real = f'exec {executable} "$@"'
escapes = f"""
printf '\\033]0;owned\\007\\033[2J' >&2
echo '{HELLO}'
read -r question
printf '%s\\n' '{{"begin":{{"wallMs":1,"bootMs":1,"addresses":["\\u001b[2J"]}}}}'
printf '%s\\n' '{{"note":"\\u001b[2Jcleared\\n"}}'
printf '%s\\n' '{{"rows":[{{"cells":["LISTEN\\u001b[31m","0","0","evil\\nweb1","1","*","\\u202e2"]}}]}}'
printf '%s\\n' '{{"end":{{"status":0}}}}'
"""
garbage = f"echo '{HELLO}'; read -r question; head -c 100000 /dev/urandom; printf '\\n'; exec sleep 60"
older = """echo '{"hello":{"version":"0.0.9","protocols":[0],"host":"older1","bootId":""}}'; exec sleep 60"""

hosts = {
    **{f"web{n}": (real, ()) for n in range(1, 6)},
    **{f"slow{n}": (f"sleep {n * 0.5}\n{real}", ()) for n in (1, 2)},
    "older1": (older, ()),
    "escapes1": (escapes, (f"Banner {folder / 'banner'}",)),
    "garbage1": (garbage, ()),
    "absent1": (None, ()),
    "strange1": (real, ()),
    "changed1": (real, ()),
    "denied1": (real, (f"AuthorizedKeysFile {folder / 'nobody_keys'}",)),
}
(folder / "banner").write_text("\x1b[2J\x1b]0;banner\x07\n")
waits = []
for number, (name, (agent, settings)) in enumerate(hosts.items(), 1):
    address = f"10.8.0.{number}"
    make_host(name, address)
    key = start_sshd(name, address, agent, settings)
    config.append(f"Host {name}\n  HostName {address}")
    waits.append(address)
    if name == "changed1":
        key = user_key
    if name != "strange1":
        known_hosts.append(f"{address} {key}")

# A host that only web1 reaches: the jump host of the user's configuration.
run("ip", "netns", "add", "inner1")
run("ip", "-n", "web1", "link", "add", "in0", "type", "veth", "peer", "name", "eth0", "netns", "inner1")
for name, device, address in (("web1", "in0", "10.8.1.1/24"), ("inner1", "eth0", "10.8.1.2/24")):
    run("ip", "-n", name, "addr", "add", address, "dev", device)
    run("ip", "-n", name, "link", "set", device, "up")
known_hosts.append(f"10.8.1.2 {start_sshd('inner1', '10.8.1.2', real)}")
config.append("Host inner1\n  HostName 10.8.1.2\n  ProxyJump web1")

# Hosts where nothing listens, whose packets vanish, and that no host answers for.
for number, name in ((101, "refused1"), (102, "refused2")):
    make_host(name, f"10.8.0.{number}")
    config.append(f"Host {name}\n  HostName 10.8.0.{number}")
for number, name in ((201, "hole1"), (202, "hole2")):
    run("ip", "neigh", "replace", f"10.8.0.{number}", "lladdr", NOBODYS, "dev", "net0", "nud", "permanent")
    config.append(f"Host {name}\n  HostName 10.8.0.{number}")
run("ip", "route", "add", "unreachable", "10.8.9.0/24")
config.append("Host noroute1\n  HostName 10.8.9.1")

# The user has settings that sockscope must not fall for.
config.append("Host *\n  StrictHostKeyChecking accept-new\n  PermitLocalCommand yes\n  LocalCommand touch " f"{folder}/local")
ssh = home / ".ssh"
(ssh / "config").write_text("\n".join(config) + "\n")
(ssh / "known_hosts").write_text("\n".join(known_hosts) + "\n")

deadline = time.monotonic() + 20
for address in waits:
    while True:
        try:
            socket.create_connection((address, 22), 1).close()
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
print("ready", flush=True)
sys.stdin.read()
