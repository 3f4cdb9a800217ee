using System.Globalization;
using System.Text;
using RetentionEngine.Tests.Buckets;
using Xunit;

namespace RetentionEngine.Tests.Acceptance;

/// <summary>What a store keeps for how long, seen from outside.</summary>
public sealed class PolicyTests
{
    private static readonly DateTimeOffset s_time = new(2026, 11, 2, 10, 0, 0, 123, 456, TimeSpan.Zero);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ARecordIsThereUntilTheMicrosecondItExpires(bool inMemory)
    {
        var time = new FakeTime(s_time.AddHours(1));
        using var store = new FacadeStore(
            FacadeStore.PolicyOf(TimeSpan.FromDays(1)) with
            {
                Sent = new ClassPolicy(TimeSpan.FromDays(2), ""),
                Access = new ClassPolicy(TimeSpan.FromDays(3), ""),
            },
            time,
            inMemory);
        store.Import(Write(store, "mail.log", s_time));
        foreach ((RecordKind kind, int days) in ((RecordKind, int)[])[
            (RecordKind.Rejected, 1), (RecordKind.Sent, 2), (RecordKind.Access, 3)])
        {
            RetentionRecord record = Assert.Single(Query(store), r => r.Kind == kind);
            Assert.Equal(s_time.AddDays(days), record.Expires);
            Assert.Equal(s_time, record.Time);
            time.Now = record.Expires.AddMicroseconds(-1);
            Assert.Contains(Query(store), r => r.Kind == kind);
            time.Now = record.Expires;
            Assert.DoesNotContain(Query(store), r => r.Kind == kind);
            Assert.Empty(store.Store.Trace("nobody@example.org"));
            store.Reopen();
            Assert.DoesNotContain(Query(store), r => r.Kind == kind);
        }
        Assert.Empty(Query(store));
    }

    [Fact]
    public void WhatIsInTheQueueExpiresToo()
    {
        var time = new FakeTime(s_time.AddHours(1));
        using var store = new FacadeStore(FacadeStore.PolicyOf(TimeSpan.FromDays(1)), time);
        byte[] log = Log(s_time);
        store.Import(WriteBytes(store, "mail.log", log[..log.AsSpan().IndexOf("1B: removed"u8)]));
        RetentionRecord queued = Assert.Single(Query(store), r => r.Kind == RecordKind.Sent);
        Assert.True(queued.Flags.HasFlag(RecordFlags.InFlight));
        time.Now = s_time.AddDays(1).AddMicroseconds(-1);
        Assert.Contains(Query(store), r => r.Kind == RecordKind.Sent);
        time.Now = s_time.AddDays(1);
        Assert.DoesNotContain(Query(store), r => r.Kind == RecordKind.Sent);
        store.Store.Expire(dryRun: false);
        Assert.Equal(0, store.Store.Stats().InFlight);
    }

