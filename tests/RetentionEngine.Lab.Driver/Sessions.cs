using MailKit;
using MailKit.Net.Imap;
using MailKit.Net.Pop3;
using MailKit.Security;

namespace RetentionEngine.LabDriver;

/// <summary>People who read their mail at mx3 and mx4.</summary>
internal sealed class Sessions(Truth truth)
{
    private readonly List<(ImapClient Client, string Host, string User, string Ip)> _long = [];

    private static (string Host, string[] Users)[] Boxes { get; } =
    [
        ("mx3", ["anna@lab.example.org", "ben@lab.example.org"]),
        ("mx4", ["olga@own.example.org", "paul@own.example.org"]),
        ("mx5", ["vera", "walt"]),
    ];

    /// <summary>The sessions of one part; it keeps the addresses of the parts apart.</summary>
    public IEnumerable<Func<Task>> Of(int part)
    {
        SecureSocketOptions[] ways =
        [
            SecureSocketOptions.None,
            SecureSocketOptions.StartTls,
            SecureSocketOptions.SslOnConnect,
        ];
        for (int box = 0; box < Boxes.Length; box++)
        {
            (string host, string[] users) = Boxes[box];
            for (int n = 0; n < 6; n++)
            {
                string ip = n == 5 && host != "mx5" ? $"2001:db8:a::{20 + (3 * part) + box}"
                    : $"192.0.2.{100 + (part * 30) + (box * 10) + n}";
                (string user, SecureSocketOptions way, int end) = (users[n % 2], ways[n % 3], n);
                // Cyrus logs no end where an IMAP client just goes away.
                bool bye = end != 3 || host == "mx5";
                yield return () => Read(new ImapClient(), host, user, ip, way, quit: bye);
                yield return () => Read(new Pop3Client(), host, user, ip, way, quit: end != 4);
            }
            // An address of its own for each: Dovecot lets one that guesses wait ever longer.
            string stranger = $"192.0.2.{170 + (part * 30) + (box * 10)}";
            int last = stranger.Length - 1;
            string Next(int n) => stranger[..last] + (char)(stranger[last] + n);
            yield return () => Guess(new ImapClient(), host, users[0], Next(0));
            yield return () => Guess(new Pop3Client(), host, users[1], Next(1));
            yield return () => Guess(new ImapClient(), host, "admin@example.org", Next(2));
            yield return () => Task.Run(() => SaysNothing(host, Next(3)));
        }
    }

    /// <summary>Sessions that are open when the logs are rotated.</summary>
    public async Task OpenLong()
    {
        foreach ((string host, string[] users) in Boxes)
        {
            var client = new ImapClient();
            string ip = "192.0.2.23" + host[2..];
            await Open(client, host, users[0], ip, SecureSocketOptions.StartTls);
            await client.Inbox!.OpenAsync(FolderAccess.ReadOnly);
            _long.Add((client, host, users[0], ip));
        }
    }

    public async Task CloseLong()
    {
        foreach ((ImapClient client, string host, string user, string ip) in _long)
        {
            await client.DisconnectAsync(quit: true);
            client.Dispose();
            truth.Session(host, "imap", user, ip, tls: true);
        }
    }

    private async Task Read(
        MailService client, string host, string user, string ip, SecureSocketOptions way, bool quit)
    {
        using (client)
        {
            await Open(client, host, user, ip, way);
            if (client is ImapClient imap)
            {
                await imap.Inbox!.OpenAsync(FolderAccess.ReadOnly);
                await imap.Inbox.FetchAsync(0, -1, MessageSummaryItems.Flags);
            }
            else if (client is Pop3Client pop3)
            {
                await pop3.GetMessageSizesAsync();
            }
            await client.DisconnectAsync(quit);
        }
        truth.Session(host, client is ImapClient ? "imap" : "pop3", user, ip,
            way != SecureSocketOptions.None);
    }

    /// <summary>A wrong password: no access, no record.</summary>
    private static async Task Guess(MailService client, string host, string user, string ip)
    {
        using (client)
        {
            try
            {
                await Connect(client, host, ip, SecureSocketOptions.None);
                await client.AuthenticateAsync(new SaslMechanismPlain(user, "guess"));
                throw new InvalidOperationException("a wrong password was taken");
            }
            catch (AuthenticationException)
            {
                await client.DisconnectAsync(quit: true);
            }
        }
    }

    /// <summary>Clients that never log in, one of them speaking another language.</summary>
    private static void SaysNothing(string host, string ip)
    {
        using var silent = new Mails.Wire(host, 143, ip);
        silent.Reply();
        using var other = new Mails.Wire(host, 993, ip);
        other.Send("GET / HTTP/1.0");
        other.Reply();
    }

    private static async Task Open(
        MailService client, string host, string user, string ip, SecureSocketOptions way)
    {
        await Connect(client, host, ip, way);
        await client.AuthenticateAsync(user, "secret-" + user.Split('@')[0]);
    }

    private static async Task Connect(
        MailService client, string host, string ip, SecureSocketOptions way)
    {
        client.LocalEndPoint = Network.From(ip);
        client.ServerCertificateValidationCallback = (_, _, _, _) => true;
        client.CheckCertificateRevocation = false;
        bool wrapped = way == SecureSocketOptions.SslOnConnect;
        int port = client is ImapClient ? wrapped ? 993 : 143 : wrapped ? 995 : 110;
        await client.ConnectAsync(Network.AddressOf(host, ip), port, way);
    }
}
