using System.IO.Hashing;
using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Messages;

/// <summary>What Dovecot did with mails that Postfix calls sent: docs/RECORDS.md, "Sieve".</summary>
/// <remarks>
/// The line of LMTP and the status line that has its reply name the same session; LDA has no reply,
/// so its line is joined by message-id and mailbox, on one host. Two processes log them, so either
/// may come first: a fate without its status line waits here, by its key, and a status line without
/// a fate is listed by its keys and keeps its hop waiting for a short while.
/// </remarks>
internal sealed partial class Tracker
{
    /// <summary>A mail that is not known to be stored waits this long for the line that says so.</summary>
    internal const long FateWait = 10 * Second;

    /// <summary>
    /// Replies to all recipients of a mail come when the last one is done, and Postfix waits for
    /// them as long as this (lmtp_data_done_timeout).
    /// </summary>
    internal const long FateAgeMax = 10 * Minute;

    /// <summary>More fates than this do not wait for their status lines.</summary>
    internal const int FatesMax = 1 << 16;

    /// <summary>Longer mailbox names are joined by session only.</summary>
    private const int BoxLengthMax = 320;

    private readonly Dictionary<ulong, EarlyFate> _fates = [];

    // Recipients without a known fate, by both of their keys.
    private readonly KeyTable _fateKeys = new();
    private FateHost[] _fateHosts = new FateHost[16];

    /// <summary>A fate whose status line was not seen yet.</summary>
    private struct EarlyFate
    {
        public long TimeUnixMicros;

        /// <summary>Of the mailbox's domain; 0 for none.</summary>
        public ulong DomainHash;
        public int Group;
        public Fates Fates;

        /// <summary>Mailboxes that differ only by domain had a mail with this id.</summary>
        public bool IsAmbiguous;
    }

    /// <summary>What is known of Dovecot on a host.</summary>
    private struct FateHost
    {
        /// <summary>The first LMTP delivery whose fate was not known yet; 0 for none.</summary>
        public long FirstUnknownUnixMicros;

        /// <summary>Its LMTP, its LDA writes into this log.</summary>
        public bool HasLmtp;
        public bool HasLda;
    }

    private static Fates FatesOf(RecordStatus status) => status switch
    {
        RecordStatus.Discarded => Fates.Discarded,
        RecordStatus.Rejected => Fates.Rejected,
        RecordStatus.Redirected => Fates.Redirected,
        _ => Fates.Stored,
    };

    /// <summary>The last fate: what is in the mailbox has arrived, whatever else was done.</summary>
    private static RecordStatus StatusOf(ref readonly Recipient recipient) =>
        recipient.Fates == Fates.None || (recipient.Fates & Fates.Stored) != 0
            ? recipient.Status
            : (recipient.Fates & Fates.Redirected) != 0 ? RecordStatus.Redirected
            : (recipient.Fates & Fates.Rejected) != 0 ? RecordStatus.Rejected
            : RecordStatus.Discarded;

    private void AddFate(ref readonly LogEvent e, ReadOnlySpan<byte> block)
    {
        int group = _groups[e.Host];
        Fates fates = FatesOf(e.Status);
        ulong domain = 0;
        bool hasSession = e.Session.Length > 0;
        ulong key;
        if (hasSession)
        {
            _fateHosts[group].HasLmtp = true;
            key = SessionKey(e.Session.Of(block));
        }
        else
        {
            _fateHosts[group].HasLda = true;
            ReadOnlySpan<byte> id = e.MessageId.Of(block);
            bool hasId = !id.IsEmpty && !id.SequenceEqual("unspecified"u8);
            key = BoxKey(
                group, hasId ? MessageIdHash(id, _seed) : 0, e.User.Of(block), out domain);
        }
        if (key == 0)
        {
            return;
        }
        WriteSettled(key);
        if (hasSession ? TryJoin(key, fates) : TryJoinBox(key, domain, fates))
        {
            return;
        }
        bool isKnown = _fates.TryGetValue(key, out EarlyFate former) && !IsOld(in former);
        if (!isKnown && _fates.Count >= FatesMax)
        {
            return;
        }
        _fates[key] = new EarlyFate
        {
            TimeUnixMicros = e.TimeUnixMicros,
            Group = group,
            DomainHash = domain,
            Fates = isKnown ? former.Fates | fates : fates,
            IsAmbiguous = isKnown && (former.IsAmbiguous || former.DomainHash != domain),
        };
        if (_watch is { Line: >= 0 })
        {
            _watch.Fates[key] = _watch.Line;
        }
    }

