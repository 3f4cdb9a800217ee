using System.Net;
using System.Text;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace RetentionEngine.LabDriver;

/// <summary>Mail through Courier's own server, mx6. Its log names no message-id.</summary>
internal sealed class Couriers(Network network, Truth truth)
{
    private const string Host = "mx6";
    private const string Hugo = "hugo@mx6.example.org";

    public IEnumerable<Func<Task>> All()
    {
        for (int n = 0; n < 4; n++)
        {
            (string sender, string ip) = ($"news{n}@example.com", $"192.0.2.{30 + n}");
            yield return () => FromOutside(sender, ip);
        }
        yield return () => Submit("192.0.2.35", new() { ["kim@example.net"] = "sent",
            ["partner@example.com"] = "sent" });
        yield return () => Submit("192.0.2.36", new() { ["gone.hugo@example.net"] = "bounced" });
        yield return () => Submit("192.0.2.37", new() { ["busy1.hugo@example.com"] = "sent",
            [Hugo] = "sent" });
        yield return () => Submit("192.0.2.38", new() { ["full.hugo@example.net"] = "expired" });
        yield return () => Refused("192.0.2.39", "nobody@mx6.example.org", "550");
        yield return () => Refused("192.0.2.45", "lee@example.com", "513");
        yield return () => Task.Run(Local);
    }

    /// <summary>Waits until nothing is queued any more.</summary>
    public void WaitForQueue()
    {
        for (int i = 0; i < 120; i++)
        {
            if (network.Run(Host, 0, "", "mailq").Contains("0 messages.", StringComparison.Ordinal))
            {
                return;
            }
            Thread.Sleep(500);
        }
        throw new InvalidOperationException("mx6: the queue does not become empty");
    }

    private async Task FromOutside(string sender, string ip)
    {
        await Send(sender, [Hugo], ip, user: null);
        Note(Hugo, ours: false, new MailFields(sender) { Ip = ip });
    }

    private async Task Submit(string ip, Dictionary<string, string> recipients)
    {
        await Send(Hugo, [.. recipients.Keys], ip, user: Hugo);
        foreach ((string recipient, string status) in recipients)
        {
            Note(recipient, ours: true,
                new MailFields(Hugo) { Ip = ip, Sasl = Hugo, Status = status });
            if (status is "bounced" or "expired")
            {
                // The notice comes by loopback, and no line links it with the mail.
                Note(Hugo, ours: true, new MailFields("") { Ip = "127.0.0.1" });
            }
        }
    }

    private async Task Refused(string ip, string recipient, string reply)
    {
        const string Sender = "kim@example.net";
        try
        {
            await Send(Sender, [recipient], ip, user: null);
            throw new InvalidOperationException($"{recipient} was taken");
        }
        catch (SmtpCommandException e) when (((int)e.StatusCode).ToString() == reply)
        {
            truth.Refusal(Host, ip, reply, dsn: null, Sender, recipient);
        }
    }

    private void Local()
    {
        const string Recipient = "lee@example.com";
        network.Run(Host, 1001, "Subject: cron\n\nwords\n",
            "sendmail", "-f", Hugo, Recipient);
        Note(Recipient, ours: true, new MailFields(Hugo) { Ip = "127.0.0.1" });
    }

    private void Note(string recipient, bool ours, MailFields fields) =>
        truth.Mail(Host, "*", recipient, ours, fields);

    private static async Task Send(string sender, string[] recipients, string ip, string? user)
    {
        using var client = new SmtpClient
        {
            LocalEndPoint = Network.From(ip),
            LocalDomain = "mail.example.net",
            Timeout = 30_000,
        };
        await client.ConnectAsync(Network.AddressOf(Host, ip), 25, SecureSocketOptions.None);
        if (user is not null)
        {
            await client.AuthenticateAsync(
                Encoding.UTF8, new NetworkCredential(user, "secret-" + user.Split('@')[0]));
        }
        var message = new MimeMessage { Body = new TextPart("plain") { Text = "words" } };
        message.From.Add(new MailboxAddress("", sender));
        await client.SendAsync(message, new MailboxAddress("", sender),
            recipients.Select(r => new MailboxAddress("", r)));
        await client.DisconnectAsync(quit: true);
    }
}
