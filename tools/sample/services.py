"""What the rest of the Internet is in this scenario: a DNS server, mail servers that accept,
refuse or put off mail as the recipient's local part asks, and two content filters."""

import re
import selectors
import socket
import socketserver
import struct
import sys
import threading
import time

MX = {
    "example.org": "mx1.example.org",
    "kontor.example.org": "mx2.example.org",
    "lab.example.org": "mx3.example.org",
    "own.example.org": "mx4.example.org",
    "example.net": "mx.example.net",
    "example.com": "mail.example.com",
    "v6.example.com": "mx6.example.com",
    "down.example.net": "down.example.net",
    "away.example.net": "away.example.net",
}
A = {
    "mx1.example.org": "203.0.113.1",
    "mx2.example.org": "203.0.113.2",
    "mx3.example.org": "203.0.113.3",
    "mx4.example.org": "203.0.113.4",
    "mx.example.net": "198.51.100.25",
    "mail.example.com": "203.0.113.25",
    "down.example.net": "198.51.100.99",
    "away.example.net": "198.51.100.77",
    "news.example.com": "192.0.2.30",
    "relay.example.com": "192.0.2.31",
    "a-very-long-name-of-a-machine.dialup.pool-17.example.net": "192.0.2.44",
}
# A list of unwanted clients: 192.0.2.67 is on it.
A["67.2.0.192.bl.example.net"] = "127.0.0.2"
AAAA = {"mx6.example.com": "2001:db8:25::25"}
# A name that does not resolve back: Postfix warns and calls the client unknown.
PTR = {"192.0.2.39": "liar.example.com"}


def _reverse(address):
    if ":" in address:
        nibbles = socket.inet_pton(socket.AF_INET6, address).hex()
        return ".".join(reversed(nibbles)) + ".ip6.arpa"
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"


POINTERS = {_reverse(a): n for n, a in {**A, **AAAA}.items()}
POINTERS.update({_reverse(a): n for a, n in PTR.items()})


def _name(text):
    return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".")) + b"\0"


def _answer(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
        at += query[at] + 1
    kind = struct.unpack("!H", query[at + 1 : at + 3])[0]
    name = ".".join(labels).lower()
    data = None
    if kind == 1 and name in A:
        data = socket.inet_aton(A[name])
    elif kind == 28 and name in AAAA:
        data = socket.inet_pton(socket.AF_INET6, AAAA[name])
    elif kind == 15 and name in MX:
        data = struct.pack("!H", 10) + _name(MX[name])
    elif kind == 12 and name in POINTERS:
        data = _name(POINTERS[name])
    known = name in A or name in AAAA or name in MX or name in POINTERS
    code = 0 if known else 3
    head = query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, 1 if data else 0, 0, 0)
    answer = head + query[12 : at + 5]
    if data:
        answer += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
    return answer


def serve_dns():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    while True:
        query, peer = server.recvfrom(1500)
        server.sendto(_answer(query), peer)


class Sink(socketserver.StreamRequestHandler):
    """A mail server elsewhere. `busyN…@` is put off N times, `full…@` always, `gone…@` refused,
    `slam…@` loses the connection, `late…@` is refused after the data."""

    tries = {}
    serial = 0x4A1F0000

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def recipient(self, address):
        local = address.split("@")[0]
        busy = re.match(r"busy(\d)", local)
        if busy:
            n = Sink.tries[address] = Sink.tries.get(address, 0) + 1
            if n <= int(busy[1]):
                return "451 4.7.1 Greylisted, please try again in some seconds"
        if local.startswith("full"):
            return "452 4.2.2 <%s>: Mailbox full" % address
        if local.startswith("gone"):
            return "550 5.1.1 <%s>: Recipient address rejected: User unknown" % address
        return "250 2.1.5 Ok"

    def handle(self):
        name = self.server.greeting
        self.say("220 %s ESMTP" % name)
        recipients = []
        while True:
            line = self.rfile.readline()
            if not line:
                return
            text = line.decode("latin-1").strip()
            verb = text.split(" ")[0].upper()
            if verb in ("EHLO", "HELO"):
                self.say("250-" + name)
                self.say("250-8BITMIME")
                self.say("250 ENHANCEDSTATUSCODES")
            elif verb == "RCPT":
                address = text[text.index("<") + 1 : text.rindex(">")]
                if address.startswith("slam"):
                    return
                reply = self.recipient(address)
                if reply.startswith("250"):
                    recipients.append(address)
                self.say(reply)
            elif verb == "DATA":
                self.data(recipients)
                recipients = []
            elif verb == "QUIT":
                self.say("221 2.0.0 Bye")
                return
            else:
                self.say("250 2.0.0 Ok")

    def data(self, recipients):
        if not recipients:
            self.say("554 5.5.1 No valid recipients")
            return
        self.say("354 Go ahead")
        while self.rfile.readline() not in (b".\r\n", b""):
            pass
        Sink.serial += 0x1B3
        if any(r.startswith("late") for r in recipients):
            self.say("554 5.7.1 Message refused (policy) status=sent (250 2.0.0 ok)")
        elif self.server.greeting == "mail.example.com":
            self.say("250 OK id=1tF%06x-%04x-Gh" % (Sink.serial & 0xFFFFFF, Sink.serial % 9973))
        else:
            self.say("250 2.0.0 Ok: queued as %X" % Sink.serial)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A peer that hangs up is part of the scenario."""


class Server6(Server):
    address_family = socket.AF_INET6


class Filter(socketserver.BaseRequestHandler):
    """A content filter: hands every byte on to the SMTP server that takes mail back."""

    def handle(self):
        back = socket.create_connection(("127.0.0.1", self.server.back_port))
        pairs = {self.request: back, back: self.request}
        watch = selectors.DefaultSelector()
        for end in pairs:
            watch.register(end, selectors.EVENT_READ)
        while True:
            for key, _ in watch.select():
                data = key.fileobj.recv(65536)
                if not data:
                    for end in pairs:
                        end.close()
                    return
                if key.fileobj is back:
                    data = self.server.rewrite(data)
                pairs[key.fileobj].sendall(data)


def _as_amavis(data):
    # amavisd-new hands the inner reply back inside its own.
    return re.sub(rb"(?m)^250 2\.0\.0 Ok: queued as",
                  b"250 2.0.0 from MTA(smtp:[127.0.0.1]:10026): 250 2.0.0 Ok: queued as", data)


def start(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    for kind, address, name in ((Server, "198.51.100.25", "mx.example.net"),
                                (Server, "203.0.113.25", "mail.example.com"),
                                (Server6, "2001:db8:25::25", "mx6.example.com")):
        server = kind((address, 25), Sink)
        server.greeting = name
        start(server)
    for port, back, rewrite in ((10024, 10026, _as_amavis), (10025, 10026, bytes),
                                (10035, 10036, bytes)):
        server = Server(("127.0.0.1", port), Filter)
        server.back_port, server.rewrite = back, rewrite
        start(server)
    threading.Thread(target=serve_dns, daemon=True).start()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    sys.exit(main())
