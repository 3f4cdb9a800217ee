"""Clients of the scenario, down to the line: SMTP, IMAP, POP3, ManageSieve; and commands that
run on one of the two hosts."""

import base64
import socket
import ssl
import subprocess

ADDRESS = {("mx1", 4): "203.0.113.1", ("mx1", 6): "2001:db8::1",
           ("mx2", 4): "203.0.113.2", ("mx2", 6): "2001:db8::2"}


class Wire:
    """One connection from a chosen address: lines out, replies in."""

    def __init__(self, host, port, ip, tls=False):
        family = 6 if ":" in ip else 4
        self.ip = ip
        self.sock = socket.create_connection((ADDRESS[host, family], port), 30, (ip, 0))
        self.port = self.sock.getsockname()[1]
        if tls:
            self.encrypt()
        else:
            self.file = self.sock.makefile("rb")

    def encrypt(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock)
        self.file = self.sock.makefile("rb")

    def send(self, text):
        self.sock.sendall(text.encode() + b"\r\n")

    def line(self):
        return self.file.readline().decode("utf-8", "replace").rstrip("\r\n")

    def until(self, *starts):
        while True:
            text = self.line()
            if not text or text.startswith(starts):
                return text

    def close(self):
        self.file.close()
        self.sock.close()


class Smtp(Wire):
    def __init__(self, host, port, ip, helo, tls=False):
        super().__init__(host, port, ip)
        self.greeting = self.reply()
        self.helo = helo
        self.hello = self.say("EHLO " + helo)
        if tls:
            self.say("STARTTLS")
            self.encrypt()
            self.say("EHLO " + helo)

    def reply(self):
        while True:
            text = self.line()
            if text[3:4] != "-":
                return text

    def say(self, text):
        self.send(text)
        return self.reply()

    def login(self, user, password):
        token = base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode()
        return self.say("AUTH PLAIN " + token)

    def message(self, sender, recipients, text, options=""):
        """One transaction; returns the replies to each RCPT and to the end of the data."""
        replies = [self.say("MAIL FROM:<%s>%s" % (sender, options))]
        if not replies[0].startswith("250"):
            return replies
        replies += [self.say("RCPT TO:<%s>" % r) for r in recipients]
        if any(r.startswith("250") for r in replies[1:]):
            self.say("DATA")
            self.sock.sendall(text.encode())
            replies.append(self.say("."))
        else:
            self.say("RSET")
        return replies

    def quit(self):
        self.say("QUIT")
        self.close()


class Hosts:
    """Runs commands inside the namespaces of mx1 and mx2."""

    def __init__(self, work):
        self.pids = {h: open("%s/%s.pid" % (work, h)).read().strip() for h in ("mx1", "mx2")}

    def run(self, host, *command, uid=0, text=""):
        enter = ["nsenter", "-t", self.pids[host], "-m", "-u", "-p", "-r", "-w", "--",
                 "env", "-i", "PATH=/usr/sbin:/usr/bin", "TZ=Europe/Berlin"]
        become = ["setpriv", "--reuid=%d" % uid, "--regid=%d" % uid, "--clear-groups"]
        return subprocess.run(enter + become + list(command), input=text, text=True,
                              capture_output=True, check=True).stdout
