using System.Net;
using System.Text;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace RetentionEngine.LabDriver;

/// <summary>Mail in and out of mx3 and mx4, by MailKit as mail programs send it.</summary>
internal sealed partial class Mails(Network network, Truth truth, Random random)
{
    private const string Journal = "journal@lab.example.org";

    private int _serial;

    /// <summary>What is done before the logs are rotated.</summary>
    public IEnumerable<Func<Task>> First() =>
        [.. Inbound(), .. Screened(), .. Filtered(), () => Task.Run(Held)];

    /// <summary>What is done after it.</summary>
    public IEnumerable<Func<Task>> Second() =>
        [.. Sieved(), .. SievedByLda(), .. Scanned(), .. Submitted(), .. International()];

    private IEnumerable<Func<Task>> Inbound()
    {
        for (int n = 0; n < 4; n++)
        {
            string ip = $"192.0.2.{10 + n}";
            yield return () => FromOutside("mx3", ip, "kim@example.net", ["anna@lab.example.org"]);
            string other = $"192.0.2.{20 + n}";
            yield return () => FromOutside("mx4", other, "news@example.com",
                [n % 2 == 0 ? "olga@own.example.org" : "paul@own.example.org"]);
        }
        yield return () => FromOutside("mx3", "2001:db8:a::4", "kim@example.net",
            ["anna+lists@lab.example.org", "ben@lab.example.org"]);
        yield return () => FromOutside("mx3", "192.0.2.31", "relay@example.com", [],
            sentTo: "everyone@lab.example.org",
            expanded: ["anna@lab.example.org", "ben@lab.example.org"]);
        yield return () => FromOutside("mx4", "192.0.2.32", "kim@example.net", [],
            sentTo: "all@own.example.org",
            expanded: ["olga@own.example.org", "paul@own.example.org"]);
        yield return () => Refused("mx3", "192.0.2.33", "nobody@lab.example.org", "550", "5.1.1");
        yield return () => Refused("mx4", "192.0.2.34", "nobody@own.example.org", "550", "5.1.1");
        yield return () => Refused("mx3", "192.0.2.35", "kim@example.com", "554", "5.7.1");
        yield return () => Task.Run(() => Local("mx4", "root", "olga@own.example.org"));
    }

    private async Task FromOutside(string host, string ip, string sender, string[] recipients,
        string? sentTo = null, string[]? expanded = null, string status = "sent")
    {
        string[] envelope = sentTo is null ? recipients : [.. recipients, sentTo];
        string id = await Send(host, ip, sender, envelope);
        foreach (string to in recipients.Concat(expanded ?? []))
        {
            truth.Mail(host, id, to, ours: false, new MailFields(sender)
            {
                Ip = ip,
                Status = status,
                OrigTo = expanded is not null && expanded.Contains(to) ? sentTo : null,
            });
        }
        Kept(host, id, new MailFields(sender) { Ip = ip });
    }

    /// <summary>mx3 keeps a copy of everything that comes in.</summary>
    private void Kept(string host, string id, MailFields fields, bool ours = false)
    {
        if (host == "mx3")
        {
            truth.Mail(host, id, Journal, ours, fields);
        }
    }

    private async Task Refused(
        string host, string ip, string recipient, string reply, string dsn)
    {
        using SmtpClient client = await Connect(host, ip, 25);
        try
        {
            await client.SendAsync(
                Message("kim@example.net", [recipient], "words"),
                new MailboxAddress("", "kim@example.net"), [new MailboxAddress("", recipient)]);
            throw new InvalidOperationException($"{recipient} was taken");
        }
        catch (SmtpCommandException e) when (((int)e.StatusCode).ToString() == reply)
        {
            truth.Refusal(host, ip, reply, dsn, "kim@example.net", recipient);
        }
        await client.DisconnectAsync(quit: true);
    }

