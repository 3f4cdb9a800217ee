using System.Buffers;
using System.Runtime.InteropServices;
using RetentionEngine.Events;
using RetentionEngine.Records;

namespace RetentionEngine.Messages;

/// <summary>What is alive, as bytes: part of each commit, and read again by the next run.</summary>
/// <remarks>
/// Little-endian. Version byte; hosts; clocks; hops with their recipients and retries, parents as
/// positions in the list; pending edges; open sessions; waiting ends; fates; web logins. Texts stand inline, so that
/// the bytes need no table. The reader trusts nothing: a length that does not fit is StoreDamaged.
/// </remarks>
internal sealed partial class Tracker
{
    private const byte SnapshotVersion = 4;

    // Of version 3: sessions without the browser's address, and no web logins.
    private const byte FormerVersion = 3;
    private const int FormerSessionBytes = 56;

    private int[] _positions = new int[1024];

    /// <summary>Goes on with another batch: the texts of all that is alive move over.</summary>
    public void SwitchTo(RecordBatch next)
    {
        StringTable source = _batch.Strings;
        StringTable target = next.Strings;
        for (int index = 0; index < _hops.Used; index++)
        {
            ref Hop hop = ref _hops[index];
            if (hop.Id.IsNone)
            {
                continue;
            }
            Move(source, target, ref hop.Sender);
            Move(source, target, ref hop.PickupSender);
            Move(source, target, ref hop.Sasl);
            Move(source, target, ref hop.Via);
            int position = 0;
            for (int r = hop.FirstRecipient; r >= 0; r = _recipients[r].Next)
            {
                ref Recipient recipient = ref _recipients[r];
                bool hashed = ++position > LinearRecipientsMax;
                if (hashed)
                {
                    _recipientKeys.Remove(RecipientHash(index, recipient.To, recipient.OrigTo), r);
                }
                Move(source, target, ref recipient.To);
                Move(source, target, ref recipient.OrigTo);
                Move(source, target, ref recipient.Relay);
                if (hashed)
                {
                    _recipientKeys.Add(RecipientHash(index, recipient.To, recipient.OrigTo), r);
                }
                for (int i = recipient.FirstRetry; i >= 0; i = _retries[i].Next)
                {
                    Move(source, target, ref _retries[i].Relay);
                }
            }
        }
        for (int index = 0; index < _sessions.Used; index++)
        {
            if (_sessions[index].IsLive)
            {
                Move(source, target, ref _sessions[index].User);
            }
        }
        MoveEnds(source, target);
        Array.Clear(_hostTexts);
        _batch = next;
    }

    private static void Move(StringTable source, StringTable target, ref uint text)
    {
        if (text > 1)
        {
            text = target.Intern(source[text]);
        }
    }

    /// <summary>Appends the snapshot to <paramref name="output"/>.</summary>
    public void Save(IBufferWriter<byte> output)
    {
        var writer = new SnapshotWriter(output, _batch.Strings);
        writer.Byte(SnapshotVersion);
        writer.Int(_groupsKnown);
        for (int host = 0; host < _groupsKnown; host++)
        {
            writer.Bytes(_hosts.Host(host));
            writer.Bytes(_hosts.Instance(host));
            writer.Long(_clocks[host]);
        }
        writer.Long(Messages);
        writer.Long(Abandoned);
        SaveHops(ref writer);
        writer.Int(_pending.Count);
        foreach (KeyValuePair<(int Group, QueueId Id), PendingEdge> entry in _pending)
        {
            PendingEdge edge = entry.Value;
            writer.Int(entry.Key.Group);
            writer.Raw(entry.Key.Id);
            writer.Int(edge.Parent < 0 || _hops[edge.Parent].Id != edge.ParentId
                ? -1
                : _positions[edge.Parent]);
            writer.Raw(edge.ParentId);
            writer.Int(edge.ParentHost);
            writer.Int((int)edge.Mark);
            writer.Long(edge.UntilUnixMicros);
            writer.Int(edge.OffsetMinutes);
        }
        writer.Int(_sessions.Live);
        for (int index = 0; index < _sessions.Used; index++)
        {
            ref OpenSession session = ref _sessions[index];
            if (session.IsLive)
            {
                writer.Raw(session);
                writer.Text(session.User);
            }
        }
        SaveEnds(ref writer);
        SaveFates(ref writer);
        SaveWebLogins(ref writer);
    }

