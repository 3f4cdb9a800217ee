namespace LogGen;

/// <summary>What to make. Defaults are those of the command line.</summary>
internal sealed record Options
{
    public ulong Seed { get; init; } = 1;

    /// <summary>Stop after about so many lines; 0: by bytes.</summary>
    public long Lines { get; init; }

    /// <summary>Stop after about so many bytes; 0: by lines.</summary>
    public long Bytes { get; init; }

    /// <summary>RFC 3339 stamps with microseconds instead of traditional ones.</summary>
    public bool IsRfc3339 { get; init; }

    /// <summary>What <c>journalctl -o export</c> prints, instead of lines.</summary>
    public bool IsJournal { get; init; }

    /// <summary>The mix of a host behind DNS block lists: hardly a line makes a record.</summary>
    public bool IsPostscreenHeavy { get; init; }

    /// <summary>A file, a directory (existing, or with a slash at its end), or <c>-</c>.</summary>
    public string Out { get; init; } = "-";

    public string? Truth { get; init; }

    public DateTimeOffset Start { get; init; } = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);

    public string Zone { get; init; } = "Europe/Berlin";

    public long RateBytesPerDay { get; init; } = 1_000_000_000;

    public int Hosts { get; init; } = 7;

    public int Mailboxes { get; init; } = 200_000;

    public int Peers { get; init; } = 2_000_000;

    /// <summary>Peers are drawn evenly, so that nearly every address is new.</summary>
    public bool HasUniformPeers { get; init; }

    /// <summary>Number of cuts; n cuts give n + 1 files.</summary>
    public int Cuts { get; init; }
}