    /// <summary>Submitted on the host itself, to an alias that leads to a mailbox.</summary>
    private void Local(string host, string alias, string mailbox)
    {
        string id = NewId($"{host}.example.org");
        string sender = $"www-data@{host}.example.org";
        network.Run(host, 33, $"Message-ID: <{id}>\nTo: {alias}\nSubject: cron\n\nwords\n",
            "sendmail", "-i", "--", alias);
        truth.Mail(host, id, mailbox, ours: true, new MailFields(sender)
        {
            OrigTo = alias,
            Uid = 33,
            Flags = ["local_submission", "forwarded"],
        });
    }

    private IEnumerable<Func<Task>> Sieved()
    {
        yield return () => FromOutside("mx3", "192.0.2.40", "list@example.net",
            ["files@lab.example.org"]);
        // Sieve throws it away after LMTP has taken it: the log of the hop says sent.
        yield return () => FromOutside("mx3", "192.0.2.41", "kim@example.net",
            ["drops@lab.example.org"], status: "discarded");
        yield return () => DiscardedForOne("192.0.2.45", "");
        yield return () => PassedOn("192.0.2.42", "turns@lab.example.org", "redirected");
        yield return () => PassedOn("192.0.2.43", "both@lab.example.org", "sent");
        yield return () => Returned("192.0.2.46", "back@lab.example.org");
        yield return () => AnsweredByVacation("192.0.2.44", "away@lab.example.org");
    }

    /// <summary>The same by Dovecot's LDA, which pipe(8) runs for each recipient.</summary>
    private IEnumerable<Func<Task>> SievedByLda()
    {
        yield return () => FromOutside("mx3", "192.0.2.86", "list@example.net",
            ["files.lda@lab.example.org"]);
        yield return () => FromOutside("mx3", "192.0.2.87", "kim@example.net",
            ["drops.lda@lab.example.org"], status: "discarded");
        yield return () => FromOutside("mx3", "192.0.2.88", "kim@example.net",
            ["keeps.lda@lab.example.org"]);
        yield return () => DiscardedForOne("192.0.2.89", ".lda");
        yield return () => PassedOn("192.0.2.90", "turns.lda@lab.example.org", "redirected");
        yield return () => Returned("192.0.2.91", "back.lda@lab.example.org");
        yield return () => AnsweredByVacation("192.0.2.92", "away.lda@lab.example.org");
    }

    /// <summary>Through amavis, which hands every mail back.</summary>
    private IEnumerable<Func<Task>> Scanned()
    {
        yield return () => Scanned("192.0.2.93", ["ben@lab.example.org"]);
        yield return () => Scanned("192.0.2.94", ["anna@lab.example.org",
            "keeps.lda@lab.example.org"]);
        yield return () => Scanned("192.0.2.95", ["anna+lists@lab.example.org"]);
    }

    private async Task Scanned(string ip, string[] recipients)
    {
        const string Sender = "kim@example.net";
        string id = await Send("mx3", ip, Sender, recipients, port: 26);
        var fields = new MailFields(Sender) { Ip = ip, Flags = ["filtered"] };
        foreach (string recipient in recipients)
        {
            truth.Mail("mx3", id, recipient, ours: false, fields);
        }
        Kept("mx3", id, fields);
    }

    /// <summary>One transaction of LMTP with as many sessions as recipients.</summary>
    private async Task DiscardedForOne(string ip, string by)
    {
        const string Sender = "kim@example.net";
        string id = await Send("mx3", ip, Sender,
            ["anna@lab.example.org", $"drops{by}@lab.example.org", $"files{by}@lab.example.org"]);
        var fields = new MailFields(Sender) { Ip = ip };
        truth.Mail("mx3", id, "anna@lab.example.org", ours: false, fields);
        truth.Mail("mx3", id, $"files{by}@lab.example.org", ours: false, fields);
        truth.Mail("mx3", id, $"drops{by}@lab.example.org", ours: false,
            fields with { Status = "discarded" });
        Kept("mx3", id, fields);
    }

