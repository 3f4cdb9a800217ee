"""Two Postfix instances of their own, on loopback, and a sink for mail that goes the usual way."""
import os
import re
import shutil
import smtplib
import socket
import subprocess
import threading
import time

SENDER = 2601
PUBLIC = 2602
NAIVE = 2603
RECEIVER = 2526
CLEARNET = 2699
FALLBACK = 2698

SERVICES = """
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
"""

MAIN = """
compatibility_level = 3.6
queue_directory = {home}/spool
data_directory = {home}/data
daemon_directory = {libexec}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {home}/mail.log
maillog_file_prefixes = {home}
myhostname = {name}.example
mydomain = example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.1/32
alias_maps =
alias_database =
biff = no
smtputf8_enable = no
append_dot_mydomain = no
default_database_type = hash
notify_classes =
smtp_tls_loglevel = 1
"""


class Host:
    """One instance of Postfix."""

    def __init__(self, folder, name, main, master):
        self.name = name
        self.home = os.path.join(folder, name)
        libexec = os.path.join(folder, "libexec")
        for part in ("spool", "data", "mail"):
            os.makedirs(os.path.join(self.home, part))
        shutil.chown(self.home + "/data", "postfix")
        shutil.chown(self.home + "/mail", "nobody")
        if not os.path.exists(libexec):
            os.mkdir(libexec)
            for file in os.listdir("/usr/lib/postfix/sbin"):
                os.symlink("/usr/lib/postfix/sbin/" + file, os.path.join(libexec, file))
        self.write("main.cf", MAIN.format(home=self.home, libexec=libexec, name=name) + main)
        self.write("master.cf", SERVICES + master)

    def write(self, name, text):
        with open(os.path.join(self.home, name), "w", encoding="utf-8") as file:
            file.write(text)

    def command(self, *args):
        return subprocess.run(args, check=False, capture_output=True, text=True)

    def start(self):
        done = self.command("postfix", "-c", self.home, "start")
        if done.returncode != 0:
            raise RuntimeError(done.stderr)

    def stop(self):
        self.command("postfix", "-c", self.home, "stop")

    def flush(self):
        self.command("postqueue", "-c", self.home, "-f")

    def log(self):
        with open(self.home + "/mail.log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait(self, pattern, seconds=60):
        """The first match of a pattern in the log; None if none comes in time."""
        end = time.time() + seconds
        while time.time() < end:
            found = re.search(pattern, self.log())
            if found:
                return found
            time.sleep(0.1)
        return None

    def mailbox(self):
        """All that was delivered here."""
        text = ""
        for folder, _, files in os.walk(self.home + "/mail"):
            for name in files:
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    text += file.read()
        return text


class Sink:
    """A mail server that takes everything and only remembers whom it was for."""

    def __init__(self, port):
        self.recipients = []
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            self.connections += 1
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, client.makefile("rwb") as file:
            self.say(file, b"220 sink")
            is_data = False
            for line in file:
                if is_data:
                    is_data = line != b".\r\n"
                    if not is_data:
                        self.say(file, b"250 taken")
                    continue
                word = line[:4].upper()
                if word == b"RCPT":
                    self.recipients.append(line.decode().strip())
                is_data = word == b"DATA"
                self.say(file, b"354 go on" if is_data else b"250 yes")
                if word == b"QUIT":
                    return

    def say(self, file, line):
        file.write(line + b"\r\n")
        file.flush()

    def took(self, domain):
        return any(domain in recipient for recipient in self.recipients)


def send(recipient, port=SENDER, size=0, tag="x"):
    """Gives a mail to the sender's host; the code of the reply to RCPT, or of the mail's end."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example", timeout=60) as smtp:
        smtp.ehlo()
        smtp.mail("writer@sender.example")
        code, _ = smtp.rcpt(recipient)
        if code != 250:
            return code
        body = "\r\n".join(["y" * 76] * (size // 78))
        code, _ = smtp.data(f"From: writer@sender.example\r\nTo: {recipient}\r\n"
                            f"Message-ID: <{tag}@sender.example>\r\nX-Mailer: secret\r\n"
                            f"Subject: {tag}\r\n\r\n{tag}-body\r\n{body}\r\n")
        return code
