namespace LogGen.Text;

/// <summary>An entry of the journal as <c>journalctl -o export</c> prints it.</summary>
/// <remarks>Fields are those of a syslog line on a host with systemd 255, MESSAGE last.</remarks>
internal static class JournalEntry
{
    private const string BootId = "5f0c3d9be1a2476f8d6b7c1e2f304a5b";

    // The process id of programs that write none into their lines.
    private const int LoggerPid = 688;

    /// <summary>Writes all fields but the message, and the message's name.</summary>
    /// <param name="writer">Receives them.</param>
    /// <param name="now">The time.</param>
    /// <param name="number">Number of the entry.</param>
    /// <param name="prefix">
    /// What a line has behind its stamp: <c> HOST TAG[</c> or <c> HOST TAG: </c>.
    /// </param>
    /// <param name="pid">The process id that a line has, if it has one.</param>
    /// <param name="stamps">Writes the stamp that the program itself wrote.</param>
    public static void WriteHead(
        ByteWriter writer, long now, long number, ReadOnlySpan<byte> prefix, int pid, Stamps stamps)
    {
        int space = prefix[1..].IndexOf((byte)' ') + 1;
        ReadOnlySpan<byte> host = prefix[1..space];
        bool hasPid = prefix[^1] == '[';
        ReadOnlySpan<byte> tag = prefix[(space + 1)..^(hasPid ? 1 : 2)];
        ReadOnlySpan<byte> command = tag[(tag.LastIndexOf((byte)'/') + 1)..];
        writer.Put($"__CURSOR=s={BootId};i=");
        writer.Hex((ulong)number, 1, upper: false);
        writer.Put($";b={BootId};m=");
        writer.Hex((ulong)now & 0xFF_FFFF_FFFF, 1, upper: false);
        writer.Put(";t="u8);
        writer.Hex((ulong)now, 1, upper: false);
        writer.Put(";x="u8);
        writer.Hex(Rng.Mix((ulong)now), 1, upper: false);
        writer.Put($"\n__REALTIME_TIMESTAMP={now}\n__MONOTONIC_TIMESTAMP={now & 0xFF_FFFF_FFFF}\n"
            + $"_BOOT_ID={BootId}\nPRIORITY=6\nSYSLOG_FACILITY=2\n_UID=107\n_GID=115\n_COMM=");
        writer.Put(command);
        writer.Put("\n_EXE=/usr/lib/postfix/sbin/"u8);
        writer.Put(command);
        writer.Put("\n_CMDLINE="u8);
        writer.Put(command);
        writer.Put($" -t unix -u -c\n_CAP_EFFECTIVE=0\n_SELINUX_CONTEXT=unconfined\n"
            + $"_SYSTEMD_CGROUP=/system.slice/system-postfix.slice/postfix@-.service\n"
            + $"_SYSTEMD_UNIT=postfix@-.service\n_SYSTEMD_SLICE=system-postfix.slice\n"
            + $"_SYSTEMD_INVOCATION_ID={BootId}\n_MACHINE_ID={BootId}\n_TRANSPORT=syslog\n"
            + $"_RUNTIME_SCOPE=system\n_HOSTNAME=");
        writer.Put(host);
        writer.Put("\nSYSLOG_IDENTIFIER="u8);
        writer.Put(tag);
        writer.Put(hasPid ? $"\nSYSLOG_PID={pid}" : "");
        writer.Put("\nSYSLOG_TIMESTAMP="u8);
        stamps.WriteTraditional(writer, now);
        writer.Put($" \n_PID={(hasPid ? pid : LoggerPid)}\n_SOURCE_REALTIME_TIMESTAMP={now - 40}\n"
            + $"MESSAGE=");
    }
}
