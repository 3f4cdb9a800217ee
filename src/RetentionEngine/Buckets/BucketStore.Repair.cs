using RetentionEngine.Blocks;

namespace RetentionEngine.Buckets;

internal sealed partial class BucketStore
{
    private byte[] _copied = [];

    /// <summary>
    /// Reads as a reader does from now on, around what only a writer needs: so damage is told from
    /// what can still be read.
    /// </summary>
    public void BeginRepair()
    {
        _blocks.Dispose();
        _blocks = _readBlocks = _options.OpenBlocks(
            BlocksPath(_path, _manifest.State.BlocksNumber), true);
    }

    /// <summary>Writes to a block store of its own until <see cref="EndRepair"/>.</summary>
    public void BeginRebuild()
    {
        string path = BlocksPath(_path, _manifest.State.BlocksNumber + 1);
        DurableFile.CreateDirectory(path);
        DurableFile.FlushDirectory(_path);
        _blocks = _options.OpenBlocks(path, false);
    }

    /// <summary>Puts the blocks of a sound run as they are.</summary>
    public void Copy(RunInfo run)
    {
        foreach (BlockKey key in run.Keys())
        {
            int length = _readBlocks.Read(key, ref _copied);
            if (length < 0)
            {
                throw DamagedBlock(key);
            }
            _blocks.Put(key, _copied.AsSpan(0, length));
        }
    }

    /// <summary>Makes what was rebuilt the store's blocks, records the loss, and removes the old.</summary>
    /// <param name="repaired">The runs that were damaged, and how many of their rows are lost.</param>
    /// <exception cref="RetentionException">InputOutput, DiskFull: the old blocks stay.</exception>
    public void EndRepair(IReadOnlyList<(RunInfo Run, int RowsLost)> repaired)
    {
        if (_blocks == _readBlocks)
        {
            _blocks.Dispose();
            _blocks = _readBlocks = _options.OpenBlocks(
                BlocksPath(_path, _manifest.State.BlocksNumber), false);
            return;
        }
        _keys.Sync();
        _blocks.Flush();
        Journal.Append(
            _path,
            _manifest.StoreId,
            [.. repaired.Where(r => r.RowsLost > 0).Select(r => new JournalEntry
            {
                Time = _time.GetUtcNow(),
                Event = JournalEvent.Repaired,
                Bucket = r.Run.Bucket,
                Records = r.RowsLost,
                Runs = 1,
                SizeBytes = r.Run.SizeBytes,
            })]);
        AppendRuns(_manifest.State.BlocksNumber + 1);
        _added.Clear();
        _removed.Clear();
        _readBlocks.Dispose();
        _readBlocks = _blocks;
        RemoveOtherBlocks();
        Publish();
    }

    /// <summary>Removes block stores that a repair gave up, or did not finish.</summary>
    private void RemoveOtherBlocks()
    {
        string current = BlocksPath(_path, _manifest.State.BlocksNumber);
        foreach (string path in Directory.GetDirectories(_path, BlocksName + "*"))
        {
            if (!string.Equals(path, current, StringComparison.Ordinal))
            {
                DurableFile.DeleteDirectory(path);
            }
        }
    }

    private void ReadJournalFor(List<VerifyFault> faults)
    {
        long damaged = ReadJournal().DamagedOffset;
        if (damaged >= 0)
        {
            faults.Add(new VerifyFault(
                Path.Combine(_path, Journal.FileName),
                damaged,
                "A line of the journal is damaged, was altered, or lines before it are missing."));
        }
    }
}
