using System.Net;
using RetentionEngine.Onion.Dns;
using RetentionEngine.Onion.Lookup;
using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Relay;
using RetentionEngine.Onion.Routing;
using RetentionEngine.Onion.Service;
using Xunit;

namespace RetentionEngine.Onion.Tests;

/// <summary>What DNS may do to mail, friendly and hostile.</summary>
public sealed class RoutingTests : IDisposable
{
    private const string Domain = "example.org";

    private static readonly string s_onion = OnionNameTests.Name(1);
    private readonly Scratch _scratch = new();
    private readonly Log _log;

    /// <summary>Replies by type of query; null never answers.</summary>
    private Func<ushort, string, ushort, byte[]?> _resolver = (_, _, _) => null;

    public RoutingTests() => _log = new Log(_scratch.Journal);

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("prefer", "onion")]
    [InlineData("require", "onion")]
    [InlineData("never", "clearnet")]
    public async Task An_authenticated_announcement_makes_a_route(string policy, string expected)
    {
        _resolver = Validated((id, name, type) => type == DnsMessage.Srv
            ? DnsReplies.Srv(id, name, true, (0, 5, 25, s_onion)) : null);
        Assert.Equal(expected, await GoesAsync(policy));
    }

    [Theory]
    [InlineData("prefer", "clearnet")]
    [InlineData("require", "waits")]
    public async Task An_unsigned_announcement_makes_none(string policy, string expected)
    {
        _resolver = Validated((id, name, _) =>
            DnsReplies.Srv(id, name, false, (0, 5, 25, s_onion)));
        Assert.Equal(expected, await GoesAsync(policy));
    }

    [Theory]
    [InlineData("prefer", true, "clearnet")]
    [InlineData("prefer", false, "clearnet")]
    [InlineData("require", true, "waits")]
    [InlineData("require", false, "waits")]
    public async Task Absence_sends_mail_the_usual_way_unless_required(
        string policy, bool isSecure, string expected)
    {
        _resolver = Validated((id, name, type) => DnsReplies.Empty(id, name, type, isSecure, 3));
        Assert.Equal(expected, await GoesAsync(policy));
    }

    [Theory]
    [InlineData("prefer")]
    [InlineData("require")]
    public async Task A_resolver_that_strips_signatures_never_sends_mail_the_usual_way(string policy)
    {
        // What the validator makes of it: SERVFAIL.
        _resolver = Validated((id, name, type) => DnsReplies.Empty(id, name, type, false, 2));
        Assert.Equal("waits", await GoesAsync(policy));
    }

    [Theory]
    [InlineData("prefer")]
    [InlineData("require")]
    public async Task A_resolver_that_does_not_validate_is_not_believed(string policy)
    {
        // Everything unsigned, the root too: "no onion" from it means nothing.
        _resolver = (id, name, type) => DnsReplies.Empty(id, name, type, false, 3);
        Assert.Equal("waits", await GoesAsync(policy));
    }

    [Theory]
    [InlineData("prefer")]
    [InlineData("require")]
    public async Task Tampered_and_foreign_replies_make_mail_wait(string policy)
    {
        byte[] good = DnsReplies.Srv(1, "x", true, (0, 5, 25, s_onion));
        foreach (byte[] reply in (byte[][])[[], [1, 2, 3], good, new byte[12]])
        {
            _resolver = (_, _, _) => reply;
            Assert.Equal("waits", await GoesAsync(policy));
        }
    }

    [Theory]
    [InlineData("prefer")]
    [InlineData("require")]
    public async Task A_resolver_that_stalls_makes_mail_wait_and_is_asked_once(string policy)
    {
        int asked = 0;
        var answer = new TaskCompletionSource<Finding>();
        var cache = new FindingCache(
            (_, _) =>
            {
                Interlocked.Increment(ref asked);
                return answer.Task;
            },
            new Metrics(), TimeProvider.System);
        Router router = MakeRouter(cache, policy);
        var credit = Scratch.Credit;
        for (int i = 0; i < 20; i++)
        {
            Answer given = await router.AnswerAsync(new MapRequest("onion", "u@" + Domain, 0), credit);
            Assert.Equal(AnswerKind.Temporary, given.Kind);
        }
        Assert.Equal(1, asked);
        Assert.True(credit.Left < WaitCredit.Most);
    }

    [Fact]
    public async Task What_was_once_seen_authenticated_does_not_go_unsigned_later()
    {
        _resolver = Validated((id, name, _) => DnsReplies.Srv(id, name, true, (0, 5, 25, s_onion)));
        Assert.Equal("onion", await GoesAsync("prefer"));
        _resolver = Validated((id, name, type) => DnsReplies.Empty(id, name, type, false, 3));
        Assert.Equal("waits", await GoesAsync("prefer"));
        // Only the domain's own keys take back what they said.
        _resolver = Validated((id, name, type) => DnsReplies.Empty(id, name, type, true, 3));
        Assert.Equal("clearnet", await GoesAsync("prefer"));
        _resolver = Validated((id, name, type) => DnsReplies.Empty(id, name, type, false, 3));
        Assert.Equal("clearnet", await GoesAsync("prefer"));
    }

    [Fact]
    public async Task Memory_ends_after_its_days()
    {
        var clock = new Clock();
        var memory = new Memory(_scratch.Folder, 90, _log, clock);
        memory.Remember(Domain);
        clock.Now += TimeSpan.FromDays(90);
        Assert.True(new Memory(_scratch.Folder, 90, _log, clock).Holds(Domain));
        clock.Now += TimeSpan.FromDays(1);
        Assert.False(memory.Holds(Domain));
        Assert.False(new Memory(_scratch.Folder, 90, _log, clock).Holds(Domain));
        Assert.Empty(await File.ReadAllTextAsync(Path.Combine(_scratch.Folder, "seen")));
    }

    [Fact]
    public async Task Servers_are_tried_by_priority_and_dead_names_are_left_out()
    {
        _resolver = Validated((id, name, _) => DnsReplies.Srv(
            id, name, true, (20, 0, 25, OnionNameTests.Name(3)), (0, 0, 25, "expyuzz4wqqyqhjn.onion"),
            (10, 1, 2525, OnionNameTests.Name(2)), (10, 9, 25, s_onion)));
        Finding finding = await FindAsync(hasText: false);
        Assert.Equal(
            [s_onion + ":25", OnionNameTests.Name(2) + ":2525", OnionNameTests.Name(3) + ":25"],
            finding.Targets.Select(t => t.ToString()));
        Assert.Equal(TimeSpan.FromMinutes(5), finding.Lifetime);
    }

    [Theory]
    [InlineData("prefer", "clearnet")]
    [InlineData("require", "waits")]
    public async Task Only_dead_names_are_as_none(string policy, string expected)
    {
        _resolver = Validated((id, name, _) =>
            DnsReplies.Srv(id, name, true, (0, 0, 25, "expyuzz4wqqyqhjn.onion")));
        Assert.Equal(expected, await GoesAsync(policy));
    }

    [Fact]
    public async Task A_text_is_looked_for_if_wanted()
    {
        _resolver = Validated((id, name, type) => type == DnsMessage.Txt
            ? DnsReplies.Txt(id, name, true, "v=spf1 -all", "onion-mx=" + s_onion + ":2525")
            : DnsReplies.Empty(id, name, type, true, 3));
        Assert.Equal(FindingKind.Absent, (await FindAsync(hasText: false)).Kind);
        Assert.Equal(
            [s_onion + ":2525"], (await FindAsync(hasText: true)).Targets.Select(t => t.ToString()));
    }

    [Fact]
    public async Task Two_onions_with_one_hash_never_share_an_address()
    {
        var book = new AddressBook(_scratch.Folder);
        var mine = new OnionTarget(s_onion, 25);
        IPEndPoint address = book.Hash(mine);
        // As if another had come first to the address that is this one's by its hash.
        File.WriteAllText(
            Path.Combine(_scratch.Folder, "addresses"), $"{address} {OnionNameTests.Name(2)}:25\n");
        book = new AddressBook(_scratch.Folder);
        Assert.Null(book.Give(mine, out bool isFull));
        Assert.False(isFull);
        Assert.Equal(address, book.Give(new OnionTarget(OnionNameTests.Name(2), 25), out _));
        Router router = MakeRouter(null, "prefer", book);
        Answer answer = await router.AnswerAsync(
            new MapRequest("onion", "u@" + s_onion, 0), Scratch.Credit);
        Assert.Equal(
            new Answer(AnswerKind.Temporary, "another onion has this loopback address"), answer);
    }

    [Fact]
    public void Addresses_are_spread_in_their_range_and_survive_a_cut_line()
    {
        var book = new AddressBook(_scratch.Folder);
        var all = new HashSet<IPEndPoint>();
        for (int seed = 0; seed < 300; seed++)
        {
            IPEndPoint address = book.Give(new OnionTarget(OnionNameTests.Name(seed), 25), out _)!;
            byte[] bytes = address.Address.GetAddressBytes();
            Assert.Equal((127, 64), (bytes[0], bytes[1] & 0xC0));
            Assert.InRange(address.Port, 10_000, 26_383);
            Assert.True(all.Add(address));
        }
        string path = Path.Combine(_scratch.Folder, "addresses");
        File.AppendAllText(path, "127.64.1.1:10000 half");
        Assert.Equal(300, new AddressBook(_scratch.Folder).All.Count);
        File.AppendAllText(path, "127.64.1.1:10000 nonsense\n");
        Assert.Throws<ConfigException>(() => new AddressBook(_scratch.Folder));
    }

    [Fact]
    public async Task Findings_are_bounded()
    {
        var cache = new FindingCache(
            (_, _) => Task.FromResult(Finding.Failure("x")), new Metrics(), TimeProvider.System);
        for (int i = 0; i < FindingCache.EntriesMax + 100; i++)
        {
            Assert.NotNull(await cache.GetAsync($"d{i}.example", TimeSpan.FromSeconds(30)));
        }
        var never = new TaskCompletionSource<Finding>();
        int flights = 0;
        cache = new FindingCache(
            (_, _) =>
            {
                Interlocked.Increment(ref flights);
                return never.Task;
            },
            new Metrics(), TimeProvider.System);
        for (int i = 0; i < FindingCache.FlightsMax + 50; i++)
        {
            Assert.Null(await cache.GetAsync($"d{i}.example", TimeSpan.Zero));
        }
        while (Volatile.Read(ref flights) < FindingCache.FlightsMax)
        {
            await Task.Delay(10);
        }
        Assert.Equal(FindingCache.FlightsMax, flights);
    }

    private async Task<string> GoesAsync(string policy)
    {
        var discovery = new Discovery(TransportAsync, false, TimeProvider.System);
        var cache = new FindingCache(discovery.FindAsync, new Metrics(), TimeProvider.System);
        Answer answer = await MakeRouter(cache, policy).AnswerAsync(
            new MapRequest(Router.PatientMap, "u@" + Domain, 0), Scratch.Credit);
        return answer switch
        {
            { Kind: AnswerKind.NotFound } => "clearnet",
            { Kind: AnswerKind.Temporary } => "waits",
            _ => answer.Text.StartsWith("onion:", StringComparison.Ordinal) ? "onion" : answer.Text,
        };
    }

    private Task<Finding> FindAsync(bool hasText) =>
        new Discovery(TransportAsync, hasText, TimeProvider.System)
            .FindAsync(Domain, CancellationToken.None);

    private Task<byte[]> TransportAsync(byte[] query, CancellationToken end)
    {
        (ushort id, string name, ushort type) = DnsReplies.Question(query);
        return _resolver(id, name, type) is byte[] reply
            ? Task.FromResult(reply) : throw new IOException("no answer");
    }

    /// <summary>A validator whose root is signed, as it has to be.</summary>
    private static Func<ushort, string, ushort, byte[]?> Validated(
        Func<ushort, string, ushort, byte[]?> inner) =>
        (id, name, type) => name.Length == 0
            ? DnsReplies.Empty(id, name, type, true, 0) : inner(id, name, type);

    private Router MakeRouter(FindingCache? cache, string policy, AddressBook? book = null)
    {
        string map = _scratch.Write("map", $"* {policy}\n");
        return new Router(
            new PolicyFile(map, _log, TimeProvider.System), cache,
            new Memory(_scratch.Folder, 90, _log, TimeProvider.System),
            book ?? new AddressBook(_scratch.Folder), (_, _) => { }, "onion", _log, new Metrics(),
            TimeProvider.System);
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
