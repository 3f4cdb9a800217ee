using DuckDB.NET.Data;
using RetentionEngine.Bench.Measuring;

namespace RetentionEngine.Bench.Comparison;

/// <summary>The same records in DuckDB: as they come, sorted by mailbox, indexed, and as Parquet.</summary>
/// <remarks>Set up in its favour: native types, appender, one thread so that CPU can be told.</remarks>
internal sealed class DuckDbStore : IDisposable
{
    private const string Table =
        """
        CREATE TABLE record (
            kind VARCHAR, time BIGINT, time_offset SMALLINT, final BIGINT, final_offset SMALLINT,
            status VARCHAR, dsn VARCHAR, reply SMALLINT, attempts SMALLINT, retries VARCHAR,
            sender VARCHAR, recipient VARCHAR, orig_to VARCHAR, sasl VARCHAR, uid INTEGER, ip VARCHAR,
            relay VARCHAR, size BIGINT, message_id UBIGINT, queue_id VARCHAR, via VARCHAR, host VARCHAR,
            protocol VARCHAR, flags INTEGER)
        """;

    private const string Sorted =
        "SELECT * FROM record ORDER BY CASE WHEN kind IN ('Sent', 'Relayed') THEN sender "
        + "ELSE recipient END, time";

    private readonly string _path;
    private DuckDBConnection _connection;

    public DuckDbStore(string path)
    {
        _path = path;
        Delete();
        _connection = Open(path);
        Execute(Table);
    }

    /// <summary>CPU spent inside DuckDB so far, ms.</summary>
    public double CpuMs { get; private set; }

    private string SortedPath => _path + ".sorted";

    private string ParquetPath => _path + ".parquet";

    public void Insert(IReadOnlyList<RetentionRecord> records)
    {
        object?[][] rows = [.. records.Select(SqliteStore.Row)];
        double cpu = Posix.ProcessCpuMs();
        using (DuckDBAppender appender = _connection.CreateAppender("record"))
        {
            foreach (object?[] r in rows)
            {
                IDuckDBAppenderRow row = appender.CreateRow();
                for (int i = 0; i < r.Length; i++)
                {
                    Append(row, i, r[i]);
                }
                row.EndRow();
            }
        }
        CpuMs += Posix.ProcessCpuMs() - cpu;
    }

    /// <summary>Sizes in bytes: as inserted, sorted, sorted with five indexes, as Parquet.</summary>
    public (long Plain, long Sorted, long Indexed, long Parquet) Finish()
    {
        double cpu = Posix.ProcessCpuMs();
        Execute("CHECKPOINT");
        CpuMs += Posix.ProcessCpuMs() - cpu;
        Execute($"COPY ({Sorted}) TO '{ParquetPath}' (FORMAT parquet, COMPRESSION zstd)");
        Execute($"ATTACH '{SortedPath}' AS other");
        Execute($"CREATE TABLE other.record AS {Sorted}");
        Execute("DETACH other");
        _connection.Dispose();
        long plain = new FileInfo(_path).Length;
        long sorted = new FileInfo(SortedPath).Length;
        _connection = Open(SortedPath);
        foreach (string column in (string[])["sender", "recipient", "ip", "message_id", "queue_id"])
        {
            Execute($"CREATE INDEX i_{column} ON record ({column})");
        }
        Execute("CHECKPOINT");
        return (plain, sorted, new FileInfo(SortedPath).Length, new FileInfo(ParquetPath).Length);
    }

    /// <summary>Reads the records of a mailbox in any role, ordered by time; how many.</summary>
    public int ReadMailbox(string mailbox)
    {
        using DuckDBCommand command = _connection.CreateCommand();
        command.CommandText =
            "SELECT * FROM record WHERE sender = $key OR recipient = $key OR orig_to = $key "
            + "OR sasl = $key ORDER BY time";
        command.Parameters.Add(new DuckDBParameter("key", mailbox));
        using DuckDBDataReader reader = command.ExecuteReader();
        return SqliteStore.ReadAll(reader);
    }

    /// <summary>Deletes what is older than an instant, durably; ms by the clock.</summary>
    public double DeleteBefore(DateTimeOffset time)
    {
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        Execute($"DELETE FROM record WHERE time < {SqliteStore.Micros(time)}");
        Execute("CHECKPOINT");
        return System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    public void Dispose()
    {
        _connection.Dispose();
        Delete();
    }

    private static DuckDBConnection Open(string path)
    {
        var connection = new DuckDBConnection($"Data Source={path};threads=1;memory_limit=4GB");
        connection.Open();
        return connection;
    }

    private static void Append(IDuckDBAppenderRow row, int column, object? value)
    {
        // The order of the columns is that of the table above.
        _ = (column, value) switch
        {
            (_, null) => row.AppendNullValue(),
            (2 or 4 or 7 or 8, long number) => row.AppendValue((short)number),
            (14 or 23, long number) => row.AppendValue((int)number),
            (18, long number) => row.AppendValue(unchecked((ulong)number)),
            (_, long number) => row.AppendValue(number),
            _ => row.AppendValue((string)value),
        };
    }

    private void Delete()
    {
        foreach (string path in (string[])[_path, SortedPath, ParquetPath])
        {
            File.Delete(path);
            File.Delete(path + ".wal");
        }
    }

    private void Execute(string sql)
    {
        using DuckDBCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        _ = command.ExecuteNonQuery();
    }
}