    /// <summary>Writes the mails under a key that need not wait any longer.</summary>
    private void WriteSettled(ulong key)
    {
        for (int p = _fateKeys.First(key); p >= 0;)
        {
            int index = _recipients[_fateKeys.IndexAt(p)].Hop;
            bool isWritten = _hops[index].Has(HopMarks.Ended) && !_hops[index].Has(HopMarks.Written)
                && TryWrite(index);
            p = isWritten ? _fateKeys.First(key) : _fateKeys.Next(p, key);
        }
    }

    /// <summary>A status line came first; its session is exact.</summary>
    private bool TryJoin(ulong key, Fates fates)
    {
        int position = _fateKeys.First(key);
        if (position < 0)
        {
            return false;
        }
        AddFates(_fateKeys.IndexAt(position), fates);
        return true;
    }

    /// <summary>The same by message-id and mailbox, if but one mail can be meant.</summary>
    private bool TryJoinBox(ulong key, ulong domain, Fates fates)
    {
        int found = -1;
        for (int p = _fateKeys.First(key); p >= 0; p = _fateKeys.Next(p, key))
        {
            int r = _fateKeys.IndexAt(p);
            if (_recipients[r].Fates != Fates.None
                || _hops[_recipients[r].Hop].Has(HopMarks.Written))
            {
                // It may be another mail with the same id that is meant.
                continue;
            }
            _ = Folded(_batch.Strings[_recipients[r].To], out ulong own);
            if (domain == 0 || domain == own)
            {
                if (found >= 0)
                {
                    return true;
                }
                found = r;
            }
        }
        if (found >= 0)
        {
            AddFates(found, fates);
        }
        return found >= 0;
    }

    private void AddFates(int r, Fates fates)
    {
        ref Recipient recipient = ref _recipients[r];
        int index = recipient.Hop;
        _fateHosts[_groups[_hops[index].Host]].HasLmtp |= recipient.SessionKey != 0;
        if (_hops[index].Has(HopMarks.Written))
        {
            return;
        }
        recipient.Fates |= fates;
        if (_watch is { Line: >= 0 })
        {
            _watch.AddHop(index, _watch.Line);
        }
        if (fates == Fates.Stored)
        {
            UnlistFateKeys(r);
            TryWriteEnded(index);
        }
    }

    /// <summary>Takes the fate that came before this status line, or has a later one find it.</summary>
    private void FindFates(int index, int r, ref readonly LogEvent e, ReadOnlySpan<byte> block)
    {
        ref Recipient recipient = ref _recipients[r];
        int group = _groups[e.Host];
        ref FateHost host = ref _fateHosts[group];
        bool isLmtp = e.Agent == DeliveryAgent.Lmtp;
        if (isLmtp ? e.BoxSession.Length == 0 : !host.HasLda || recipient.EdgeKind != QueueEdge.None
            || e.Agent is not (DeliveryAgent.Local or DeliveryAgent.Pipe))
        {
            return;
        }
        ulong session = isLmtp ? SessionKey(e.BoxSession.Of(block)) : 0;
        ulong box = 0;
        Fates fates = isLmtp ? Take(session, 0, index) : Fates.None;
        if (fates != Fates.None)
        {
            host.HasLmtp = true;
        }
        else if (!isLmtp || !host.HasLmtp)
        {
            box = BoxKey(
                group, _hops[index].MessageIdHash, e.Recipient.Of(block), out ulong domain);
            fates = Take(box, domain, index);
        }
        recipient.Fates = fates;
        if ((fates & Fates.Stored) != 0)
        {
            return;
        }
        if (isLmtp && fates == Fates.None && host.FirstUnknownUnixMicros == 0)
        {
            host.FirstUnknownUnixMicros = e.TimeUnixMicros;
        }
        ListFateKeys(r, session, box);
    }

    private Fates Take(ulong key, ulong domain, int index)
    {
        if (_fates.Count == 0 || !_fates.TryGetValue(key, out EarlyFate fate) || IsOld(in fate)
            || fate.IsAmbiguous || (fate.DomainHash != 0 && fate.DomainHash != domain))
        {
            return Fates.None;
        }
        _fates.Remove(key);
        if (_watch is not null && _watch.Fates.Remove(key, out int line))
        {
            _watch.AddHop(index, line);
        }
        return fate.Fates;
    }

    private bool IsOld(ref readonly EarlyFate fate) =>
        _clocks[fate.Group] > fate.TimeUnixMicros + FateAgeMax;

    private void ListFateKeys(int r, ulong session, ulong box)
    {
        ref Recipient recipient = ref _recipients[r];
        recipient.SessionKey = session;
        recipient.BoxKey = box;
        if (session != 0)
        {
            _fateKeys.Add(session, r);
        }
        if (box != 0)
        {
            _fateKeys.Add(box, r);
        }
        _hops[recipient.Hop].Marks |= (session | box) != 0 ? HopMarks.Unsettled : 0;
    }

