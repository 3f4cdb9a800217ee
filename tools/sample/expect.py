"""Joins what was driven (truth.json) with what only the logs can tell (times, queue ids, sizes)
and writes expected.tsv. Fails if the logs hold a record that was not driven, lack one that was,
or disagree with the driver; and if a name of the machine slipped into a line.

A plain reader of its own, made for these files only; it shares no code with the product."""

import collections
import datetime
import fnmatch
import gzip
import json
import os
import re
import shutil
import sys

COLUMNS = ("kind time final offset final_offset status dsn reply attempts retries_count sender "
           "recipient orig_to sasl uid ip relay size message_id queue_id via host protocol "
           "flags").split()
# As loggen prints them: the head of the file and the order of the flags.
DOMAINS = "example.org kontor.example.org tickets.example.org mx1.example.org mx2.example.org"
HEAD = "# local-domains: %s\n# zone: Europe/Berlin\n# columns: " + "\t".join(COLUMNS) + "\n"
FLAGS = ("year_inferred zone_inferred in_flight notification forwarded filtered requeued "
         "local_submission tls").split()
POSTFIX = {"mx2": "mx2/postfix-kontor"}
ROTATED = ("mail.log.2", "mail.log.1", "mail.log")
LINE = re.compile(r"(\S+) (mx\d) ([^\s\[:]+)(?:\[(\d+)\])?: (.*)")
QUEUED = re.compile(r"(?=\w*\d)([0-9A-Za-z]{6,20}): (.*)")
STATUS = re.compile(r"to=<(.*?)>, (?:orig_to=<(.*?)>, )?relay=(\S+), (?:conn_use=\d+, )?delay=.*?"
                    r"dsn=(\S+), status=(\w+) \((.*)\)$")
CLIENT = re.compile(r"client=(\S*)\[([^\]]+)\](?::\d+)?(?:, sasl_method=[\w-]+, "
                    r"sasl_username=([^,]+))?(?:, orig_queue_id=(\w+))?"
                    r"(?:, orig_client=\S*\[([^\]]+)\](?::\d+)?)?$")
REJECT = re.compile(r"(?:milter-)?reject: ([\w-]+) from \S*?\[([^\]]+)\](?::\d+)?: (?:(\d{3}) )?"
                    r"(?:(\d\.\d\.\d+) )?.*?;(?: from=<(\S*?)>,?)?(?: to=<(\S*?)>,?)?"
                    r"(?: proto=\w+,?)?(?: helo=<.*?>)?$")


# What Dovecot's LMTP did with a mail in a session; the first that is said counts.
BOXED = re.compile(r"lmtp\(.*?\)<\d+><(.*?)>: (?:sieve: )?msgid=\S*: (.*)$")
# The same of its LDA, which is told by message-id and mailbox.
TAKEN = re.compile(r"lda\((.*?)\)<\d+><.*?>: (?:sieve: )?msgid=<?(\S*?)>?: (.*)$")
FATES = {"sent": "stored mail into|saved mail to", "redirected": "forwarded to",
         "rejected": "rejected message from", "discarded": r"\(discard action\)$"}


class Mistake(Exception):
    """The logs and the driver do not agree."""


class Hop:
    def __init__(self, host, queue_id):
        self.host, self.queue_id = host, queue_id
        self.first = self.began = None
        self.client = self.orig_client = self.sasl = self.uid = None
        self.message_id = self.sender = self.size = None
        self.recipients = collections.OrderedDict()
        self.parent = self.link = None
        self.expired = self.deleted = self.removed = None

    def root(self):
        hop = self
        while hop.parent and hop.link in ("filter", "forward", "requeue"):
            hop = hop.parent
        return hop


