using System.Text;
using LogGen.Text;

namespace LogGen;

internal enum Daemon : byte
{
    Smtpd, Submission, Reinject, Cleanup, Qmgr, Pickup, Smtp, Lmtp, Local, Virtual, Pipe, Error,
    Retry, Bounce, Postsuper, Postscreen, Dnsblog, Anvil, Scache, Tlsproxy, Master,
    Dovecot, Imapd, ImapdSsl, Pop3d, Pop3dSsl, Cron, Rspamd, Amavis, Opendkim,
    Count,
}

internal enum LocalTransport : byte
{
    LmtpSocket, LmtpTcp, Virtual, Local, Pipe,
}

internal enum AccessServer : byte
{
    Courier, Dovecot23, Dovecot24,
}

internal enum FilterMode : byte
{
    /// <summary>No content filter.</summary>
    None,

    /// <summary>The filter hands back without telling whose mail it is.</summary>
    Anonymous,

    /// <summary>XFORWARD with the client's address only.</summary>
    OrigClient,

    /// <summary>XFORWARD with the client's address and the first queue id.</summary>
    OrigQueueId,
}

/// <summary>
/// One Postfix instance with its neighbours on one host: its configuration and processes.
/// </summary>
internal sealed class Node
{
    public required int Index { get; init; }

    /// <summary>Number of the host; two instances on one host share it.</summary>
    public required int Host { get; init; }

    /// <summary>Host column of the log.</summary>
    public required string LogName { get; init; }

    public required string Instance { get; init; }

    public required bool HasLongIds { get; init; }

    /// <summary>
    /// 3.11: link lines before the notification's first line, <c>tls=</c>, <c>(canceled)</c>.
    /// </summary>
    public required bool IsNew { get; init; }

    public required FilterMode Filter { get; init; }

    public required double FilterShare { get; init; }

    public required LocalTransport Transport { get; init; }

    public required AccessServer Access { get; init; }

    public required long QueueLifetimeSeconds { get; init; }

    public required bool WarnsOfDelay { get; init; }

    public required QueueIdSource QueueIds { get; init; }

    public required Rng Rng { get; init; }

    public byte[][] Prefixes { get; } = new byte[(int)Daemon.Count][];

    /// <summary>
    /// Host column of the truth: with the instance where it is not <c>postfix</c>.
    /// </summary>
    public string TruthName =>
        string.Equals(Instance, "postfix", StringComparison.Ordinal) ? LogName : $"{LogName}/"
            + $"{Instance}";

    private readonly Stack<int> _idleSmtpd = new();
    private readonly int[] _pids = new int[(int)Daemon.Count * 4];
    private int _nextPid = 600;

    public int FreshPid()
    {
        _nextPid += 1 + Rng.Below(30);
        if (_nextPid > 4_194_000)
        {
            _nextPid = 1000 + Rng.Below(500);
        }
        return _nextPid;
    }

    /// <summary>
    /// One of up to four running processes of the daemon; now and then a new one.
    /// </summary>
    public int Pid(Daemon daemon)
    {
        bool single = daemon is Daemon.Qmgr or Daemon.Pickup or Daemon.Anvil or Daemon.Master
            or Daemon.Scache or Daemon.Postscreen or Daemon.Rspamd or Daemon.Opendkim
            or Daemon.Dovecot;
        ref int pid = ref _pids[(int)daemon * 4 + (single ? 0 : Rng.Below(4))];
        if (pid == 0 || (!single && Rng.Below(60) == 0))
        {
            pid = FreshPid();
        }
        return pid;
    }

    /// <summary>An smtpd process for one connection; it must be handed back.</summary>
    public int TakeSmtpd() =>
        _idleSmtpd.TryPop(out int pid) && Rng.Below(40) != 0 ? pid : FreshPid();

    public void ReturnSmtpd(int pid) => _idleSmtpd.Push(pid);
}