    private void UnlistFateKeys(int r)
    {
        ref Recipient recipient = ref _recipients[r];
        if (recipient.SessionKey != 0)
        {
            _fateKeys.Remove(recipient.SessionKey, r);
        }
        if (recipient.BoxKey != 0)
        {
            _fateKeys.Remove(recipient.BoxKey, r);
        }
        recipient.SessionKey = recipient.BoxKey = 0;
    }

    /// <summary>A new attempt has fates of its own.</summary>
    private void ForgetFates(int r)
    {
        UnlistFateKeys(r);
        _recipients[r].Fates = Fates.None;
    }

    /// <summary>
    /// Whether a line may still say that the mail is in the mailbox. A host whose Dovecot logs
    /// elsewhere is waited for only once.
    /// </summary>
    private bool WaitsForFates(ref readonly Hop hop, long clock)
    {
        ref FateHost host = ref _fateHosts[_groups[hop.Host]];
        bool isExpected = host.HasLmtp || host.HasLda
            || clock <= host.FirstUnknownUnixMicros + FateWait;
        for (int r = isExpected ? hop.FirstRecipient : -1; r >= 0; r = _recipients[r].Next)
        {
            ref Recipient recipient = ref _recipients[r];
            if ((recipient.SessionKey | recipient.BoxKey) != 0
                && clock <= recipient.LastUnixMicros + FateWait)
            {
                return true;
            }
        }
        return false;
    }

    private ulong SessionKey(ReadOnlySpan<byte> session) =>
        Math.Max(1, XxHash3.HashToUInt64(session, ~_seed));

    /// <summary>By message-id and mailbox, without its detail and domain.</summary>
    /// <returns>0 when one of them is not known.</returns>
    private ulong BoxKey(
        int group, ulong messageIdHash, ReadOnlySpan<byte> box, out ulong domainHash)
    {
        ulong name = Folded(box, out domainHash);
        if (name == 0 || messageIdHash == 0)
        {
            return 0;
        }
        ulong mixed = (messageIdHash ^ ulong.RotateLeft(name, 23) ^ (uint)group)
            * 0x9E37_79B9_7F4A_7C15;
        return Math.Max(1, mixed ^ (mixed >> 32));
    }

    /// <returns>Hash of the local part, 0 when there is none or it is too long.</returns>
    private ulong Folded(ReadOnlySpan<byte> box, out ulong domainHash)
    {
        domainHash = 0;
        if (box.Length is 0 or > BoxLengthMax)
        {
            return 0;
        }
        Span<byte> folded = stackalloc byte[BoxLengthMax];
        folded = folded[..box.Length];
        Ascii.ToLower(box, folded, out int written);
        if (written < box.Length)
        {
            // Not ASCII: as written.
            box.CopyTo(folded);
        }
        int at = folded.LastIndexOf((byte)'@');
        if (at >= 0)
        {
            domainHash = Math.Max(1, XxHash3.HashToUInt64(folded[(at + 1)..], _seed));
            folded = folded[..at];
        }
        int detail = folded.IndexOf((byte)'+');
        folded = detail > 0 ? folded[..detail] : folded;
        return folded.IsEmpty ? 0 : Math.Max(1, XxHash3.HashToUInt64(folded, _seed));
    }

    private void SweepFates()
    {
        foreach (KeyValuePair<ulong, EarlyFate> entry in _fates)
        {
            EarlyFate fate = entry.Value;
            if (IsOld(in fate))
            {
                _fates.Remove(entry.Key);
            }
        }
    }

    private void PurgeFates(long limitUnixMicros)
    {
        foreach (KeyValuePair<ulong, EarlyFate> entry in _fates)
        {
            if (entry.Value.TimeUnixMicros <= limitUnixMicros)
            {
                _fates.Remove(entry.Key);
            }
        }
    }

    private void SaveFates(ref SnapshotWriter writer)
    {
        for (int host = 0; host < _groupsKnown; host++)
        {
            writer.Raw(_fateHosts[host]);
        }
        writer.Int(_fates.Count);
        foreach (KeyValuePair<ulong, EarlyFate> entry in _fates)
        {
            writer.Raw(entry.Key);
            writer.Raw(entry.Value);
        }
    }

    private void LoadFates(ref SnapshotReader reader)
    {
        for (int host = 0; host < _groupsKnown; host++)
        {
            _fateHosts[host] = reader.Raw<FateHost>();
        }
        for (int count = reader.Count(int.MaxValue); count > 0; count--)
        {
            ulong key = reader.Raw<ulong>();
            EarlyFate fate = reader.Raw<EarlyFate>();
            _fates[key] = fate.Group >= 0 && fate.Group < _groupsKnown
                ? fate : throw SnapshotReader.Damaged();
        }
    }
}
