"""What must come out of the scene's logs: tools/sample/expect.py joins the driver's notes with
them; this says which logs there are, and reads the styles that are not rsyslog's."""

import datetime
import gzip
import json
import os
import re
import shutil
import sys
import zoneinfo

DOMAINS = "lab.example.org own.example.org mx3.example.org mx4.example.org"
ZONE = zoneinfo.ZoneInfo("Europe/Berlin")
OWN = re.compile(r"(\w{3} \d\d \d\d:\d\d:\d\d) (.*)")


def own_lines(folder):
    """The lines of maillog_file and of Dovecot's log_path, as rsyslog would have written them."""
    for name in sorted(os.listdir(folder), key=lambda n: (n.startswith("dovecot"), n[-2:] != ".1",
                                                          not n.endswith(".gz"))):
        opener = gzip.open if name.endswith(".gz") else open
        with opener(os.path.join(folder, name), "rt", encoding="utf-8") as lines:
            for line in lines:
                stamp, rest = OWN.match(line.rstrip("\n")).groups()
                year = datetime.datetime.now(ZONE).year
                at = datetime.datetime.strptime("%d %s" % (year, stamp), "%Y %b %d %H:%M:%S")
                if name.startswith("dovecot"):
                    rest = "mx4 dovecot: " + re.sub(r"^([^:]*(?:<[^>]*>)*[^:]*: )(?:Info|Warning|"
                                                    r"Error): ", r"\1", rest)
                yield at.replace(tzinfo=ZONE).isoformat() + " " + rest


class Cyrus:
    """Logins and ends of Cyrus 3.6; one process serves one session after another."""

    LINE = re.compile(r"(\S+) mx5 cyrus/(imap|pop3)s?\[(\d+)\]: (.*)")
    LOGIN = re.compile(r"login: (?:\S+ )?\[(.*?)\] (.*) (\S+) User logged in SESSIONID=<(.*)>$")

    def __init__(self, lines):
        self.logins, self.ends, latest = [], {}, {}
        for line in lines:
            found = self.LINE.match(line)
            if not found:
                continue
            when = datetime.datetime.fromisoformat(found[1])
            at = (round(when.timestamp() * 1e6), int(when.utcoffset().total_seconds()) // 60)
            login = self.LOGIN.match(found[4])
            if login:
                latest[found[3]] = login[4]
                self.logins.append(dict(at=at, host="mx5", protocol=found[2], key=login[4],
                                        recipient=login[2], ip=login[1], tls="+TLS" in login[3]))
            elif found[4].startswith("USAGE "):
                self.ends[latest[found[3]]] = at


def main(here, work, out):
    sys.path.insert(0, here)
    import expect

    with open(work + "/truth.json", encoding="utf-8") as text:
        truth = json.load(text)
    noted = [t for t in truth if t["host"] == "mx3"]
    names = ("mail.log.1", "mail.log")
    rows = expect.all_rows(expect.Log(expect.read_lines(work + "/log/rfc3339", names)), noted)
    for style in ("rfc3339", "traditional"):
        os.makedirs(out + "/" + style)
        for name in names:
            shutil.copy2("%s/log/%s/%s" % (work, style, name), "%s/%s" % (out, style))
    expect.write(out + "/rfc3339", rows, DOMAINS)
    expect.write(out + "/traditional", expect.without_fractions(rows), DOMAINS)

    # One host, two loggers, each with its own files.
    for part, whats in (("maillog-file", ("mail", "reject")), ("dovecot-file", ("session",))):
        shutil.copytree(work + "/log/" + part, "%s/%s" % (out, part))
        own = expect.Log(own_lines(out + "/" + part))
        rows = expect.all_rows(
            own, [t for t in truth if t["host"] == "mx4" and t["what"] in whats])
        for row in rows:
            row["host"] = "-" if part == "dovecot-file" else row["host"]
        expect.write(out + "/" + part, expect.without_fractions(rows), DOMAINS)


    os.makedirs(out + "/cyrus")
    shutil.copy2(work + "/log/cyrus/mail.log", out + "/cyrus")
    logged = Cyrus(expect.read_lines(out + "/cyrus", ("mail.log",)))
    rows = expect.session_rows(logged, [t for t in truth if t["host"] == "mx5"])
    expect.write(out + "/cyrus", sorted(rows, key=lambda r: r["time"]), DOMAINS)

if __name__ == "__main__":
    main(*sys.argv[1:4])
