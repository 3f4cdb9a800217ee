using System.Runtime.CompilerServices;

namespace LogGen;

/// <summary>SplitMix64: one addition and a mix a draw, the same on every machine.</summary>
internal sealed class Rng(ulong seed)
{
    private ulong _state = Mix(seed ^ 0x6c6f6767656eUL);

    /// <summary>Scatters a value; used to give every index fixed properties of its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15UL;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9UL;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EBUL;
        return value ^ (value >> 31);
    }

    public static ulong Mix(long first, long second) =>
        Mix((ulong)first ^ Mix((ulong)second + 0x51ED27UL));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15UL;
        return Mix(_state);
    }

    /// <summary>Uniform in [0, bound).</summary>
    public int Below(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    /// <summary>Uniform in [low, high].</summary>
    public long Between(long low, long high) =>
        low + (long)Math.BigMul(Next(), (ulong)(high - low + 1), out _);

    /// <summary>Uniform in [0, 1).</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    public bool Chance(double probability) => Unit() < probability;

    public double Exponential(double mean) => -mean * Math.Log(1.0 - Unit());

    /// <summary>Log-normal with the given median; sigma is that of the logarithm.</summary>
    public double LogNormal(double median, double sigma)
    {
        double radius = Math.Sqrt(-2.0 * Math.Log(1.0 - Unit()));
        return median * Math.Exp(sigma * radius * Math.Cos(2.0 * Math.PI * Unit()));
    }

    /// <summary>
    /// A rank in [0, count) with a density near 1/(rank + 30): Zipf's law with a flattened top, as
    /// mailboxes and mail peers show it.
    /// </summary>
    public int Rank(int count)
    {
        const double Shift = 30.0;
        double rank = Shift * Math.Exp(Unit() * Math.Log((count + Shift) / Shift)) - Shift;
        return Math.Clamp((int)rank, 0, count - 1);
    }
}
