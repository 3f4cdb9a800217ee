using RetentionEngine.Events;
using Xunit;

namespace RetentionEngine.Tests.Events;

/// <summary>Prefixes that few logs have, repeats, gaps and shapes.</summary>
public sealed class SyslogMetaTests
{
    private const string Removed = "Removed id=7A1F03E21 removal=Removed";

    [Theory]
    [InlineData("Jul  4 09:05:01.123456 mx1 ")]
    [InlineData("Jul 04 09:05:01.5 mx1 ")]
    [InlineData("Jul  4 2025 09:05:01 mx1 ")]
    [InlineData("2013 Jun 10 06:27:30.123 mx1 ")]
    [InlineData("2025-07-04 09:05:01 mx1 ")]
    [InlineData("2025-07-04 09:05:01.25 mx1 ")]
    [InlineData("1751612701.123456 mx1 ")]
    [InlineData("Jul  4 09:05:01 mx1 mail.info ")]
    [InlineData("Jul  4 09:05:01 <mail.info> mx1 ")]
    public void A_rare_prefix_gives_the_same_event(string prefix)
    {
        string line = prefix + "postfix/qmgr[1]: 7A1F03E21: removed\n";
        string[] events = TokenizerCase.Read(line + line + line, out Tokenizer tokenizer, out _);
        Assert.Equal([Removed, Removed, Removed], events);
        Assert.Equal(0, tokenizer.Strange);
    }

    [Fact]
    public void Solaris_puts_an_id_behind_the_tag()
    {
        string[] events = TokenizerCase.Read(
            "Jul  4 09:05:01 mx1 postfix/qmgr[1]: [ID 197553 mail.info] 7A1F03E21: removed\n",
            out _, out _);
        Assert.Equal([Removed], events);
    }

    [Theory]
    [InlineData("Jul 04 09:05:01 imap-login: Info: Login: ")]
    [InlineData("2025-07-04 09:05:01 imap-login: Info: Login: ")]
    [InlineData("dovecot: Jul 04 09:05:01 Info: imap-login: Login: ")]
    public void Dovecot_writes_its_own_file_without_host(string prefix)
    {
        string[] events = TokenizerCase.Read(
            prefix + "user=<anna>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, session=<abc>\n",
            out _, out HostTable hosts);
        Assert.Equal(
            ["Login host=- instance= protocol=Imap ip=[192.0.2.7] user=[anna] session=[abc]"],
            events.Select(e => e.Replace("  ", " ", StringComparison.Ordinal)
                .Replace("host=- protocol", "host=- instance= protocol", StringComparison.Ordinal)));
        Assert.Equal(1, hosts.Count);
    }

    [Theory]
    [InlineData("Jul  4 09:05:01 mx1 rsyslogd: imuxsock lost 312 messages from pid 811 due to"
        + " rate-limiting", nameof(GapKind.Dropped), 312)]
    [InlineData("Jul  4 09:05:01 mx1 rsyslogd: imjournal: 77 messages lost due to rate-limiting"
        + " (20000 allowed within 600 seconds)", nameof(GapKind.Dropped), 77)]
    [InlineData("Jul  4 09:05:01 mx1 rsyslogd[9]: imuxsock[pid 811]: begin to drop messages due to"
        + " rate-limiting", nameof(GapKind.Dropping), -1)]
    [InlineData("Jul  4 09:05:01 mx1 systemd-journald[5]: Suppressed 512 messages from"
        + " postfix.service", nameof(GapKind.Dropped), 512)]
    [InlineData("Jul  4 09:05:01 mx1 rsyslogd: [origin software=\"rsyslogd\"] exiting on signal 15.",
        nameof(GapKind.Stopped), -1)]
    [InlineData("Jul  4 09:05:01 mx1 syslogd 1.5.0: restart.", nameof(GapKind.Restarted), -1)]
    [InlineData("Jul  4 09:05:01 mx1 last message repeated 9 times",
        nameof(GapKind.RepeatOutOfReach), 9)]
    public void A_gap_is_noted_with_host_and_time(string line, string kind, long lost)
    {
        TokenizerCase.Read("\n" + line + "\n", out Tokenizer tokenizer, out HostTable hosts);
        SyslogGap gap = Assert.Single(tokenizer.Gaps.ToArray());
        Assert.Equal((kind, lost, 2L), (gap.Kind.ToString(), gap.LostLines, gap.LineNumber));
        Assert.True(hosts.Host(gap.Host).SequenceEqual("mx1"u8));
        Assert.NotEqual(0, gap.TimeUnixMicros);
        Assert.Equal(0, tokenizer.Strange);
    }

    [Fact]
    public void A_shape_shows_what_changed_and_no_name()
    {
        const string Line = "Jul  4 09:05:01 mx1 postfix/qmgr[1]: 7A1F03E21: removed by ";
        TokenizerCase.Read(
            Line + "anna@example.org\n" + Line + "ben\u00E9 192.0.2.7\n",
            out Tokenizer tokenizer, out _);
        Assert.Equal(1, tokenizer.Shapes.Count);
        LineShape shape = tokenizer.Shapes[0];
        Assert.Equal((2L, 1L), (shape.Count, shape.FirstLineNumber));
        string text = System.Text.Encoding.ASCII.GetString(shape.Text);
        Assert.Contains("postfix/qmgr[*]: *: removed *", text, StringComparison.Ordinal);
        Assert.DoesNotContain("anna", text, StringComparison.Ordinal);
        Assert.DoesNotContain("mx1", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Remarks_of_journalctl_are_no_lines()
    {
        TokenizerCase.Read("-- Boot 0123456789abcdef --\n", out Tokenizer tokenizer, out _);
        Assert.Equal((0, 1), (tokenizer.Strange, tokenizer.Ignored));
    }
}