class Log:
    def __init__(self, lines):
        self.hops = {}
        self.rejects = []
        self.logins = []
        self.ends = {}
        self.handed_on = set()
        self.fates = collections.defaultdict(set)
        self.lines = list(lines)
        for line in self.lines:
            self.read(line)
        self.link()

    def about(self, key):
        """The lines that name a session, for the one who must find out what went wrong."""
        name = key if isinstance(key, str) else key[-1]
        return [line for line in self.lines if str(name) in line]

    def hop(self, host, queue_id, at):
        hop = self.hops.setdefault((host, queue_id), Hop(host, queue_id))
        hop.first = hop.first or at
        return hop

    def read(self, line):
        found = LINE.match(line)
        if not found:
            raise Mistake("no line of ours: " + line)
        when = datetime.datetime.fromisoformat(found[1])
        at = (round(when.timestamp() * 1e6), int(when.utcoffset().total_seconds()) // 60)
        host, program, text = found[2], found[3], found[5]
        if program.startswith("postfix"):
            # mx2's Postfix runs under an instance name, which is part of the key of its mails.
            instance = program.partition("/")[0]
            key = host if instance == "postfix" else host + "/" + instance
            self.postfix(at, key, program.rpartition("/")[2], text)
        elif program == "dovecot":
            self.dovecot(at, host, text)
        elif program in ("imapd", "pop3d"):
            self.courier(at, host, program, text)

    def postfix(self, at, host, program, text):
        if re.match("NOQUEUE: (milter-)?reject: ", text):
            self.reject(at, host, None, text[9:])
            return
        found = QUEUED.match(text)
        if not found:
            return
        queue_id, text = found[1], found[2]
        if program in ("smtpd", "cleanup") and re.match("(milter-)?reject: ", text):
            self.reject(at, host, queue_id, text)
            return
        hop = self.hop(host, queue_id, at)
        status = STATUS.match(text)
        if program == "smtpd" and text.startswith("client="):
            found = CLIENT.match(text)
            hop.began, hop.client, hop.sasl = at, found[2], found[3]
            hop.orig_client = found[5]
        elif program == "pickup":
            found = re.match(r"uid=(\d+) from=<.*?>(?: orig_id=(\w+))?", text)
            hop.began, hop.uid = at, int(found[1])
            if found[2]:
                hop.parent, hop.link = self.hops[host, found[2]], "requeue"
        elif program == "cleanup" and text.startswith("message-id="):
            hop.message_id = re.sub(r"^<(.*)>$", r"\1", text[11:])
        elif program == "qmgr" and text.endswith("status=expired, returned to sender"):
            hop.expired = at
        elif program == "qmgr" and text.startswith("from="):
            found = re.match(r"from=<(.*)>, size=(\d+), nrcpt=", text)
            hop.sender, hop.size = found[1], int(found[2])
        elif program == "bounce":
            found = re.match(r"sender (non-delivery|delay) notification: (\w+)", text)
            if found:
                child = self.hop(host, found[2], at)
                child.parent, child.link = hop, found[1]
        elif text == "removed":
            hop.removed = at
            hop.deleted = at if program == "postsuper" else None
        elif status:
            tries = hop.recipients.setdefault((status[1], status[2]), [])
            tries.append((at, status[3], status[4], status[5], status[6]))

    def reject(self, at, host, queue_id, text):
        row = dict(at=at, host=host, queue_id=queue_id)
        found = re.match(r"reject: header .* from \S*\[([^\]]+)\]; from=<(.*?)> to=<(.*?)> "
                         r"proto=\w+ helo=<[^>]*>: (\d\.\d\.\d+) ", text)
        if found:
            row.update(ip=found[1], sender=found[2], recipient=found[3], dsn=found[4], reply=None)
        else:
            found = REJECT.match(text)
            row.update(ip=found[2], reply=found[3], dsn=found[4], sender=found[5],
                       recipient=found[6])
        self.rejects.append(row)

    def dovecot(self, at, host, text):
        found = re.match(r"(\w+)-login: Login: user=<(.*?)>, method=[\w-]+, rip=([^,]+), .*?"
                         r"session=<(.*?)>$", text)
        if found:
            self.logins.append(dict(at=at, host=host, protocol=found[1], recipient=found[2],
                                    ip=found[3], tls=", TLS, " in text, key=found[4]))
        found = re.match(r"(?:imap|pop3|managesieve)\(.*?\)<\d+><(.*?)>: Disconnected: ", text)
        if found:
            self.ends[found[1]] = at

        found, taken = BOXED.match(text), TAKEN.match(text)
        if found or taken:
            key, done = (found[1], found[2]) if found else (taken.group(2, 1), taken[3])
            self.fates[key].update(w for w, end in FATES.items() if re.search(end, done))

    def courier(self, at, host, program, text):
        found = re.match(r"(LOGIN|LOGOUT|DISCONNECTED), user=(.*?), ip=\[(.*?)\], port=\[(\d+)\]",
                         text)
        if not found:
            return
        ip = found[3].removeprefix("::ffff:")
        key = (host, program, ip, found[4])
        if found[1] == "LOGIN":
            self.logins.append(dict(at=at, host=host, protocol=program[:4].removesuffix("d"),
                                    recipient=found[2], ip=ip, port=int(found[4]), tls=False,
                                    key=key))
        else:
            self.ends[key] = at

    def link(self):
        for (host, queue_id), hop in self.hops.items():
            for recipient, tries in hop.recipients.items():
                status, reason = tries[-1][3:]
                if status != "sent":
                    continue
                found = re.search(r"(forwarded|queued) as (\w+)\)?$", reason)
                child = found and self.hops.get((host, found[2]))
                if not child or child is hop:
                    continue
                if found[1] == "forwarded" or child.client == "127.0.0.1":
                    child.parent = hop
                    child.link = "forward" if found[1] == "forwarded" else "filter"
                    self.handed_on.add((host, queue_id, recipient))

    def mails(self):
        """One record for each recipient of each mail, as docs/RECORDS.md counts them."""
        requeued = {hop.parent for hop in self.hops.values() if hop.link == "requeue"}
        for (host, queue_id), hop in self.hops.items():
            if hop.sender is None:
                continue
            for recipient, tries in hop.recipients.items():
                if (host, queue_id, recipient) in self.handed_on:
                    continue
                if hop in requeued and tries[-1][3] == "deferred":
                    continue
                yield self.mail(hop, recipient, tries, hop.removed or hop in requeued)

    def mail(self, hop, recipient, tries, ended):
        to, orig_to = recipient
        root, via, flags, orig_client, at = hop.root(), [], set(), hop.orig_client, hop
        while at is not root:
            flags.add({"filter": "filtered", "forward": "forwarded",
                       "requeue": "requeued"}[at.link])
            orig_client = orig_client or at.parent.orig_client
            above = [r for r in at.parent.recipients if (hop.host, at.parent.queue_id, r)
                     in self.handed_on]
            for above_to, above_orig in above:
                if orig_to is None and at.link == "forward":
                    orig_to = above_orig or above_to
                elif orig_to is None and above_to == to:
                    orig_to = above_orig
            at = at.parent
            via.insert(0, at.queue_id)
        if root.link:
            via.insert(0, root.parent.queue_id)
            flags.add("notification")
        elif root.uid is not None:
            flags.add("local_submission")
        final, status = tries[-1][0], tries[-1][3]
        session = re.search(r"> (\S+) Saved\)?$", tries[-1][4])
        key = session[1] if session else (hop.message_id, to)
        fates = self.fates[key] if status == "sent" else ()
        if "sent" not in fates:
            status = next((word for word in FATES if word in fates), status)
        if status == "deferred" and hop.expired:
            final, status = hop.expired, "expired"
        elif status == "deferred" and hop.deleted:
            final, status = hop.deleted, "deleted"
        elif not ended:
            flags.add("in_flight")
        return dict(
            time=(root.began or root.first), final=final, status=status, dsn=tries[-1][2],
            attempts=len(tries), retries_count=min(15, len(tries) - 1), sender=hop.sender,
            recipient=to, orig_to=orig_to, sasl=root.sasl, uid=root.uid,
            ip=orig_client or root.client, relay=tries[-1][1], size=hop.size,
            message_id=hop.message_id or root.message_id, queue_id=hop.queue_id, via=via,
            host=hop.host, flags=flags, link=root.link, about=root.parent.message_id
            if root.link else None)


def agree(want, have, names, what):
    for name in names:
        if name in want and (want[name] or None) != (have[name] or None):
            raise Mistake("%s: %s is %r in the log, driven was %r\n%r\n%r"
                          % (what, name, have[name], want[name], want, have))


def take(pool, same, want):
    for n, have in enumerate(pool):
        if same(have):
            return pool.pop(n)
    raise Mistake("driven, but not in the log: %r" % (want,))


def mail_rows(log, truth):
    found = list(log.mails())
    for want in truth:
        want["host"] = POSTFIX.get(want["host"], want["host"])
        def same(have):
            origin = ((have["about"], have["link"]) == (want["about"], want["link"])
                      if "about" in want
                      else not have["link"] and fnmatch.fnmatchcase(have["message_id"],
                                                                    want["message_id"]))
            return (origin and have["host"] == want["host"]
                    and have["recipient"] == want["recipient"])
        have = take(found, same, want)
        flags = set(want.get("flags", ())) | ({"in_flight"} if want.get("open") else set())
        agree(dict(want, flags=flags, ip=want.get("ip"), sasl=want.get("sasl"),
                   uid=want.get("uid"), orig_to=want.get("orig_to", have["orig_to"]
                                                         if "about" in want else None)), have,
              ("status", "sender", "orig_to", "sasl", "ip", "attempts", "flags"), "mail")
        if want.get("uid") != have["uid"]:
            raise Mistake("uid: %r %r" % (want, have))
        yield dict(have, kind=want["kind"], flags=flags)
    if found:
        raise Mistake("in the log, but not driven: %r" % (found,))


def reject_rows(log, truth):
    found = list(log.rejects)
    for want in truth:
        want["host"] = POSTFIX.get(want["host"], want["host"])
        have = take(found, lambda r: all(
            r[k] == want[k] for k in ("host", "ip", "sender", "recipient", "reply", "dsn"))
            and bool(r["queue_id"]) == want.get("queued", False), want)
        yield dict(have, kind="rejected", time=have["at"], status="rejected", flags=set())
    if found:
        raise Mistake("refused, but not driven: %r" % (found,))


def session_rows(log, truth):
    found = list(log.logins)
    for want in truth:
        have = take(found, lambda r: all(
            r[k] == want[k] for k in ("host", "protocol", "recipient", "ip", "tls"))
            and r.get("port", want["port"]) == want["port"], want)
        final = log.ends.pop(have["key"], None)
        if (final is not None) != (want["status"] == "session"):
            raise Mistake("end of session: %r\n%s" % (want, "\n".join(log.about(have["key"]))))
        flags = {"tls"} if want["tls"] else set()
        if final is None:
            flags.add("in_flight")
        yield dict(have, kind="access", time=have["at"], final=final, status=want["status"],
                   flags=flags)
    if found or log.ends:
        raise Mistake("session not driven: %r %r" % (found, log.ends))


def cell(row, name):
    value = row.get(name)
    if name in ("offset", "final_offset"):
        value = row.get("time" if name == "offset" else "final")
        value = value and value[1]
    elif name in ("time", "final"):
        value = value and value[0]
    elif name == "via":
        value = " ".join(value) if value else None
    elif name == "flags":
        value = ",".join(f for f in FLAGS if f in value) or None
    if value is None:
        return "-"
    return '""' if value == "" else str(value)


def scrub(folder, words):
    """No name of this machine, no address but the documentation's."""
    address = re.compile(r"(?<![v\d.])(?!127\.0\.0\.1\b|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.)"
                         r"(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
    for name in ROTATED:
        for line in open(os.path.join(folder, name), encoding="utf-8"):
            if address.search(line) or any(word in line for word in words):
                raise Mistake("not for others' eyes: " + line)


def write(folder, rows, domains=DOMAINS):
    with open(folder + "/expected.tsv", "w", encoding="utf-8") as text:
        text.write(HEAD % domains)
        for row in rows:
            text.write("\t".join(cell(row, name) for name in COLUMNS) + "\n")


def read_lines(folder, names):
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as lines:
            for line in lines:
                yield line.rstrip("\n")


def all_rows(log, truth):
    def of(what):
        return [t for t in truth if t["what"] == what]

    rows = [*mail_rows(log, of("mail")), *reject_rows(log, of("reject")),
            *session_rows(log, of("session"))]
    return sorted(rows, key=lambda r: (r["time"], r["kind"], r.get("recipient") or ""))


def without_fractions(rows):
    """The traditional stamps show whole seconds, and neither year nor zone."""
    for row in rows:
        for name in ("time", "final"):
            if row.get(name):
                row[name] = (row[name][0] // 1000000 * 1000000, row[name][1])
        row["flags"] |= {"year_inferred", "zone_inferred"}
    return rows


def main(work, out):
    with open(work + "/truth.json", encoding="utf-8") as text:
        truth = json.load(text)
    rows = all_rows(Log(read_lines(work + "/log/rfc3339", ROTATED)), truth)
    host = os.uname().nodename
    words = ["mailsample", "/root", "/work"] + ([host] if len(host) > 3 else [])
    for style, target in (("rfc3339", out), ("traditional", out + "/traditional")):
        folder = "%s/log/%s" % (work, style)
        if "SEED" not in os.environ:
            scrub(folder, words)
        os.makedirs(target, exist_ok=True)
        for name in ROTATED[1:]:
            shutil.copyfile(folder + "/" + name, target + "/" + name)
        with open(folder + "/mail.log.2", "rb") as plain, open(
                target + "/mail.log.2.gz", "wb") as packed:
            packed.write(gzip.compress(plain.read(), mtime=0))
    write(out, rows)
    write(out + "/traditional", without_fractions(rows))
    count = collections.Counter(row["kind"] for row in rows)
    print(", ".join("%s %d" % item for item in sorted(count.items())))


if __name__ == "__main__":
    main(*sys.argv[1:3])
