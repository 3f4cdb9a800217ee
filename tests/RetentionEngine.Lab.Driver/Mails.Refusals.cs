using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using MailKit.Net.Smtp;

namespace RetentionEngine.LabDriver;

/// <summary>What postscreen and the milter do with mail, and clients that misbehave.</summary>
internal sealed partial class Mails
{
    private IEnumerable<Func<Task>> Screened()
    {
        // On the denied list, on the list of the DNS, and one that talks before it is greeted.
        yield return () => Screened("192.0.2.66", "550", "5.3.2");
        yield return () => Screened("192.0.2.67", "550", "5.7.1");
        yield return () => Task.Run(() => TooEarly("192.0.2.68"));
        yield return () => Task.Run(() => HangsUp("192.0.2.69"));
    }

    private Task Screened(string ip, string reply, string dsn) =>
        Task.Run(() => Talk(ip, reply, dsn, early: false));

    private void TooEarly(string ip) => Talk(ip, "550", "5.5.1", early: true);

    /// <summary>A raw client, since MailKit minds its manners.</summary>
    private void Talk(string ip, string reply, string dsn, bool early)
    {
        const string Sender = "spam@example.com";
        const string Recipient = "anna@lab.example.org";
        using var wire = new Wire("mx3", 25, ip);
        if (early)
        {
            wire.Send("EHLO early.example.com");
        }
        // What came too early is thrown away, and has no reply.
        wire.Reply();
        wire.Say("EHLO mail.example.com");
        wire.Say($"MAIL FROM:<{Sender}>");
        string answer = wire.Say($"RCPT TO:<{Recipient}>");
        if (early && answer.StartsWith("250 ", StringComparison.Ordinal))
        {
            // A busy postscreen answers what came too early, too: all replies come one later.
            answer = wire.Reply();
        }
        if (!answer.StartsWith($"{reply} {dsn} ", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"{ip}: {answer}");
        }
        wire.Say("QUIT");
        truth.Refusal("mx3", ip, reply, dsn, Sender, Recipient);
    }

    private static void HangsUp(string ip)
    {
        using var wire = new Wire("mx3", 25, ip);
    }

    private IEnumerable<Func<Task>> Filtered()
    {
        yield return () => Refused("mx3", "192.0.2.80", "unwanted@lab.example.org", "550", "5.7.1");
        yield return () => RefusedAtTheEnd("192.0.2.81", "milter-reject", "550", "5.7.1");
        yield return () => RefusedAtTheEnd("192.0.2.82", "milter-later", "451", "4.7.1");
        yield return () => RefusedAtTheEnd("192.0.2.83", "milter-reply", "554", "5.7.9");
        yield return () => Discarded();
    }

    private async Task RefusedAtTheEnd(string ip, string subject, string reply, string dsn)
    {
        const string Sender = "kim@example.net";
        const string Recipient = "anna@lab.example.org";
        try
        {
            await Send("mx3", ip, Sender, [Recipient], subject);
            throw new InvalidOperationException(subject + " was taken");
        }
        catch (SmtpCommandException e) when (((int)e.StatusCode).ToString() == reply)
        {
            // cleanup(8) says the code of its own, but not the reply's three digits.
            truth.Refusal("mx3", ip, reply: null, dsn, Sender, Recipient, queued: true);
        }
    }

    /// <summary>Taken and thrown away before it was in the queue: no record.</summary>
    private Task<string> Discarded() =>
        Send("mx3", "192.0.2.84", "kim@example.net", ["anna@lab.example.org"], "milter-discard");

    /// <summary>Held by the milter, let go by the administrator.</summary>
    private void Held()
    {
        FromOutsideHeld().GetAwaiter().GetResult();
        for (int i = 0; i < 60; i++)
        {
            foreach (string line in network.Run("mx3", 0, "", "postqueue", "-j").Split('\n'))
            {
                if (line.Contains("\"hold\"", StringComparison.Ordinal))
                {
                    using JsonDocument mail = JsonDocument.Parse(line);
                    network.Run("mx3", 0, "", "postsuper", "-H",
                        mail.RootElement.GetProperty("queue_id").GetString()!);
                    return;
                }
            }
            Thread.Sleep(200);
        }
        throw new InvalidOperationException("nothing is held");
    }

    private async Task FromOutsideHeld()
    {
        const string Ip = "192.0.2.85";
        var fields = new MailFields("kim@example.net") { Ip = Ip };
        string id = await Send(
            "mx3", Ip, fields.Sender, ["ben@lab.example.org"], "milter-hold");
        truth.Mail("mx3", id, "ben@lab.example.org", ours: false, fields);
        Kept("mx3", id, fields);
    }

    /// <summary>One connection, line by line.</summary>
    internal sealed class Wire : IDisposable
    {
        private readonly Socket _socket;
        private readonly StreamReader _reader;

        public Wire(string host, int port, string ip)
        {
            _socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000 };
            _socket.Bind(Network.From(ip));
            _socket.Connect(Network.AddressOf(host, ip), port);
            _reader = new StreamReader(new NetworkStream(_socket), Encoding.Latin1);
        }

        public void Send(string line) => _socket.Send(Encoding.UTF8.GetBytes(line + "\r\n"));

        /// <summary>The last line of the next reply; empty at the end of the connection.</summary>
        public string Reply()
        {
            while (true)
            {
                string line = _reader.ReadLine() ?? "";
                if (line.Length < 4 || line[3] != '-')
                {
                    return line;
                }
            }
        }

        public string Say(string line)
        {
            Send(line);
            return Reply();
        }

        public void Dispose()
        {
            _reader.Dispose();
            _socket.Dispose();
        }
    }
}