    private void SaveHops(ref SnapshotWriter writer)
    {
        if (_positions.Length < _hops.Used)
        {
            _positions = new int[_hops.Used * 2];
        }
        int count = 0;
        for (int index = 0; index < _hops.Used; index++)
        {
            _positions[index] = _hops[index].Id.IsNone ? -1 : count++;
        }
        writer.Int(count);
        for (int index = 0; index < _hops.Used; index++)
        {
            Hop hop = _hops[index];
            if (hop.Id.IsNone)
            {
                continue;
            }
            int first = hop.FirstRecipient;
            hop.Parent = hop.Parent < 0 ? -1 : _positions[hop.Parent];
            writer.Raw(hop);
            writer.Text(hop.Sender);
            writer.Text(hop.PickupSender);
            writer.Text(hop.Sasl);
            writer.Text(hop.Via);
            int children = 0;
            for (int i = hop.FirstChildId; i >= 0; i = _childIds[i].Next)
            {
                children++;
            }
            writer.Int(children);
            for (int i = hop.FirstChildId; i >= 0; i = _childIds[i].Next)
            {
                writer.Raw(_childIds[i].Id);
            }
            for (int r = first; r >= 0; r = _recipients[r].Next)
            {
                ref Recipient recipient = ref _recipients[r];
                writer.Raw(recipient);
                writer.Text(recipient.To);
                writer.Text(recipient.OrigTo);
                writer.Text(recipient.Relay);
                for (int i = recipient.FirstRetry; i >= 0; i = _retries[i].Next)
                {
                    writer.Raw(_retries[i]);
                    writer.Text(_retries[i].Relay);
                }
            }
        }
    }

    /// <summary>Takes over a snapshot; this tracker and its host table must be new.</summary>
    /// <exception cref="RetentionException"><see cref="RetentionError.StoreDamaged"/>.</exception>
    public void Load(ReadOnlySpan<byte> snapshot)
    {
        if (snapshot.IsEmpty)
        {
            return;
        }
        var reader = new SnapshotReader(snapshot, _batch.Strings);
        byte version = reader.Byte();
        if (version is not (SnapshotVersion or FormerVersion))
        {
            throw new RetentionException(
                RetentionError.StoreVersion,
                "The store's in-flight state was written by another version; use that version.");
        }
        int hosts = reader.Count(HostTable.CountMax);
        Span<long> clocks = new long[hosts];
        for (int host = 0; host < hosts; host++)
        {
            _hosts.Add(reader.Bytes(), reader.Bytes());
            clocks[host] = reader.Long();
        }
        LearnHosts();
        clocks.CopyTo(_clocks);
        foreach (long clock in clocks)
        {
            _now = Math.Max(_now, clock);
        }
        Messages = reader.Long();
        Abandoned = reader.Long();
        LoadHops(ref reader);
        int pending = reader.Count(int.MaxValue);
        for (int i = 0; i < pending; i++)
        {
            (int Group, QueueId Id) key = (reader.Int(), reader.Raw<QueueId>());
            _pending[key] = new PendingEdge(
                reader.Index(_hops.Used),
                reader.Raw<QueueId>(),
                reader.Int(),
                (HopMarks)reader.Int(),
                reader.Long(),
                (short)reader.Int());
        }
        int sessions = reader.Count(int.MaxValue);
        for (int i = 0; i < sessions; i++)
        {
            int index = _sessions.Add();
            OpenSession session = LoadSession(ref reader, version);
            session.UserHash = SessionHash(
                session.Host, session.Protocol, _batch.Strings.HashOf(session.User));
            _sessions[index] = session;
            if (session.IdHash != 0)
            {
                _sessionIds.Add(session.IdHash, index);
            }
            _sessionUsers.Add(session.UserHash, index);
        }
        LoadEnds(ref reader, version);
        LoadFates(ref reader);
        if (version != FormerVersion)
        {
            LoadWebLogins(ref reader);
        }
    }

