"""A mail filter that does what the message's subject, or the recipient's name, asks for."""

import socketserver
import struct
import sys

OPTIONS, MACRO, CONNECT, HELO, MAIL, RCPT, DATA = b"O", b"D", b"C", b"H", b"M", b"R", b"T"
HEADER, END_OF_HEADERS, BODY, END, ABORT, QUIT = b"L", b"N", b"B", b"E", b"A", b"Q"
CONTINUE = b"c"
QUARANTINE_ALLOWED = 0x20
ANSWERS = {
    "milter-reject": [b"r"],
    "milter-later": [b"t"],
    "milter-reply": [b"y554 5.7.9 Not this; from=<x@example.org> to=<y@example.org>\0"],
    "milter-discard": [b"d"],
    "milter-hold": [b"qlooked at by hand\0", b"c"],
}


class Milter(socketserver.StreamRequestHandler):
    def say(self, packet):
        self.wfile.write(struct.pack("!I", len(packet)) + packet)

    def handle(self):
        subject = ""
        while True:
            head = self.rfile.read(4)
            if len(head) < 4:
                return
            packet = self.rfile.read(struct.unpack("!I", head)[0])
            command, rest = packet[:1], packet[1:]
            if command == OPTIONS:
                self.say(OPTIONS + struct.pack("!III", 6, QUARANTINE_ALLOWED, 0))
            elif command == QUIT:
                return
            elif command in (MACRO, ABORT):
                subject = "" if command == ABORT else subject
            elif command == HEADER:
                name, value = rest.split(b"\0")[:2]
                if name.lower() == b"subject":
                    subject = value.decode("latin-1").strip()
                self.say(CONTINUE)
            elif command == RCPT:
                self.say(b"r" if rest.startswith(b"<unwanted") else CONTINUE)
            elif command == END:
                for answer in ANSWERS.get(subject, [CONTINUE]):
                    self.say(answer)
                subject = ""
            else:
                self.say(CONTINUE)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    sys.exit(Server(("127.0.0.1", 10050), Milter).serve_forever())
