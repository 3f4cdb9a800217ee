using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Xunit;

namespace RetentionEngine.Tests.Tool;

/// <summary>The tool over a store of its own, as a process.</summary>
public sealed class StoreCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("retention-tool").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private ToolProcess.Result Run(params string[] args) => ToolProcess.Run(_directory, args);

    private string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(Path.Combine(_directory, name), bytes);
        return name;
    }

    /// <summary>Mails from anna to u0, u1, …, one a second, the last an hour ago.</summary>
    internal static byte[] Mails(int count)
    {
        var log = new StringBuilder();
        DateTimeOffset time = DateTimeOffset.UtcNow.AddHours(-1).AddSeconds(-count);
        for (int i = 0; i < count; i++)
        {
            string stamp = time.AddSeconds(i)
                .ToString("yyyy-MM-dd'T'HH:mm:ss.ffffffzzz", CultureInfo.InvariantCulture);
            string id = (0xA0000 + i).ToString("X", CultureInfo.InvariantCulture) + "1F";
            foreach (string text in (string[])[
                $"postfix/smtpd[11]: {id}: client=c.example.org[192.0.2.{i % 250}], "
                    + "sasl_method=PLAIN, sasl_username=anna",
                $"postfix/cleanup[12]: {id}: message-id=<m{i}@example.org>",
                $"postfix/qmgr[13]: {id}: from=<anna@example.org>, size={1000 + i}, nrcpt=1 "
                    + "(queue active)",
                $"postfix/smtp[14]: {id}: to=<u{i}@example.net>, "
                    + "relay=mx.example.net[198.51.100.8]:25, delay=0.3, delays=0.1/0/0.1/0.1, "
                    + "dsn=2.0.0, status=sent (250 2.0.0 Ok)",
                $"postfix/qmgr[13]: {id}: removed"])
            {
                log.Append(stamp).Append(" mx1 ").Append(text).Append('\n');
            }
        }
        return Encoding.ASCII.GetBytes(log.ToString());
    }

    internal static JsonElement Summary(ToolProcess.Result result)
    {
        using var parsed = JsonDocument.Parse(result.Output.TrimEnd().Split('\n')[^1]);
        Assert.Equal("summary", parsed.RootElement.GetProperty("type").GetString());
        Assert.Equal(result.ExitCode, parsed.RootElement.GetProperty("exit").GetInt32());
        return parsed.RootElement.Clone();
    }

    [Fact]
    public void AHoldIsMadeShownExtendedReleasedAndInTheJournal()
    {
        Write("mail.log", Mails(20));
        Assert.Equal(0, Run("import", "mail.log", "--local-domain", "example.org").ExitCode);
        string[] add =
        [
            "hold", "add", "--mailbox", "u7@example.net", "--until", "+60d", "--reference", "AZ 7",
        ];
        ToolProcess.Result added = Run([.. add, "--json"]);
        Assert.Equal((0, ""), (added.ExitCode, added.Error));
        Assert.Contains("\"records\":1", added.Output, StringComparison.Ordinal);
        ToolProcess.Result held = Run("query", "--hold", "1", "--fields", "recipient");
        Assert.Equal((0, "{\"recipient\":\"u7@example.net\"}\n"), (held.ExitCode, held.Output));
        Assert.Equal(1, Run("query", "--hold", "2").ExitCode);
        Assert.Contains("AZ 7", Run("hold", "list").Output, StringComparison.Ordinal);
        Assert.Equal(0, Run("hold", "extend", "1", "--until", "+90d").ExitCode);
        Assert.Equal(64, Run("hold", "extend", "1", "--until", "soon").ExitCode);
        Assert.Equal(1, Run("hold", "release", "2").ExitCode);
        Assert.Equal(0, Run("hold", "release", "1").ExitCode);
        Assert.Equal(1, Run("query", "--hold", "1").ExitCode);
        Assert.Equal(78, Run([.. add[..^1], "u7@example.net"]).ExitCode);
        ToolProcess.Result journal = Run("journal", "--json");
        Assert.Equal(0, journal.ExitCode);
        Assert.Equal(3, Summary(journal).GetProperty("entries").GetInt32());
        foreach (string name in (string[])["hold-added", "hold-extended", "hold-released"])
        {
            Assert.Contains($"\"event\":\"{name}\"", journal.Output, StringComparison.Ordinal);
        }
        Assert.Contains("hold 1 (AZ 7)", Run("journal").Output, StringComparison.Ordinal);
        Assert.Contains("no damage", Run("verify", "--repair").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void ImportQueryTraceAndTheRestWorkTogether()
    {
        Write("mail.log", Mails(20));
        ToolProcess.Result import = Run(
            "import", "mail.log", "--local-domain", "example.org", "--json");
        Assert.Equal(0, import.ExitCode);
        Assert.Equal(20, Summary(import).GetProperty("records").GetProperty("sent").GetInt64());
        Assert.Equal(100, Summary(import).GetProperty("lines").GetInt64());

        ToolProcess.Result again = Run("import", "mail.log", "--json");
        Assert.Equal(0, again.ExitCode);
        Assert.Equal(0, Summary(again).GetProperty("lines").GetInt64());

        ToolProcess.Result query = Run("query", "--mailbox", "u7@example.net");
        Assert.Equal(0, query.ExitCode);
        Assert.Empty(query.Error);
        using (var record = JsonDocument.Parse(query.Output))
        {
            Assert.Equal("anna@example.org", record.RootElement.GetProperty("sender").GetString());
            Assert.Equal("sent", record.RootElement.GetProperty("kind").GetString());
            Assert.Equal("192.0.2.7", record.RootElement.GetProperty("ip").GetString());
            Assert.Equal(1007, record.RootElement.GetProperty("size").GetInt64());
        }
        string id = (0xA0007).ToString("X", CultureInfo.InvariantCulture) + "1F";
        ToolProcess.Result trace = Run("trace", id);
        Assert.Equal(0, trace.ExitCode);
        Assert.Contains("u7@example.net  sent", trace.Output, StringComparison.Ordinal);
        Assert.Contains("by mx.example.net[198.51.100.8]:25", trace.Output, StringComparison.Ordinal);
        Assert.Equal(0, Run("trace", "<m7@example.org>", "--format", "ndjson").ExitCode);

        Assert.Equal(1, Run("query", "--mailbox", "nobody@example.net").ExitCode);
        Assert.Equal(1, Run("trace", "FFFFFFFF").ExitCode);
        Assert.Equal(0, Summary(Run("stats", "--json")).GetProperty("inFlight").GetInt64());
        Assert.Equal(20, Summary(Run("stats", "--json")).GetProperty("records").GetInt64());
        Assert.Equal(0, Run("verify").ExitCode);
        Assert.Equal(0, Run("expire", "--dry-run").ExitCode);
        Assert.Equal(0, Summary(Run("expire", "--json")).GetProperty("buckets").GetInt64());
    }

    [Fact]
    public void QueriesSelectFormatAndStop()
    {
        Assert.Equal(0, Run("import", Write("mail.log", Mails(30)), "-q").ExitCode);
        ToolProcess.Result csv = Run(
            "query", "--ip", "192.0.2.0/28", "--format", "csv", "--fields", "recipient,size", "-n", "3");
        Assert.Equal(
            "recipient,size\r\nu0@example.net,1000\r\nu1@example.net,1001\r\nu2@example.net,1002\r\n",
            csv.Output);
        ToolProcess.Result json = Run("query", "--domain", "example.net", "--format", "json");
        using (var parsed = JsonDocument.Parse(json.Output))
        {
            Assert.Equal(30, parsed.RootElement.GetArrayLength());
        }
        ToolProcess.Result lines = Run("query", "--status", "sent", "--from", "1d ago", "--json");
        Assert.Equal(30, Summary(lines).GetProperty("records").GetInt64());
        Assert.Equal(31, lines.Output.TrimEnd().Split('\n').Length);
        Assert.Equal(1, Run("query", "--class", "access").ExitCode);
        Assert.Equal(1, Run("query", "--to", "1d ago").ExitCode);
        Assert.Equal(1, Run("query", "--status", "bounced").ExitCode);
        ToolProcess.Result zone = Run(
            "query", "-n", "1", "--tz", "+05:30", "--format", "ndjson", "--fields", "time");
        Assert.EndsWith("+05:30\"}\n", zone.Output, StringComparison.Ordinal);
        ToolProcess.Result table = Run("query", "-n", "2", "--format", "table", "--color", "always");
        Assert.StartsWith("TIME ", table.Output, StringComparison.Ordinal);
        Assert.Contains("\e[32m", table.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(
            "\e[",
            ToolProcess.RunWith(
                _directory,
                ["query", "-n", "2", "--format", "table"],
                "",
                ("NO_COLOR", "1")).Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task AReaderThatGoesEndsTheQueryQuietly()
    {
        Assert.Equal(0, Run("import", Write("mail.log", Mails(5000)), "-q").ExitCode);
        foreach (string format in (string[])["ndjson", "json", "csv", "table"])
        {
            using Process process = ToolProcess.Start(_directory, ["query", "--format", format]);
            Task<string> error = process.StandardError.ReadToEndAsync();
            Assert.NotEmpty(process.StandardOutput.ReadLine()!);
            process.StandardOutput.Close();
            ToolProcess.Wait(process);
            Assert.Equal(0, process.ExitCode);
            Assert.Empty(await error);
        }
    }

    [Fact]
    public void UnreadableInputIsToldAndTheRestIsKept()
    {
        byte[] log = Mails(40);
        byte[] packed = SourceTests.Gzip(log);
        Write("cut.gz", packed[..(packed.Length * 3 / 4)]);
        ToolProcess.Result cut = Run("import", "cut.gz", "--json");
        Assert.Equal(3, cut.ExitCode);
        long records = Summary(cut).GetProperty("records").GetProperty("sent").GetInt64();
        Assert.InRange(records, 10, 39);
        Assert.Contains("SourceDamaged", cut.Output, StringComparison.Ordinal);
        Write("whole.gz", packed);
        ToolProcess.Result both = Run("import", "missing.log", "whole.gz");
        Assert.Equal(3, both.ExitCode);
        Assert.Contains("'missing.log' does not exist.", both.Output, StringComparison.Ordinal);
        Assert.Equal(40, Summary(Run("query", "--json")).GetProperty("records").GetInt64());
        Assert.Equal(66, Run("import", "missing.log").ExitCode);
        Directory.CreateDirectory(Path.Combine(_directory, "none"));
        Assert.Equal(66, Run("import", "none").ExitCode);
    }

    [Fact]
    public async Task StandardInputMayBePackedToo()
    {
        byte[] log = Mails(10);
        ToolProcess.Result plain = ToolProcess.RunWith(
            _directory, ["import", "--json"], Encoding.ASCII.GetString(log));
        Assert.Equal(0, plain.ExitCode);
        Assert.Equal(10, Summary(plain).GetProperty("records").GetProperty("sent").GetInt64());
        using Process process = ToolProcess.Start(_directory, ["import", "-", "--json"]);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        process.StandardInput.BaseStream.Write(SourceTests.Gzip(log));
        process.StandardInput.Close();
        ToolProcess.Wait(process);
        Assert.True(process.ExitCode == 0, await error);
        // The same bytes, only packed: nothing new.
        Assert.Equal(0, Summary(new ToolProcess.Result(0, await output, "")).GetProperty("lines").GetInt64());
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public async Task SignalsEndAnImportAfterACommit(string signal, int exitCode)
    {
        using Process process = ToolProcess.Start(_directory, ["import", "-", "--progress", "json"]);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        process.StandardInput.BaseStream.Write(Mails(2000));
        process.StandardInput.BaseStream.Flush();
        // The note about the new store comes when signals are handled already.
        Assert.NotNull(process.StandardError.ReadLine());
        Task<string> error = process.StandardError.ReadToEndAsync();
        using (Process kill = Process.Start(
            "kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]))
        {
            ToolProcess.Wait(kill);
        }
        ToolProcess.Wait(process);
        Assert.Equal(exitCode, process.ExitCode);
        Assert.Contains("Interrupted", await error, StringComparison.Ordinal);
        Assert.Empty(await output);
        Assert.Equal(0, Run("verify").ExitCode);
    }

    [Fact]
    public async Task AKilledFirstImportCanBeRepeated()
    {
        const int Rounds = 8;
        Write("mail.log", Mails(200));
        int seed = Environment.TickCount;
        var random = new Random(seed);
        for (int round = 0; round < Rounds; round++)
        {
            using Process process = ToolProcess.Start(_directory, ["import", "mail.log"]);
            Task<string> error = process.StandardError.ReadToEndAsync();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            await Task.Delay(random.Next(500));
            process.Kill();
            ToolProcess.Wait(process);
            Assert.DoesNotContain(
                (await error).Split('\n'),
                line => line.Length > 0 && !line.Contains("creating", StringComparison.Ordinal));
            await output;
        }
        ToolProcess.Result last = Run("import", "mail.log");
        Assert.True(last.ExitCode == 0, $"seed {seed}: {last.Error}");
        Assert.Equal(200, Summary(Run("query", "--json")).GetProperty("records").GetInt64());
        Assert.Equal(0, Run("verify").ExitCode);
    }

    [Fact]
    public async Task ASignalAsksHowFarItIs()
    {
        using Process process = ToolProcess.Start(_directory, ["import", "-"]);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        process.StandardInput.BaseStream.Write(Mails(2000));
        process.StandardInput.BaseStream.Flush();
        // The note about the new store comes when signals are handled already.
        Assert.Contains("creating", await process.StandardError.ReadLineAsync(), StringComparison.Ordinal);
        string? told = null;
        for (int i = 0; i < 100 && told is null; i++)
        {
            Task<string?> line = process.StandardError.ReadLineAsync();
            using Process kill = Process.Start(
                "kill", ["-USR1", process.Id.ToString(CultureInfo.InvariantCulture)]);
            ToolProcess.Wait(kill);
            told = await line;
        }
        Assert.Matches("lines [(].*/s[)], .* records", told);
        process.StandardInput.Close();
        Task<string> rest = process.StandardError.ReadToEndAsync();
        ToolProcess.Wait(process);
        Assert.True(process.ExitCode == 0, await rest);
        Assert.Matches("(?m)^records +2,000:", await output);
    }

    [Fact]
    public void TheBasisGoesWithEveryRecord()
    {
        const string Basis = "order 12, § 5; \"quoted\"";
        Write("mail.log", Mails(3));
        Assert.Equal(
            0, Run("import", "mail.log", "-q", "--retain", "all=30d", "--basis", Basis).ExitCode);
        foreach (string format in (string[])["ndjson", "json"])
        {
            string output = Run("query", "--format", format, "--fields", "basis,expires").Output;
            Assert.Equal(3, output.Split("§ 5; \\\"quoted\\\"").Length - 1);
        }
        string csv = Run("query", "--format", "csv", "--fields", "basis").Output;
        Assert.Equal(4, csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("\"order 12, § 5; \"\"quoted\"\"\"", csv, StringComparison.Ordinal);
        string table = Run("query", "--format", "table", "--fields", "recipient,basis").Output;
        Assert.Equal(3, table.Split(Basis).Length - 1);
        Assert.Contains(Basis, Run("trace", "u1@example.net").Output, StringComparison.Ordinal);
        Assert.Contains("\"basis\"", Run("trace", "u1@example.net", "--json").Output, StringComparison.Ordinal);
        // Without --fields too, in every format.
        foreach (string format in (string[])["ndjson", "json", "csv", "table"])
        {
            Assert.Contains(
                "order 12", Run("query", "--format", format).Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void PastRecordsAreCountedAndTheReportSaysHowToKeepThem()
    {
        string old = Encoding.ASCII.GetString(Mails(4)).Replace(
            DateTimeOffset.UtcNow.AddHours(-1).Year.ToString(CultureInfo.InvariantCulture) + "-",
            DateTimeOffset.UtcNow.AddYears(-2).Year.ToString(CultureInfo.InvariantCulture) + "-",
            StringComparison.Ordinal);
        ToolProcess.Result import = Run("import", Write("old.log", Encoding.ASCII.GetBytes(old)));
        Assert.Equal(0, import.ExitCode);
        Assert.Matches("(?m)^not kept +4 records past the period [(]sent 4 over 7d[)]$", import.Output);
        int at = import.Output.IndexOf("--retain all=", StringComparison.Ordinal);
        Assert.True(at > 0, import.Output);
        string[] hint = import.Output[at..].Split(' ');
        Assert.Equal("--basis", hint[2]);
        ToolProcess.Result kept = Run(
            "import", "old.log", "--store", "other", hint[0], hint[1], hint[2], "test");
        Assert.Equal(0, kept.ExitCode);
        Assert.Matches("(?m)^records +4:", kept.Output);
        Assert.DoesNotContain("not kept", kept.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void PoliciesAreShownSetAndKept()
    {
        Assert.Equal(0, Run("init", "--local-domain", "Example.ORG", "--timezone", "Europe/Berlin").ExitCode);
        Assert.Equal(73, Run("init").ExitCode);
        Assert.Equal(78, Run("policy", "set", "--retain", "sent=30d").ExitCode);
        ToolProcess.Result set = Run(
            "policy", "set", "--retain", "sent=30d", "--basis", "order 12", "--retain", "access=36h");
        Assert.Equal(0, set.ExitCode);
        ToolProcess.Result show = Run("policy", "show");
        Assert.Equal(set.Output, show.Output);
        Assert.Matches("(?m)^sent +30d +4h +order 12$", show.Output);
        Assert.Matches("(?m)^access +36h +1h +", show.Output);
        Assert.Matches("(?m)^received +7d +1h +none needed$", show.Output);
        Assert.Contains("example.org", show.Output, StringComparison.Ordinal);
        Assert.Contains("Europe/Berlin", show.Output, StringComparison.Ordinal);
        Write("mail.log", Mails(1));
        ToolProcess.Result other = Run("import", "mail.log", "--retain", "all=3d");
        Assert.Equal(64, other.ExitCode);
        Assert.Contains("retention policy set", other.Error, StringComparison.Ordinal);
        Assert.Equal(0, Run("import", "mail.log", "--retain", "access=36h").ExitCode);
    }

    [Fact]
    public void AnotherKeyOpensNothing()
    {
        Assert.Equal(0, Run("init", "--key", "a.key").ExitCode);
        Assert.Equal(0, Run("init", "--store", "other", "--key", "b.key").ExitCode);
        Assert.Equal(0, Run("stats", "--key", "a.key").ExitCode);
        ToolProcess.Result wrong = Run("stats", "--key", "b.key", "--json");
        Assert.Equal(77, wrong.ExitCode);
        UsageTests.AssertError(wrong.Output, wrong.Error, 77, "Key");
        Assert.Equal(77, Run("stats", "--key", "missing.key").ExitCode);
    }

    [Fact]
    public void StrictImportsFailOnLinesNotUnderstood()
    {
        byte[] log =
        [
            .. Mails(2),
            .. Encoding.ASCII.GetBytes(DateTimeOffset.UtcNow.AddHours(-1).ToString(
                "yyyy-MM-dd'T'HH:mm:ss.ffffffzzz", CultureInfo.InvariantCulture)
                + " mx1 postfix/smtp[14]: A00011F: to=<u1@example.net>, relay\n"),
        ];
        Write("mail.log", log);
        ToolProcess.Result import = Run("import", "mail.log", "--strict");
        Assert.Equal(65, import.ExitCode);
        Assert.Contains("mail.log:11", import.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("u1@example.net", import.Output, StringComparison.Ordinal);
    }
}
