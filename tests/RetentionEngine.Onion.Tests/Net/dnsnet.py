"""A signed root and "test", and a resolver on the way to it that is hostile to some names."""
import os
import socket
import struct
import subprocess
import threading
import time

NAMED = 15353
HOSTILE = 15354
VALIDATOR = 15453
FORWARDER = 15454
SOA = "@ 300 IN SOA ns.test. h.test. 1 3600 600 86400 60\n@ 300 IN NS ns.test.\n"


class DnsNet:
    def __init__(self, folder):
        self.folder = folder
        self.processes = []

    def sign(self, zone, name):
        keys = os.path.join(self.folder, "keys")
        os.makedirs(keys, exist_ok=True)
        for flag in (["-f", "KSK"], []):
            subprocess.run(["dnssec-keygen", "-q", "-K", keys, "-a", "ECDSAP256SHA256", *flag, zone],
                           check=True, capture_output=True)
        subprocess.run(["dnssec-signzone", "-K", "keys", "-o", zone, "-S", "-d", "keys",
                        "-f", name + ".signed", name],
                       check=True, capture_output=True, cwd=self.folder)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.write(text)

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="ascii") as file:
            return file.read()

    def start(self, announced, unsigned):
        """announced: name under test. to onion; unsigned: zones of their own, onion or None."""
        zone = SOA + "ns 300 IN A 127.0.0.1\nnone 300 IN A 127.0.0.1\n"
        for name, onion in announced.items():
            zone += f"_onion-mx._tcp.{name} 300 IN SRV 0 5 25 {onion}.\n"
        zones = {".": "root.signed", "test": "test.signed"}
        for name, onion in unsigned.items():
            zone += f"{name} 300 IN NS ns.test.\n"
            self.write(name, SOA + (f"_onion-mx._tcp 300 IN SRV 0 5 25 {onion}.\n" if onion else ""))
            zones[name + ".test"] = name
        self.write("test", zone)
        self.sign("test.", "test")
        self.write("root", SOA + "test. 300 IN NS ns.test.\nns.test. 300 IN A 127.0.0.1\n"
                   + self.read("keys/dsset-test."))
        self.sign(".", "root")
        self.write("anchor.ds", self.read("keys/dsset-."))
        self.write("named.conf", f"""
options {{ directory "{self.folder}"; pid-file none; session-keyfile "{self.folder}/session.key";
  listen-on port {NAMED} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no;
  dnssec-validation no; managed-keys-directory "{self.folder}"; }};
controls {{ }};
""" + "".join(f'zone "{z}" {{ type primary; file "{f}"; }};\n' for z, f in zones.items()))
        self.spawn(["named", "-g", "-c", self.folder + "/named.conf"])
        threading.Thread(target=self.serve_hostile, daemon=True).start()

    def start_validator(self, shipped):
        """shipped: the product's unbound.conf, with the ports of this network put in."""
        text = (shipped.replace("@5353", f"@{VALIDATOR}").replace("@5354", f"@{FORWARDER}")
                .replace("/usr/share/dns/root.ds", self.folder + "/anchor.ds"))
        text = text.replace("server:\n", f"""server:
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{self.folder}"
  pidfile: ""
  use-syslog: no
  logfile: "{self.folder}/unbound.log"
  val-log-level: 2
  local-zone: "test." nodefault
remote-control:
  control-enable: no
server:
""", 1)
        self.write("unbound.conf", text)
        self.spawn(["unbound", "-d", "-c", self.folder + "/unbound.conf"])

    def spawn(self, command):
        with open(os.path.join(self.folder, command[0] + ".out"), "wb") as out:
            self.processes.append(subprocess.Popen(command, stdout=out, stderr=out))

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def serve_hostile(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", HOSTILE))
        listener.listen(64)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=self.answer, args=(client,), daemon=True).start()

    def answer(self, client):
        try:
            with client:
                while True:
                    query = frame(client)
                    reply = self.treat(query)
                    client.sendall(struct.pack(">H", len(reply)) + reply)
        except (OSError, EOFError):
            pass

    def treat(self, query):
        name = query[12:-4].lower()
        if b"_onion-mx" in name and b"strip" in name:
            return forge(query)
        if b"stall" in name:
            time.sleep(3600)
        if b"slow" in name:
            time.sleep(4)
        with socket.create_connection(("127.0.0.1", NAMED)) as upstream:
            upstream.sendall(struct.pack(">H", len(query)) + query)
            reply = frame(upstream)
        if b"_onion-mx" in name and b"tamper" in name:
            # Another letter in the onion's name; the signature stays.
            at = reply.rfind(b"\x05onion\0") - 1
            if at > 0:
                reply = reply[:at] + bytes([reply[at] ^ 1]) + reply[at + 1:]
        return reply


def forge(query):
    """An unsigned announcement of an onion that is not the domain's."""
    end = query.index(b"\0", 12) + 5
    name = b"evil" * 14
    data = struct.pack(">HHH", 0, 5, 25) + b"\x38" + name + b"\x05onion\0"
    return (query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:end] + b"\xc0\x0c"
            + struct.pack(">HHIH", 33, 1, 300, len(data)) + data)


def frame(stream):
    return exactly(stream, struct.unpack(">H", exactly(stream, 2))[0])


def exactly(stream, count):
    data = b""
    while len(data) < count:
        part = stream.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data
