using LogGen.Text;

namespace LogGen;

/// <summary>
/// A mailbox opened by IMAP, POP3 or ManageSieve: a login line and a line at its end.
/// </summary>
internal sealed class AccessSession : Actor
{
    private const int Login = 0;
    private const int Logout = 1;
    private const long Second = 1_000_000;

    private readonly Node _node;
    private readonly Protocol _protocol;
    private readonly int _mailbox;
    private readonly Ip _ip;
    private readonly int _port;
    private readonly int _pid;
    private readonly bool _isTls;
    private long _loginMicros;

    private enum Protocol : byte
    {
        Imap,
        Pop3,
        Sieve,
    }

    public AccessSession(Simulation sim)
    {
        Rng rng = sim.Rng;
        _mailbox = sim.Mails.Mailbox();

        // Every mailbox lives on one host and is seen from a few places only.
        _node = sim.Nodes[(int)(Rng.Mix((ulong)_mailbox + 0x40CE) % (ulong)sim.Options.Hosts)];
        ulong device = Rng.Mix(_mailbox, rng.Below(10) < 7 ? 0 : 1 + rng.Below(3));
        _ip = Ip.Device(device);
        int draw = rng.Below(1000);
        _protocol = draw < 780 ? Protocol.Imap
            : draw < 992 || _node.Access == AccessServer.Courier ? Protocol.Pop3 : Protocol.Sieve;
        _isTls = rng.Below(100) < 93;
        _port = (int)rng.Between(1025, 65_534);
        _pid = _node.Access == AccessServer.Courier ? 0 : _node.FreshPid();
    }

    /// <summary>Place in the list of open sessions.</summary>
    public int OpenIndex { get; set; } = -1;

    private Address User => new(AddressKind.Mailbox, _mailbox);

    private string ProtocolName => _protocol switch
    {
        Protocol.Imap => "imap",
        Protocol.Pop3 => "pop3",
        _ => "managesieve",
    };

    private Marks Marks => _isTls ? Marks.Tls : Marks.None;

    // Courier's lines are joined by user and port; two open sessions never share both.
    private long Key => (long)_mailbox << 18 | (long)_port << 2 | (long)_protocol;

    public static void Start(Simulation sim, long now)
    {
        var session = new AccessSession(sim);
        if (sim.OpenKeys.Add(session.Key))
        {
            session.Step(sim, now, Login);
        }
    }

    public override void Step(Simulation sim, long now, int step)
    {
        bool isCourier = _node.Access == AccessServer.Courier;
        if (step == Login)
        {
            _loginMicros = now;
            if (isCourier)
            {
                WriteCourierLogin(sim, now);
            }
            else
            {
                WriteDovecotLogin(sim, now);
            }
            sim.SessionsOpen.Add(this);
            sim.At(now + LengthMicros(sim.Rng), this, Logout);
            return;
        }
        if (isCourier)
        {
            WriteCourierLogout(sim, now);
        }
        else
        {
            WriteDovecotLogout(sim, now);
        }
        sim.Truth.Access(_node, ProtocolName, _loginMicros, now, User, _ip, Marks);
        sim.SessionsOpen.Remove(this);
        sim.OpenKeys.Remove(Key);
    }

    public void WriteInFlight(Truth truth) =>
        truth.Access(_node, ProtocolName, _loginMicros, 0, User, _ip, Marks | Marks.InFlight);

    // Polls and POP3 are short; clients that idle stay until the line breaks, some for days.
    private long LengthMicros(Rng rng)
    {
        double seconds = _protocol == Protocol.Imap && rng.Below(100) < 30
            ? rng.LogNormal(1_700, 1.1)
            : rng.LogNormal(_protocol == Protocol.Imap ? 6 : 0.7, 1.3);
        return (long)(Math.Clamp(seconds, 0.03, 6 * 86_400) * Second);
    }

    private Daemon CourierDaemon => (_protocol, _isTls) switch
    {
        (Protocol.Imap, true) => Daemon.ImapdSsl,
        (Protocol.Imap, false) => Daemon.Imapd,
        (_, true) => Daemon.Pop3dSsl,
        _ => Daemon.Pop3d,
    };

    private void WriteCourierLogin(Simulation sim, long now)
    {
        ByteWriter line = sim.Log.Begin(now, _node, CourierDaemon, 0);
        line.Put($"LOGIN, user={User}, ip=[");
        _ip.WriteMapped(line);
        line.Put($"], port=[{_port}]");
        if (_protocol == Protocol.Imap)
        {
            line.Put(_isTls ? ", protocol=IMAP, starttls=1" : ", protocol=IMAP");
        }
        else
        {
            line.Put(_isTls ? ", stls=1" : "");
        }
        sim.Log.End();
    }