    /// <summary>Sieve's reject: the sender hears of it by a mail of Dovecot's.</summary>
    private async Task Returned(string ip, string mailbox)
    {
        const string Sender = "reject.asker@example.net";
        string id = await Send("mx3", ip, Sender, [mailbox]);
        var fields = new MailFields(Sender) { Ip = ip };
        truth.Mail("mx3", id, mailbox, ours: false,
            fields with { Status = "rejected" });
        Kept("mx3", id, fields);
        const string AnyOfDovecot = "dovecot-??????????-*";
        var answer = new MailFields("") { Uid = 5000, Flags = ["local_submission"] };
        truth.Mail("mx3", AnyOfDovecot, Sender, ours: true, answer);
        Kept("mx3", AnyOfDovecot, answer, ours: true);
    }

    private async Task PassedOn(string ip, string mailbox, string status)
    {
        const string Sender = "kim@example.net";
        string id = await Send("mx3", ip, Sender, [mailbox]);
        var first = new MailFields(Sender) { Ip = ip };
        truth.Mail("mx3", id, mailbox, ours: false, first with { Status = status });
        Kept("mx3", id, first);
        var second = new MailFields(Sender) { Uid = 5000, Flags = ["local_submission"] };
        truth.Mail("mx3", id, "partner@example.com", ours: true, second);
        Kept("mx3", id, second, ours: true);
    }

    private async Task AnsweredByVacation(string ip, string mailbox)
    {
        const string Sender = "vacation.asker@example.net";
        string id = await Send("mx3", ip, Sender, [mailbox]);
        var fields = new MailFields(Sender) { Ip = ip };
        truth.Mail("mx3", id, mailbox, ours: false, fields);
        Kept("mx3", id, fields);
        // The answer's message-id is Dovecot's own.
        const string AnyOfSieve = "dovecot-sieve-*";
        var answer = new MailFields("") { Uid = 5000, Flags = ["local_submission"] };
        truth.Mail("mx3", AnyOfSieve, Sender, ours: true, answer);
        Kept("mx3", AnyOfSieve, answer, ours: true);
    }

    private IEnumerable<Func<Task>> Submitted()
    {
        string[] hosts = ["mx3", "mx4"];
        foreach (string host in hosts)
        {
            (string user, int n) = host == "mx3" ? ("anna@lab.example.org", 50)
                : ("olga@own.example.org", 60);
            yield return () => Submit(host, $"192.0.2.{n}", user, "kim@example.net");
            yield return () => Submit(host, $"192.0.2.{n + 1}", user, "busy1.lab@example.net");
            yield return () => Submit(host, $"192.0.2.{n + 2}", user, "gone.lab@example.com",
                "bounced");
            yield return () => Submit(host, $"192.0.2.{n + 3}", user, "lee@v6.example.com",
                port: host == "mx3" ? 465 : 587);
        }
        yield return () => Exchange("mx3", "192.0.2.55", "ben@lab.example.org", "mx4",
            "paul@own.example.org");
        yield return () => WrongPassword("mx3", "192.0.2.56");
    }

    private async Task Submit(string host, string ip, string user, string recipient,
        string status = "sent", int port = 587)
    {
        string id = await Send(host, ip, user, [recipient], port: port, user: user);
        truth.Mail(host, id, recipient, ours: true, new MailFields(user)
        {
            Ip = ip,
            Sasl = user,
            Status = status,
        });
        Kept(host, id, new MailFields(user) { Ip = ip, Sasl = user }, ours: true);
        if (status == "bounced")
        {
            truth.Notice(host, id, user);
        }
    }

    private async Task Exchange(
        string host, string ip, string user, string arrives, string recipient)
    {
        string id = await Send(host, ip, user, [recipient], port: 587, user: user);
        var fields = new MailFields(user) { Ip = ip, Sasl = user };
        truth.Mail(host, id, recipient, ours: true, fields);
        Kept(host, id, fields, ours: true);
        truth.Mail(arrives, id, recipient, ours: false,
            new MailFields(user) { Ip = "203.0.113." + host[2..] });
    }

