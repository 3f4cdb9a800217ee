using System.Net;
using System.Net.Sockets;
using RetentionEngine.Onion.Dns;
using RetentionEngine.Onion.Lookup;
using RetentionEngine.Onion.Names;
using RetentionEngine.Onion.Relay;
using RetentionEngine.Onion.Service;

namespace RetentionEngine.Onion.Routing;

/// <summary>What is to be done with the mail of a domain, before an address is given.</summary>
/// <param name="Targets">Where to bring it; empty if <paramref name="Otherwise"/> is the answer.
/// </param>
/// <param name="Why">For people.</param>
internal sealed record Decision(
    IReadOnlyList<OnionTarget> Targets, Answer Otherwise, string Why);

/// <summary>Decides about each key of Postfix.</summary>
/// <param name="findings">Null without discovery.</param>
/// <param name="relay">Opens the listener of a target.</param>
internal sealed class Router(
    PolicyFile policies, FindingCache? findings, Memory memory, AddressBook book,
    Action<OnionTarget, IPEndPoint> relay, string transport, Log log, Metrics metrics,
    TimeProvider time)
{
    /// <summary>The map for those who may wait: not the queue manager.</summary>
    public const string PatientMap = "onion-patient";

    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(2500);

    /// <summary>Answers a lookup; never throws, never waits longer than the credit.</summary>
    public async ValueTask<Answer> AnswerAsync(MapRequest request, WaitCredit credit)
    {
        Answer answer = await FindAsync(request, credit);
        if (answer.Kind == AnswerKind.Temporary)
        {
            metrics.Deferred.Increment();
        }
        else if (answer.Kind == AnswerKind.Found)
        {
            metrics.Routed.Increment();
        }
        return answer;
    }

    /// <summary>Decides about a domain, as <see cref="DomainName"/> gives it.</summary>
    /// <param name="ask">Takes the domain to its finding; null if that takes too long.</param>
    public async ValueTask<Decision> DecideAsync(
        string domain, Func<string, ValueTask<Finding?>>? ask)
    {
        if (OnionName.IsUnderOnion(domain))
        {
            OnionFault fault = OnionTarget.Parse(domain, out OnionTarget? direct);
            return direct != null
                ? Go([direct], "the domain is an onion")
                : new Decision([], Answer.Never(OnionName.Describe(fault)), "an onion by its name");
        }
        Policy policy = policies.Current.For(domain);
        switch (policy.Kind)
        {
            case PolicyKind.Never:
                return new Decision([], Answer.NotFound, "the map file says never");
            case PolicyKind.Pin:
                return policy.Target != null
                    ? Go([policy.Target], "the map file names the onion")
                    : new Decision(
                        [], Answer.Never(OnionName.Describe(policy.Fault)),
                        "the map file is wrong");
        }
        bool isRequired = policy.Kind == PolicyKind.Require;
        if (ask == null)
        {
            return isRequired
                ? Wait("an onion is required, and discovery is off")
                : new Decision([], Answer.NotFound, "discovery is off");
        }
        Finding? finding = await ask(domain);
        return finding == null
            ? Wait("DNS through Tor is slow") : Weigh(domain, finding, isRequired);
    }

    private Decision Weigh(string domain, Finding finding, bool isRequired)
    {
        switch (finding.Kind)
        {
            case FindingKind.Onions:
                memory.Remember(domain);
                return Go(finding.Targets, finding.Why);
            case FindingKind.Failed:
                return Wait(finding.Why);
        }
        // What is proven by the domain's own keys is its owner's word, and undoes what was seen.
        if (finding.IsSecure)
        {
            memory.Forget(domain);
        }
        if (isRequired)
        {
            return Wait("an onion is required: " + finding.Why);
        }
        return memory.Holds(domain)
            ? Wait("an onion was announced before: " + finding.Why)
            : new Decision([], Answer.NotFound, finding.Why);
    }

    private async ValueTask<Answer> FindAsync(MapRequest request, WaitCredit credit)
    {
        string? domain = DomainName.FromKey(request.Key);
        if (domain == null)
        {
            return Answer.NotFound;
        }
        Decision decision = await DecideAsync(
            domain, findings == null ? null : d => AskAsync(d, request.Map, credit));
        return decision.Targets.Count > 0 ? Address(decision.Targets) : decision.Otherwise;
    }

    private async ValueTask<Finding?> AskAsync(string domain, string map, WaitCredit credit)
    {
        if (map is PatientMap)
        {
            return await findings!.GetAsync(domain, s_patience);
        }
        long start = time.GetTimestamp();
        ValueTask<Finding?> answer = findings!.GetAsync(domain, credit.Left);
        if (answer.IsCompleted)
        {
            return await answer;
        }
        Finding? finding = await answer;
        credit.Spend(time.GetElapsedTime(start));
        return finding;
    }

    private Answer Address(IReadOnlyList<OnionTarget> targets)
    {
        var addresses = new List<string>();
        string reason = "no loopback address is free";
        foreach (OnionTarget target in targets)
        {
            try
            {
                IPEndPoint? address = book.Give(target, out bool isFull);
                if (address != null)
                {
                    relay(target, address);
                    addresses.Add(
                        FormattableString.Invariant($"[{address.Address}]:{address.Port}"));
                    continue;
                }
                reason = isFull ? "too many onions" : "another onion has this loopback address";
                metrics.Collisions.Increment();
            }
            catch (Exception e) when (e is IOException or SocketException
                or UnauthorizedAccessException)
            {
                reason = "the relay cannot listen for this onion";
            }
            log.Warn($"{target.Onion} has no address: {reason}");
        }
        return addresses.Count > 0
            ? Answer.Found($"{transport}:{string.Join(", ", addresses)}")
            : Answer.Temporary(reason);
    }

    private static Decision Go(IReadOnlyList<OnionTarget> targets, string why) =>
        new(targets, Answer.NotFound, why);

    private static Decision Wait(string why) => new([], Answer.Temporary(why), why);
}