    private void WriteCourierLogout(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        string end = rng.Below(100) switch { < 78 => "LOGOUT", < 95 => "DISCONNECTED", _ =>
            "TIMEOUT" };
        ByteWriter line = sim.Log.Begin(now, _node, CourierDaemon, 0);
        line.Put($"{end}, user={User}, ip=[");
        _ip.WriteMapped(line);
        line.Put($"], port=[{_port}], ");
        long fetched = rng.Below(3) == 0 ? (long)rng.LogNormal(20_000, 1.5) : 0;
        long seconds = now / Second - _loginMicros / Second;
        if (_protocol == Protocol.Imap)
        {
            line.Put($"headers={fetched / 9}, body={fetched}, rcvd={rng.Between(46, 1_900)}, "
                + $"sent={fetched + rng.Between(347, 2_900)}, time={seconds}");
            line.Put(_isTls ? ", starttls=1" : "");
        }
        else
        {
            line.Put($"top=0, retr={fetched}, rcvd={rng.Between(12, 90)}, "
                + $"sent={fetched + rng.Between(39, 900)}, time={seconds}");
            line.Put(_isTls ? ", stls=1" : "");
        }
        sim.Log.End();
    }

    private void WriteDovecotLogin(Simulation sim, long now)
    {
        ByteWriter line = sim.Log.Begin(now, _node, Daemon.Dovecot, _node.Pid(Daemon.Dovecot));
        line.Put($"{ProtocolName}-login: ");
        line.Put(_node.Access == AccessServer.Dovecot24 ? "Logged in: " : "Login: ");
        line.Put($"user=<{User}>, method={(_mailbox % 25 == 0 ? "CRAM-MD5" : "PLAIN")}, "
            + $"rip={_ip}, lip=");
        WriteOwnAddress(line);
        line.Put($", mpid={_pid}");
        line.Put(_isTls ? ", TLS, session=<" : ", session=<");
        WriteSession(line);
        line.Put(">"u8);
        sim.Log.End();
    }

    private void WriteDovecotLogout(Simulation sim, long now)
    {
        Rng rng = sim.Rng;
        ByteWriter line = sim.Log.Begin(now, _node, Daemon.Dovecot, _node.Pid(Daemon.Dovecot));
        line.Put($"{ProtocolName}({User})<{_pid}><");
        WriteSession(line);
        line.Put(">: "u8);
        long fetched = rng.Below(3) == 0 ? (long)rng.LogNormal(20_000, 1.5) : 0;
        switch (_protocol)
        {
            case Protocol.Pop3:
                line.Put($"Disconnected: Logged out top=0/0, "
                    + $"retr={Math.Min(fetched, 1)}/{fetched}, del=0/{rng.Between(0, 400)}, "
                    + $"size={fetched + rng.Between(0, 9_000_000)}");
                break;
            case Protocol.Sieve:
                line.Put($"Disconnected: Logged out "
                    + $"bytes={rng.Between(80, 900)}/{rng.Between(300, 4_000)}");
                break;
            default:
                WriteImapEnd(line, rng, fetched, (now - _loginMicros) / Second);
                break;
        }
        sim.Log.End();
    }

    private static void WriteImapEnd(ByteWriter line, Rng rng, long fetched, long seconds)
    {
        switch (rng.Below(10))
        {
            case 0 or 1 when seconds > 0:
                line.Put($"Disconnected: Connection closed (IDLE running for 0.001 + waiting "
                    + $"input for "
                    + $"{rng.Between(0, Math.Min(seconds - 1, 1_740))}.{rng.Between(100, 999)} "
                    + $"secs, 2 B in + 10 B out, state=wait-input)");
                break;
            case 2 when seconds > 0:
                line.Put($"Disconnected: Connection closed (UID FETCH finished "
                    + $"{rng.Between(0, Math.Min(seconds - 1, 1_740))}.{rng.Between(100, 999)} "
                    + $"secs ago)");
                break;
            case 3 when seconds > 1_800:
                line.Put("Disconnected: Inactivity - no input for 1800 secs"u8);
                break;
            default:
                line.Put("Disconnected: Logged out"u8);
                break;
        }
        line.Put($" in={rng.Between(90, 2_000)} out={fetched + rng.Between(600, 4_000)} "
            + $"deleted={(rng.Below(9) == 0 ? 1 : 0)} expunged={(rng.Below(9) == 0 ? 1 : 0)} "
            + $"trashed=0");
        line.Put($" hdr_count={fetched / 4_000} hdr_bytes={fetched / 9} "
            + $"body_count={Math.Min(fetched, 1)} body_bytes={fetched}");
    }

    private void WriteOwnAddress(ByteWriter line)
    {
        if (_ip.IsV6)
        {
            line.Put($"2001:db8::{_node.Host + 1}");
        }
        else
        {
            line.Put($"192.0.2.{_node.Host + 1}");
        }
    }

    // As Dovecot makes it: base 64 of the time in microseconds, the port and the address.
    private void WriteSession(ByteWriter line)
    {
        Span<byte> raw = stackalloc byte[24];
        for (int i = 0; i < 6; i++)
        {
            raw[i] = (byte)(_loginMicros >> (8 * i));
        }
        raw[6] = (byte)(_port >> 8);
        raw[7] = (byte)_port;
        int length = 12;
        if (_ip.IsV6)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(raw[8..], _ip.High);
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(raw[16..], _ip.Low);
            length = 24;
        }
        else
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(raw[8..], (uint)_ip.Low);
        }
        Span<byte> text = stackalloc byte[32];
        System.Buffers.Text.Base64.EncodeToUtf8(raw[..length], text, out _, out int written);
        line.Put(text[..written]);
    }
}
