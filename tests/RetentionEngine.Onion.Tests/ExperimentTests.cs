using System.Collections.Concurrent;
using System.Diagnostics;
using Xunit;

namespace RetentionEngine.Onion.Tests;

/// <summary>Runs the experiment once: a private Tor network, two Postfix, a signed zone.</summary>
/// <remarks>
/// It lives in namespaces of its own with nothing but lo, and all its processes die with their
/// first one. Programs that are missing are installed, if we may (Debian, as root).
/// </remarks>
public sealed class Experiment : IDisposable
{
    private const int LimitMilliseconds = 400_000;
    private const string Programs = """
        missing=
        for pair in tor:tor unbound:unbound named:bind9 dnssec-signzone:bind9-utils \
            postfix:postfix torsocks:torsocks openssl:openssl ip:iproute2 unshare:util-linux
        do
            command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
        done
        [ -e /usr/lib/postfix/postfix-pcre.so ] || missing="$missing postfix-pcre"
        [ -e /usr/share/dns/root.ds ] || missing="$missing dns-root-data"
        if [ -n "$missing" ]; then
            export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
            apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing
        fi
        """;

    private readonly ConcurrentDictionary<string, (bool IsGood, string Detail)> _shown = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("onion-net-").FullName;

    public Experiment()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }
        File.SetUnixFileMode(
            _folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute
                | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        Run("bash", ["-c", Programs]);
        string root = Root();
        string bin = Path.Combine(root, "artifacts/bin");
        string kind = AppContext.BaseDirectory.Contains("/release", StringComparison.Ordinal)
            ? "release" : "debug";
        Output = Run(
            "unshare",
            ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                "/usr/bin/env", "PYTHONDONTWRITEBYTECODE=1", "/usr/bin/python3",
                Path.Combine(root, "tests/RetentionEngine.Onion.Tests/Net/experiment.py"), _folder,
                Path.Combine(bin, "RetentionEngine.Onion", kind, "onion-transport"),
                Path.Combine(bin, "retention", kind, "retention"),
                Path.Combine(root, "src/RetentionEngine.Onion/config")]);
        foreach (string line in Output.Split('\n'))
        {
            string[] words = line.Split(' ', 3);
            if (words.Length > 1 && words[0] is "ok" or "failed")
            {
                _shown[words[1]] = (words[0] is "ok", words.Length > 2 ? words[2] : "");
            }
        }
    }

    public string Output { get; } = "";

    public (bool IsGood, string Detail) this[string name] =>
        _shown.TryGetValue(name, out (bool, string) shown) ? shown : (false, "not reached:\n" + Output);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Run(string program, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(LimitMilliseconds))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }
        return output.Result + errors.Result;
    }

    private static string Root()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory != null && !File.Exists(Path.Combine(directory, "RetentionEngine.sln")))
        {
            directory = Path.GetDirectoryName(directory);
        }
        return directory ?? throw new InvalidOperationException("Tests run from a build tree.");
    }
}

/// <summary>Each trap and each threat that the design knows, shown on the running whole.</summary>
public sealed class ExperimentTests(Experiment experiment) : IClassFixture<Experiment>
{
    [Theory]
    [InlineData("network_is_up_within_90_s")]
    [InlineData("mail_goes_out_by_discovery_and_arrives")]
    [InlineData("the_circuit_is_the_client")]
    [InlineData("tls_passes_end_to_end")]
    [InlineData("headers_tell_nothing_of_the_sender")]
    [InlineData("mail_to_an_onion_needs_no_dns")]
    [InlineData("what_can_never_work_bounces_at_once")]
    [InlineData("the_torsocks_wrapper_still_works")]
    [InlineData("lookup_says_why")]
    [InlineData("test_walks_the_whole_way")]
    [InlineData("check_finds_no_hole_in_what_is_shipped")]
    [InlineData("check_names_the_holes")]
    [InlineData("strip_preferred_waits")]
    [InlineData("strip_required_waits")]
    [InlineData("tamper_preferred_waits")]
    [InlineData("tamper_required_waits")]
    [InlineData("strip_is_found_out")]
    [InlineData("tamper_required_is_found_out")]
    [InlineData("stall_preferred_waits")]
    [InlineData("stall_required_waits")]
    [InlineData("an_unsigned_announcement_sets_no_route")]
    [InlineData("an_unsigned_announcement_waits_if_required")]
    [InlineData("slow_dns_delays_other_mail_by_less_than_a_second")]
    [InlineData("relaying_through_the_onion_is_refused")]
    [InlineData("the_trap_is_real_without_it")]
    [InlineData("a_forged_proxy_line_is_refused")]
    [InlineData("connections_are_limited_by_circuit")]
    [InlineData("an_unreachable_onion_defers_with_its_reason")]
    [InlineData("an_onion_killed_before_the_session_defers")]
    [InlineData("and_its_mail_is_delivered_later")]
    [InlineData("an_onion_killed_within_the_session_defers")]
    [InlineData("and_that_mail_is_delivered_later_too")]
    [InlineData("without_the_lookup_server_rcpt_fails_within_a_second")]
    [InlineData("and_mail_in_the_queue_waits")]
    [InlineData("addresses_outlive_a_kill")]
    [InlineData("and_the_mail_goes_on")]
    [InlineData("no_onion_mail_went_the_usual_way")]
    [InlineData("the_fallback_relay_was_never_asked")]
    [InlineData("nothing_bounced")]
    [InlineData("our_log_names_no_mailbox")]
    [InlineData("there_is_no_network_but_lo")]
    [InlineData("both_logs_become_matching_records")]
    public void It_is_shown_that(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux's namespaces");
        (bool isGood, string detail) = experiment[name];
        Assert.True(isGood, detail);
    }
}
