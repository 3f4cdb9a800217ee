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

DOMAINS = ("lab.example.org own.example.org mx3.example.org mx4.example.org "
           "mx6.example.org")
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


class CourierMta:
    """Mails and refusals of Courier's own server, by its ids."""

    NEW = re.compile(r"newmsg,id=(\S+?)(?:, auth=(\S+))?: dns; .*\[([^\[]+)\]\)$")
    STARTED = re.compile(r"started,id=(.*?),from=<(.*?)>,module=(\w+),host=(.*?),addr=<(.*)>$")
    RESULT = re.compile(r"id=(.*?),from=<.*?>,addr=<(.*?)>(?:,size=(\d+))?,"
                        r"(success|status): (.*)$")
    ERROR = re.compile(r"error,relay=(.*?),port=\d+,from=<(.*?)>,to=<(.*?)>: (\d{3}) ")
    WORDS = {"success": "sent", "failure": "bounced", "deferred": "deferred"}

    def __init__(self, lines):
        self.mails, self.rejects = {}, []
        for line in lines:
            stamp, _, tag, text = line.split(" ", 3)
            when = datetime.datetime.fromisoformat(stamp)
            at = (round(when.timestamp() * 1e6), int(when.utcoffset().total_seconds()) // 60)
            self.read(at, tag.rstrip(":").partition("[")[0], text)

    def read(self, at, program, text):
        new, started = self.NEW.match(text), self.STARTED.match(text)
        result, error = self.RESULT.match(text), self.ERROR.match(text)
        if new:
            self.mails[new[1]] = dict(time=at, sasl=new[2], ip=new[3].removeprefix("::ffff:"),
                                      sender=None, size=None, tries={})
        elif started and started[3] != "dsn":
            self.mails[started[1]]["sender"] = started[2]
        elif started and not started[4]:
            for tries in self.mails[started[1]]["tries"].values():
                if tries[-1][1] == "deferred":
                    tries.append((at, "expired", None))
        elif result:
            mail = self.mails[result[1]]
            tries = mail["tries"].setdefault(result[2], [])
            mail["size"] = result[3] or mail["size"]
            if not tries or tries[-1][1] != "sent":
                relay = re.match("delivered: (.*)", result[5])
                word = "sent" if result[4] == "success" else self.WORDS[result[5]]
                tries.append((at, word, relay and relay[1]))
        elif error:
            self.rejects.append(dict(at=at, time=at, ip=error[1].removeprefix("::ffff:"),
                                     sender=error[2], recipient=error[3], reply=error[4],
                                     host="mx6", kind="rejected", status="rejected",
                                     flags=set()))

    def rows(self, truth, expect):
        found = [dict(mail, host="mx6", queue_id=key, recipient=to, final=tries[-1][0],
                      status=tries[-1][1], attempts=sum(t[1] != "expired" for t in tries),
                      relay=[t[2] for t in tries if t[1] != "expired"][-1], flags=set())
                 for key, mail in self.mails.items() for to, tries in mail["tries"].items()]
        for want in truth:
            names = ("ip", "sender", "recipient")
            names += ("reply",) if want["what"] == "reject" else ("status", "sasl")
            pool = self.rejects if want["what"] == "reject" else found
            have = expect.take(pool, lambda r: all(r[k] == want[k] for k in names), want)
            retries = have.get("attempts") and have["attempts"] - 1
            yield dict(have, kind=want.get("kind", "rejected"), retries_count=retries)
        if found or self.rejects:
            raise expect.Mistake("in the log, but not driven: %r" % (found + self.rejects,))


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

    os.makedirs(out + "/courier")
    shutil.copy2(work + "/log/courier/mail.log", out + "/courier")
    logged = CourierMta(expect.read_lines(out + "/courier", ("mail.log",)))
    rows = logged.rows([t for t in truth if t["host"] == "mx6"], expect)
    expect.write(out + "/courier", sorted(rows, key=lambda r: r["time"]), DOMAINS)


if __name__ == "__main__":
    main(*sys.argv[1:4])
