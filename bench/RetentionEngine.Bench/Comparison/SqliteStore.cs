using System.Data.Common;
using Microsoft.Data.Sqlite;
using RetentionEngine.Bench.Measuring;

namespace RetentionEngine.Bench.Comparison;

/// <summary>The same records in SQLite: texts as text, an index for each thing that is searched.</summary>
/// <remarks>
/// Set up in its favour: one transaction, no journal, no sync, indexes built after the rows, times
/// and fingerprints as integers, no copy of the basis, no expiry.
/// </remarks>
internal sealed class SqliteStore : IDisposable
{
    private const string Table =
        """
        CREATE TABLE record (
            kind TEXT, time INTEGER, time_offset INTEGER, final INTEGER, final_offset INTEGER,
            status TEXT, dsn TEXT, reply INTEGER, attempts INTEGER, retries TEXT,
            sender TEXT, recipient TEXT, orig_to TEXT, sasl TEXT, uid INTEGER, ip TEXT,
            relay TEXT, size INTEGER, message_id INTEGER, queue_id TEXT, via TEXT, host TEXT,
            protocol TEXT, flags INTEGER)
        """;

    private static readonly string[] s_fiveIndexes =
        ["sender", "recipient", "ip", "message_id", "queue_id"];

    private static readonly string[] s_otherIndexes =
    [
        "orig_to) WHERE orig_to IS NOT NULL --",
        "sasl) WHERE sasl IS NOT NULL --",
        "substr(sender, instr(sender, '@') + 1)",
        "substr(recipient, instr(recipient, '@') + 1)",
    ];

    private readonly SqliteConnection _connection;
    private readonly SqliteTransaction _transaction;
    private readonly SqliteCommand _insert;
    private double _cpuMs;

    public SqliteStore(string path)
    {
        File.Delete(path);
        _connection = new SqliteConnection($"Data Source={path};Pooling=False");
        _connection.Open();
        Execute("PRAGMA journal_mode=OFF");
        Execute("PRAGMA synchronous=OFF");
        Execute(Table);
        _transaction = _connection.BeginTransaction();
        _insert = _connection.CreateCommand();
        _insert.Transaction = _transaction;
        const int Columns = 24;
        for (int i = 0; i < Columns; i++)
        {
            _insert.Parameters.Add(new SqliteParameter($"$p{i}", null));
        }
        _insert.CommandText = $"INSERT INTO record VALUES ({string.Join(
            ',', Enumerable.Range(0, Columns).Select(i => $"$p{i}"))})";
        _insert.Prepare();
    }

    /// <summary>CPU spent inside SQLite so far, ms.</summary>
    public double CpuMs => _cpuMs;

    public void Insert(IReadOnlyList<RetentionRecord> records)
    {
        object?[][] rows = [.. records.Select(Row)];
        double cpu = Posix.ThreadCpuMs();
        foreach (object?[] row in rows)
        {
            for (int i = 0; i < row.Length; i++)
            {
                _insert.Parameters[i].Value = row[i] ?? DBNull.Value;
            }
            _ = _insert.ExecuteNonQuery();
        }
        _cpuMs += Posix.ThreadCpuMs() - cpu;
    }

    /// <summary>Builds the indexes and packs the file.</summary>
    /// <returns>Bytes with the five plain indexes, and with all.</returns>
    public (long Five, long All) Finish()
    {
        double cpu = Posix.ThreadCpuMs();
        _transaction.Commit();
        foreach (string index in s_fiveIndexes)
        {
            AddIndex(index);
        }
        Execute("VACUUM");
        long five = Size();
        foreach (string index in s_otherIndexes)
        {
            AddIndex(index);
        }
        Execute("ANALYZE");
        Execute("VACUUM");
        _cpuMs += Posix.ThreadCpuMs() - cpu;
        return (five, Size());
    }

    /// <summary>Reads the records of a mailbox in any role, ordered by time; how many.</summary>
    public int ReadMailbox(string mailbox) => Read(
        """
        SELECT * FROM record
        WHERE sender = $key OR recipient = $key OR orig_to = $key OR sasl = $key ORDER BY time
        """,
        mailbox);

    /// <summary>Deletes what is older than an instant and gives the room back; ms by the clock.</summary>
    public double DeleteBefore(DateTimeOffset time)
    {
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        Execute($"DELETE FROM record WHERE time < {Micros(time)}");
        return System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    public int ReadMessageId(ulong fingerprint) => Read(
        "SELECT * FROM record WHERE message_id = $key ORDER BY time", unchecked((long)fingerprint));

    public void Dispose()
    {
        _insert.Dispose();
        _transaction.Dispose();
        _connection.Dispose();
    }

    /// <summary>The columns of a record.</summary>
    public static object?[] Row(RetentionRecord r) =>
    [
        r.Kind.ToString(), Micros(r.Time), (long)r.Time.Offset.TotalMinutes, Micros(r.Final),
        (long?)r.Final?.Offset.TotalMinutes, r.Status.ToString(), r.Dsn, (long?)r.Reply,
        (long?)r.Attempts, r.Retries.Count == 0 ? null : string.Join(' ', r.Retries),
        r.Sender, r.Recipient, r.OrigTo, r.Sasl, (long?)r.Uid, r.Ip?.ToString(), r.Relay,
        r.SizeBytes, unchecked((long?)r.MessageIdFingerprint), r.QueueId,
        r.Via.Count == 0 ? null : string.Join(' ', r.Via), r.Host,
        r.Protocol == AccessProtocol.None ? null : r.Protocol.ToString(), (long)r.Flags,
    ];

    public static long? Micros(DateTimeOffset? time) =>
        (time - DateTimeOffset.UnixEpoch)?.Ticks / TimeSpan.TicksPerMicrosecond;

    private void AddIndex(string expression)
    {
        string end = expression.EndsWith("--", StringComparison.Ordinal) ? "" : ")";
        Execute($"CREATE INDEX i{Math.Abs(string.GetHashCode(expression, StringComparison.Ordinal))
            } ON record ({expression}{end}");
    }

    private long Size()
    {
        using SqliteCommand command = _connection.CreateCommand();
        command.CommandText = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        return (long)command.ExecuteScalar()!;
    }

    private int Read(string sql, object key)
    {
        using SqliteCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        command.Parameters.AddWithValue("$key", key);
        using SqliteDataReader reader = command.ExecuteReader();
        return ReadAll(reader);
    }

    /// <summary>Reads every value of every row; how many rows.</summary>
    public static int ReadAll(DbDataReader reader)
    {
        object[] values = new object[reader.FieldCount];
        int rows = 0;
        while (reader.Read())
        {
            reader.GetValues(values);
            rows++;
        }
        return rows;
    }

    private void Execute(string sql)
    {
        using SqliteCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        _ = command.ExecuteNonQuery();
    }
}