/// <summary>The hosts of the made-up site.</summary>
internal static class Topology
{
    private static readonly string[] s_names = ["mx1", "mx2", "relay1", "mail3", "in1", "box5",
        "out1"];

    public static string ShortName(int host) =>
        host < s_names.Length ? s_names[host] : $"node{host}";

    public static void WriteHostName(ByteWriter writer, int host)
    {
        writer.Put(ShortName(host));
        writer.Put(".example.org"u8);
    }

    /// <summary>
    /// Hosts in order; from three hosts on, the third runs a second instance, which is last.
    /// </summary>
    public static Node[] Build(int hostCount, Rng rng)
    {
        var nodes = new Node[hostCount >= 3 ? hostCount + 1 : hostCount];
        for (int i = 0; i < nodes.Length; i++)
        {
            nodes[i] = i < hostCount
                ? Create(i, i, "postfix", rng)
                : Create(i, 2, "postfix-in", rng);
        }
        return nodes;
    }

    private static Node Create(int index, int host, string instance, Rng rng)
    {
        int role = index < 8 ? index : index % 7;
        bool isLong = role % 2 == 0;
        var ownRng = new Rng(rng.Next());
        var node = new Node
        {
            Index = index,
            Host = host,
            LogName = role == 4 ? $"{ShortName(host)}.example.org" : ShortName(host),
            Instance = instance,
            HasLongIds = isLong,
            IsNew = role is 2 or 5,
            Filter = role switch
            {
                3 => FilterMode.Anonymous,
                4 => FilterMode.OrigQueueId,
                6 => FilterMode.OrigClient,
                _ => FilterMode.None,
            },
            FilterShare = role == 3 ? 0.25 : 0.5,
            Transport = role switch
            {
                0 => LocalTransport.LmtpSocket,
                1 => LocalTransport.Virtual,
                3 => LocalTransport.Local,
                4 => LocalTransport.Pipe,
                6 => LocalTransport.Virtual,
                _ => LocalTransport.LmtpTcp,
            },
            Access = role switch
            {
                1 or 3 or 5 => AccessServer.Courier,
                2 or 7 => AccessServer.Dovecot24,
                _ => AccessServer.Dovecot23,
            },
            QueueLifetimeSeconds = role switch { 6 => 6 * 3600, 2 or 3 => 2 * 86_400, _ =>
                5 * 86_400 },
            WarnsOfDelay = role is 0 or 5,
            QueueIds = new QueueIdSource(isLong, 131_072 + rng.Below(3_000_000), ownRng),
            Rng = ownRng,
        };
        for (int daemon = 0; daemon < (int)Daemon.Count; daemon++)
        {
            node.Prefixes[daemon] = Encoding.ASCII.GetBytes($" {node.LogName} "
                + $"{Tag(node, (Daemon)daemon)}");
        }
        return node;
    }

    // Ends before the process id, or with the colon where the program writes none.
    private static string Tag(Node node, Daemon daemon) => daemon switch
    {
        Daemon.Submission => $"{node.Instance}/"
            + $"{(node.Index % 2 == 0 ? "submission" : "smtps")}/smtpd[",
        Daemon.Reinject => node.Index == 3 ? $"{node.Instance}/smtpd["
            : $"{node.Instance}/10025/smtpd[",
        Daemon.Dovecot => node.Access == AccessServer.Dovecot24 ? "dovecot[" : "dovecot: ",
        Daemon.Imapd => "imapd: ",
        Daemon.ImapdSsl => "imapd-ssl: ",
        Daemon.Pop3d => "pop3d: ",
        Daemon.Pop3dSsl => "pop3d-ssl: ",
        Daemon.Cron => "CRON[",
        Daemon.Rspamd => "rspamd[",
        Daemon.Amavis => "amavis[",
        Daemon.Opendkim => "opendkim[",
        _ => $"{node.Instance}/{daemon.ToString().ToLowerInvariant()}[",
    };
}
