using System.Security.Cryptography;
using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Relay;

namespace RetentionEngine.Onion.Dns;

/// <summary>What DNS says of a domain.</summary>
internal enum FindingKind
{
    /// <summary>Onions, by an authenticated answer.</summary>
    Onions,

    /// <summary>It has none; <see cref="Finding.IsSecure"/> says if that is proven.</summary>
    Absent,

    /// <summary>An authenticated answer names onions, none of which can work.</summary>
    Unusable,

    /// <summary>No answer that could be trusted. Nothing follows from that but to wait.</summary>
    Failed,
}

/// <param name="Targets">In the order in which to try them.</param>
/// <param name="IsSecure">Whether DNSSEC proves it; false if the domain is not signed.</param>
/// <param name="Lifetime">How long it holds.</param>
/// <param name="Why">For people, without the domain.</param>
internal sealed record Finding(
    FindingKind Kind, IReadOnlyList<OnionTarget> Targets, bool IsSecure, TimeSpan Lifetime,
    string Why)
{
    public static Finding Failure(string why) =>
        new(FindingKind.Failed, [], false, Discovery.FailureLifetime, why);
}

/// <summary>Sends a query and takes the reply.</summary>
/// <exception cref="IOException">There is none.</exception>
internal delegate Task<byte[]> DnsTransport(byte[] query, CancellationToken end);

/// <summary>Looks for the onions of a domain in DNS.</summary>
/// <remarks>
/// SRV _onion-mx._tcp.DOMAIN as others publish it, then, if wanted, TXT "onion-mx=ONION[:PORT]" at
/// the domain itself. Only an answer with AD makes a route. An answer without it means "not
/// signed" only if the validator has shown that it validates: the root is signed, so its SOA must
/// come with AD.
/// </remarks>
internal sealed class Discovery(DnsTransport transport, bool hasText, TimeProvider time)
{
    public static readonly TimeSpan FailureLifetime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_lifetimeMin = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_lifetimeMax = TimeSpan.FromDays(1);
    private static readonly TimeSpan s_absenceMax = TimeSpan.FromHours(3);
    private static readonly TimeSpan s_proofTime = TimeSpan.FromHours(1);

    private const int TargetsMax = 3;
    private const string TextPrefix = "onion-mx=";

    private long _proven = long.MinValue;

    /// <summary>Asks. Never throws but for the caller's cancellation.</summary>
    public async Task<Finding> FindAsync(string domain, CancellationToken end)
    {
        try
        {
            // "_onion-mx._tcp." must fit before the domain.
            string service = "_onion-mx._tcp." + domain;
            if (service.Length > 253)
            {
                return new Finding(FindingKind.Absent, [], true, s_absenceMax, "name too long");
            }
            Finding finding = await AskAsync(service, DnsMessage.Srv, end);
            if (finding.Kind != FindingKind.Absent || !hasText)
            {
                return finding;
            }
            Finding text = await AskAsync(domain, DnsMessage.Txt, end);
            return text.Kind == FindingKind.Absent
                ? text with
                {
                    IsSecure = text.IsSecure && finding.IsSecure,
                    Lifetime = text.Lifetime < finding.Lifetime ? text.Lifetime : finding.Lifetime,
                }
                : text;
        }
        catch (IOException e)
        {
            return Finding.Failure("DNS: " + (e.InnerException is SocksException
                ? e.Message : "no answer"));
        }
    }

    private async Task<Finding> AskAsync(string name, ushort type, CancellationToken end)
    {
        DnsReply? reply = await QueryAsync(name, type, end);
        if (reply == null)
        {
            return Finding.Failure("DNS: malformed answer");
        }
        if (reply.Code is not 0 and not DnsMessage.NoSuchName)
        {
            return Finding.Failure(reply.Code switch
            {
                2 => "DNS: server failure, or signatures that do not hold",
                DnsMessage.Refused => "DNS: refused",
                _ => FormattableString.Invariant($"DNS: error {reply.Code}"),
            });
        }
        if (!reply.IsAuthentic && !await IsValidatingAsync(end))
        {
            return Finding.Failure("DNS: the validator does not validate");
        }
        bool isAnnounced = type == DnsMessage.Srv
            ? reply.Answers.Any(r => r.Target.Length > 0)
            : reply.Answers.Any(r => r.Target.StartsWith(TextPrefix, StringComparison.Ordinal));
        if (!isAnnounced || !reply.IsAuthentic)
        {
            string why = (isAnnounced, reply.IsAuthentic) switch
            {
                (true, _) => "an onion is announced but not signed: ignored",
                (_, true) => "no onion, proven by DNSSEC",
                _ => "no onion, and the domain is not signed",
            };
            return new Finding(
                FindingKind.Absent, [], reply.IsAuthentic,
                Clamp(reply.NegativeTtl ?? 0, s_absenceMax), why);
        }
        return Choose(reply, type);
    }

    private static Finding Choose(DnsReply reply, ushort type)
    {
        var targets = new List<OnionTarget>();
        OnionFault fault = OnionFault.NotOnion;
        foreach (DnsRecord record in reply.Answers.OrderBy(r => r.Priority)
            .ThenByDescending(r => r.Weight).ThenBy(r => r.Target, StringComparer.Ordinal))
        {
            OnionTarget? target = null;
            if (type == DnsMessage.Srv)
            {
                OnionFault name = OnionName.Parse(record.Target, out string onion);
                fault = name == OnionFault.Valid ? fault : name;
                target = name == OnionFault.Valid && record.Port > 0
                    ? new OnionTarget(onion, record.Port) : null;
            }
            else if (record.Target.StartsWith(TextPrefix, StringComparison.Ordinal))
            {
                fault = OnionTarget.Parse(
                    record.Target.AsSpan(TextPrefix.Length).Trim(), out target);
            }
            if (target != null && targets.Count < TargetsMax && !targets.Contains(target))
            {
                targets.Add(target);
            }
        }
        TimeSpan lifetime = Clamp(reply.Answers.Min(r => r.Ttl), s_lifetimeMax);
        return targets.Count > 0
            ? new Finding(
                FindingKind.Onions, targets, true, lifetime, "announced and authenticated")
            : new Finding(FindingKind.Unusable, [], true, lifetime, OnionName.Describe(fault));
    }

    private async Task<bool> IsValidatingAsync(CancellationToken end)
    {
        long proven = Interlocked.Read(ref _proven);
        if (proven != long.MinValue && time.GetElapsedTime(proven) < s_proofTime)
        {
            return true;
        }
        DnsReply? root = await QueryAsync("", DnsMessage.Soa, end);
        if (root is not { Code: 0, IsAuthentic: true })
        {
            return false;
        }
        Interlocked.Exchange(ref _proven, time.GetTimestamp());
        return true;
    }

    private async Task<DnsReply?> QueryAsync(string name, ushort type, CancellationToken end)
    {
        ushort id = (ushort)RandomNumberGenerator.GetInt32(1 << 16);
        byte[] reply = await transport(DnsMessage.Query(id, name, type), end);
        return DnsMessage.Read(reply, id, name, type);
    }

    private static TimeSpan Clamp(uint seconds, TimeSpan most)
    {
        TimeSpan ttl = TimeSpan.FromSeconds(seconds);
        return ttl < s_lifetimeMin ? s_lifetimeMin : ttl > most ? most : ttl;
    }
}