    [Fact]
    public void WhatIsPastItsPeriodIsCountedAndNotKept()
    {
        var time = new FakeTime(s_time.AddDays(1).AddMinutes(1));
        using var store = new FacadeStore(
            FacadeStore.PolicyOf(TimeSpan.FromDays(7)) with
            {
                Rejected = new ClassPolicy(TimeSpan.FromDays(1), ""),
            },
            time);
        ImportReport report = store.Import(Write(store, "mail.log", s_time));
        Assert.Equal(1, report.PastPeriodRecords[RecordClass.Rejected]);
        Assert.Equal(0, report.PastPeriodRecords[RecordClass.Sent]);
        Assert.Equal(0, report.Records[RecordKind.Rejected]);
        Assert.Equal(s_time, report.EarliestTime);
        Assert.Equal([RecordKind.Sent, RecordKind.Access], Query(store).Select(r => r.Kind).Order());

        // The lines are known now: they do not come back with a longer period either.
        store.Store.SetPolicy(FacadeStore.PolicyOf(TimeSpan.FromDays(30)));
        Assert.Equal(0, store.Import(Write(store, "again.log", s_time)).Lines);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ExpiryDestroysWhatAnOldCopyHolds(bool inMemory)
    {
        var time = new FakeTime(s_time.AddHours(1));
        using var store = new FacadeStore(FacadeStore.PolicyOf(TimeSpan.FromDays(1)), time, inMemory);
        store.Import(Write(store, "mail.log", s_time));
        store.Import(Write(store, "young.log", s_time.AddHours(30)));
        store.Close();
        string copy = Path.Combine(store.Directory, "copy");
        TestDirectory.Copy(store.Path, copy);
        Dictionary<string, byte[]> before = Files(store.Path);

        time.Now = s_time.AddHours(40);
        ExpireReport dry = store.Store.Expire(dryRun: true);
        Assert.True(dry.DryRun);
        Assert.Equal(3, dry.Buckets.Count);
        store.Close();
        if (!inMemory)
        {
            Assert.Equal(before, Files(store.Path));
        }

        ExpireReport report = store.Store.Expire(dryRun: false);
        Assert.Equal(dry.Buckets, report.Buckets);
        Assert.Equal(3, report.Buckets.Sum(b => b.Records));
        Assert.Equal(3, Query(store).Count);
        Assert.Empty(store.Store.Expire(dryRun: false).Buckets);
        Assert.Empty(store.Store.Verify().Faults);
        store.Close();

        // The clock is turned back, the old directory is there, the key is today's: still nothing.
        time.Now = s_time.AddHours(1);
        RetentionOptions options = store.Options with
        {
            MasterKeyPath = store.Path + ".key",
            OpenBlocks = FasterBlockStore.Open,
        };
        if (!inMemory)
        {
            Assert.True(File.Exists(options.MasterKeyPath));
            RetentionException e = Assert.Throws<RetentionException>(
                () => RetentionStore.Open(copy, options));
            Assert.Equal(RetentionError.Key, e.Error);
        }
    }

    private static List<RetentionRecord> Query(FacadeStore store) =>
        [.. store.Store.Query(new RetentionQuery())];

    private static Dictionary<string, byte[]> Files(string path) => Directory
        .GetFiles(path, "*", SearchOption.AllDirectories)
        .ToDictionary(f => f, File.ReadAllBytes, StringComparer.Ordinal);

    private static string Write(FacadeStore store, string name, DateTimeOffset time) =>
        WriteBytes(store, name, Log(time));

    private static string WriteBytes(FacadeStore store, string name, byte[] log)
    {
        string path = store.Write(name, log);
        File.SetLastWriteTimeUtc(path, store.Options.TimeProvider.GetUtcNow().UtcDateTime);
        return path;
    }

    /// <summary>One refusal, one mail sent, one session, all at the same microsecond.</summary>
    private static byte[] Log(DateTimeOffset time)
    {
        string stamp = time.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffffzzz", CultureInfo.InvariantCulture);
        var text = new StringBuilder();
        foreach (string line in (string[])[
            "postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 554 5.7.1 "
                + "<x@example.org>: Relay access denied; from=<a@example.net> to=<x@example.org> "
                + "proto=ESMTP helo=<h>",
            "dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=192.0.2.7, "
                + "lip=192.0.2.2, mpid=17, session=<abcdefgh>",
            "dovecot: imap(anna@example.org)<17><abcdefgh>: Disconnected: Logged out in=1 out=2",
            "postfix/smtpd[11]: A00001B: client=c.example.org[192.0.2.3], sasl_method=PLAIN, "
                + "sasl_username=anna",
            "postfix/cleanup[12]: A00001B: message-id=<m1@example.org>",
            "postfix/qmgr[13]: A00001B: from=<anna@example.org>, size=1000, nrcpt=1 (queue active)",
            "postfix/smtp[14]: A00001B: to=<u@example.net>, relay=mx.example.net[198.51.100.8]:25, "
                + "delay=0.3, delays=0.1/0/0.1/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok)",
            "postfix/qmgr[13]: A00001B: removed"])
        {
            text.Append(stamp).Append(" mx1 ").Append(line).Append('\n');
        }
        return Encoding.ASCII.GetBytes(text.ToString());
    }
}
