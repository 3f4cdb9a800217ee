using System.Globalization;
using System.Text;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>Short logs whose records can be foretold.</summary>
internal static class SmallLog
{
    /// <summary>Mails from a sender to u0, u1, …, one a second; each is one sent record.</summary>
    public static byte[] Mails(DateTimeOffset first, int count, string sender, int idBase = 0xA0000)
    {
        var log = new StringBuilder();
        for (int i = 0; i < count; i++)
        {
            string id = (idBase + i).ToString("X", CultureInfo.InvariantCulture) + "1F";
            Line(log, first.AddSeconds(i), $"postfix/smtpd[11]: {id}: client=c.example.org[192.0.2.{i % 250}], "
                + "sasl_method=PLAIN, sasl_username=anna");
            Line(log, first.AddSeconds(i), $"postfix/cleanup[12]: {id}: message-id=<m{i}@example.org>");
            Line(log, first.AddSeconds(i), $"postfix/qmgr[13]: {id}: from=<{sender}>, size={1000 + i}, nrcpt=1 "
                + "(queue active)");
            Line(log, first.AddSeconds(i), $"postfix/smtp[14]: {id}: to=<u{i}@example.net>, "
                + "relay=mx.example.net[198.51.100.8]:25, delay=0.3, delays=0.1/0/0.1/0.1, "
                + "dsn=2.0.0, status=sent (250 2.0.0 Ok)");
            Line(log, first.AddSeconds(i), $"postfix/qmgr[13]: {id}: removed");
        }
        return Encoding.ASCII.GetBytes(log.ToString());
    }

    /// <summary>Logins of a user that have no end, all at one time.</summary>
    public static byte[] Logins(DateTimeOffset time, int count, string user)
    {
        var log = new StringBuilder();
        for (int i = 0; i < count; i++)
        {
            Line(log, time, $"imapd: LOGIN, user={user}, ip=[::ffff:192.0.2.15], port=[{5000}], protocol=IMAP");
        }
        return Encoding.ASCII.GetBytes(log.ToString());
    }

    private static void Line(StringBuilder log, DateTimeOffset time, string text) =>
        log.Append(time.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffffzzz", CultureInfo.InvariantCulture))
            .Append(" mx1 ").Append(text).Append('\n');
}