    private static OpenSession LoadSession(ref SnapshotReader reader, byte version)
    {
        OpenSession session = default;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<OpenSession>(ref session));
        reader.Raw(version == FormerVersion ? bytes[..FormerSessionBytes] : bytes);
        session.User = reader.Text();
        return session;
    }

    private void LoadHops(ref SnapshotReader reader)
    {
        int count = reader.Count(int.MaxValue);
        for (int n = 0; n < count; n++)
        {
            int index = _hops.Add();
            Hop hop = reader.Raw<Hop>();
            int recipients = hop.RecipientCount;
            hop.FirstRecipient = hop.LastRecipient = hop.FirstChildId = -1;
            hop.RecipientCount = 0;
            hop.Sender = reader.Text();
            hop.PickupSender = reader.Text();
            hop.Sasl = reader.Text();
            hop.Via = reader.Text();
            if (hop.Parent >= count || hop.Host < 0 || hop.Host >= _groupsKnown || hop.Id.IsNone)
            {
                throw SnapshotReader.Damaged();
            }
            _hops[index] = hop;
            for (int children = reader.Count(int.MaxValue); children > 0; children--)
            {
                AddChildId(index, reader.Raw<QueueId>());
            }
            for (int i = 0; i < recipients; i++)
            {
                LoadRecipient(ref reader, index);
            }
            if (!hop.Has(HopMarks.Written))
            {
                _keys.Add(KeyHash(hop.Host, hop.Id), index);
            }
            if (hop.Has(HopMarks.Waiting) && !hop.Has(HopMarks.Written))
            {
                _waiting.Add(index);
            }
        }
    }

    private void LoadRecipient(ref SnapshotReader reader, int hop)
    {
        Recipient saved = reader.Raw<Recipient>();
        uint to = reader.Text();
        uint origTo = reader.Text();
        int r = AddRecipient(hop, to, origTo);
        ref Recipient recipient = ref _recipients[r];
        recipient.Relay = reader.Text();
        recipient.Edge = saved.Edge;
        recipient.Fates = saved.Fates;
        ListFateKeys(r, saved.SessionKey, saved.BoxKey);
        recipient.EdgeKind = saved.EdgeKind;
        recipient.LastUnixMicros = saved.LastUnixMicros;
        recipient.Dsn = saved.Dsn;
        recipient.Attempts = saved.Attempts;
        recipient.OffsetMinutes = saved.OffsetMinutes;
        recipient.Status = saved.Status;
        recipient.Agent = saved.Agent;
        recipient.Handed = saved.Handed;
        for (int i = 0; i < saved.RetryCount; i++)
        {
            int index = _retries.Add();
            Retry retry = reader.Raw<Retry>();
            retry.Relay = reader.Text();
            retry.Next = -1;
            _retries[index] = retry;
            if (recipient.FirstRetry < 0)
            {
                recipient.FirstRetry = index;
            }
            else
            {
                _retries[recipient.LastRetry].Next = index;
            }
            recipient.LastRetry = index;
            recipient.RetryCount++;
        }
    }

    private readonly ref struct SnapshotWriter(IBufferWriter<byte> output, StringTable strings)
    {
        public void Byte(byte value) => output.Write([value]);

        public void Int(int value) => Raw(value);

        public void Long(long value) => Raw(value);

        public void Bytes(ReadOnlySpan<byte> value)
        {
            Raw(value.Length);
            output.Write(value);
        }

        /// <summary>Length + 1, so that 0 says "absent"; then the bytes.</summary>
        public void Text(uint id)
        {
            if (id == 0)
            {
                Raw(0);
                return;
            }
            ReadOnlySpan<byte> text = strings[id];
            Raw(text.Length + 1);
            output.Write(text);
        }

        public void Raw<T>(T value)
            where T : unmanaged =>
            output.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));
    }

    private ref struct SnapshotReader(ReadOnlySpan<byte> source, StringTable strings)
    {
        private ReadOnlySpan<byte> _source = source;

        public static RetentionException Damaged() => new(
            RetentionError.StoreDamaged,
            "The store's in-flight state is damaged; run 'retention verify'.");

        public byte Byte() => Raw<byte>();

        public int Int() => Raw<int>();

        public long Long() => Raw<long>();

        public int Count(int max)
        {
            int count = Raw<int>();
            return count >= 0 && count <= max ? count : throw Damaged();
        }

        public int Index(int below)
        {
            int index = Raw<int>();
            return index >= -1 && index < below ? index : throw Damaged();
        }

        public ReadOnlySpan<byte> Bytes() => Take(Count(int.MaxValue));

        public uint Text()
        {
            int length = Count(int.MaxValue);
            return length == 0 ? 0 : strings.Intern(Take(length - 1));
        }

        public T Raw<T>()
            where T : unmanaged =>
            MemoryMarshal.Read<T>(Take(System.Runtime.CompilerServices.Unsafe.SizeOf<T>()));

        public void Raw(scoped Span<byte> target) => Take(target.Length).CopyTo(target);

        private ReadOnlySpan<byte> Take(int length)
        {
            if (length > _source.Length)
            {
                throw Damaged();
            }
            ReadOnlySpan<byte> taken = _source[..length];
            _source = _source[length..];
            return taken;
        }
    }
}