    private static async Task WrongPassword(string host, string ip)
    {
        using SmtpClient client = await Connect(host, ip, 587);
        try
        {
            await client.AuthenticateAsync(new SaslMechanismPlain("anna@lab.example.org", "guess"));
            throw new InvalidOperationException("a wrong password was taken");
        }
        catch (AuthenticationException)
        {
            await client.DisconnectAsync(quit: true);
        }
    }

    private IEnumerable<Func<Task>> International()
    {
        yield return () => FromOutside("mx4", "192.0.2.70", "zoë@example.net",
            ["jürgen@own.example.org"]);
        yield return () => FromOutside("mx4", "192.0.2.71", "kim@example.net",
            ["jürgen@own.example.org", "olga@own.example.org"]);
        yield return Unoffered;
    }

    /// <summary>Dovecot's LMTP takes no SMTPUTF8: what needs it goes back.</summary>
    private async Task Unoffered()
    {
        const string Sender = "utf8.asker@example.net";
        string id = await Send("mx3", "192.0.2.72", Sender, ["jürgen@lab.example.org"]);
        var fields = new MailFields(Sender) { Ip = "192.0.2.72", Status = "bounced" };
        truth.Mail("mx3", id, "jürgen@lab.example.org", ours: false, fields);
        Kept("mx3", id, fields);
        // The notice holds the address, so it needs SMTPUTF8 as well, and ends there.
        truth.Notice("mx3", id, Sender, "bounced");
    }

    private async Task<string> Send(string host, string ip, string sender, string[] recipients,
        string subject = "words", int port = 25, string? user = null)
    {
        using SmtpClient client = await Connect(host, ip, port);
        if (user is not null)
        {
            await client.AuthenticateAsync(
                Encoding.UTF8, new NetworkCredential(user, "secret-" + user.Split('@')[0]));
        }
        MimeMessage message = Message(sender, recipients, subject);
        FormatOptions format = FormatOptions.Default.Clone();
        format.International = recipients.Append(sender).Any(a => !Ascii.IsValid(a));
        await client.SendAsync(format, message, new MailboxAddress("", sender),
            recipients.Select(r => new MailboxAddress("", r)));
        await client.DisconnectAsync(quit: true);
        return message.MessageId!;
    }

    private static async Task<SmtpClient> Connect(string host, string ip, int port)
    {
        var client = new SmtpClient
        {
            LocalEndPoint = Network.From(ip),
            LocalDomain = port == 25 ? "mail.example.net" : "laptop.example.net",
            ServerCertificateValidationCallback = (_, _, _, _) => true,
            CheckCertificateRevocation = false,
            Timeout = 30_000,
        };
        await client.ConnectAsync(
            Network.AddressOf(host, ip),
            port,
            port == 465
                ? SecureSocketOptions.SslOnConnect
                : SecureSocketOptions.StartTlsWhenAvailable);
        return client;
    }

    private MimeMessage Message(string sender, string[] recipients, string subject)
    {
        var message = new MimeMessage
        {
            Subject = subject,
            MessageId = NewId(sender.Contains('@', StringComparison.Ordinal)
                ? sender[(sender.IndexOf('@', StringComparison.Ordinal) + 1)..]
                : "mailer.example.net"),
            Body = new TextPart("plain")
            {
                Text = string.Concat(Enumerable.Repeat("lorem ipsum\r\n", random.Next(1, 400))),
            },
        };
        message.From.Add(new MailboxAddress("", sender));
        message.To.AddRange(recipients.Select(r => new MailboxAddress("", r)));
        return message;
    }

    private string NewId(string domain) =>
        $"lab.{Interlocked.Increment(ref _serial):0000}.{random.Next():x8}@{domain}";
}
