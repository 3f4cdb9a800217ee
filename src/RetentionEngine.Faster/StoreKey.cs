using System.Runtime.InteropServices;
using FASTER.core;

namespace RetentionEngine;

/// <summary>A block's name as FASTER keeps it: 16 fixed bytes. The class is the log's.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = 16)]
internal readonly struct StoreKey(in BlockKey key) : IEquatable<StoreKey>
{
    // LengthHours is at most 10 years / 168, so three bytes hold it and the kind gets the fourth.
    private readonly int _startHour = key.Bucket.StartHour;
    private readonly uint _lengthAndKind = ((uint)key.Bucket.LengthHours << 8) | key.Kind;
    private readonly int _run = key.Run;
    private readonly int _number = key.Number;

    public int Run => _run;

    public bool Equals(StoreKey other) =>
        _run == other._run && _number == other._number
        && _lengthAndKind == other._lengthAndKind && _startHour == other._startHour;

    public override bool Equals(object? obj) => obj is StoreKey other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_run, _number);

    /// <summary>Equality and hash of keys; nobody outside chooses them, so no seed.</summary>
    public sealed class Comparer : IFasterEqualityComparer<StoreKey>
    {
        public bool Equals(ref StoreKey k1, ref StoreKey k2) => k1.Equals(k2);

        public long GetHashCode64(ref StoreKey k)
        {
            ulong hash = ((ulong)(uint)k._run << 32) | (uint)k._number;
            hash ^= (ulong)k._lengthAndKind << 40;
            hash ^= (ulong)(uint)k._startHour << 13;
            hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
            hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
            return (long)(hash ^ (hash >> 31));
        }
    }
}
