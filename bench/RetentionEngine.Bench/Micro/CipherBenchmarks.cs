using BenchmarkDotNet.Attributes;
using RetentionEngine.Buckets;

namespace RetentionEngine.Bench.Micro;

/// <summary>One block, encrypted and authenticated.</summary>
[MemoryDiagnoser]
public class CipherBenchmarks : IDisposable
{
    private readonly BlockCipher _cipher = BlockCipher.Random();
    private readonly byte[] _associated = new byte[BlockCipher.AssociatedLength];
    private byte[] _plain = [];
    private byte[] _sealed = [];
    private byte[] _target = [];

    [Params(1024, 20_480)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _plain = new byte[Bytes];
        _target = new byte[Bytes + BlockCipher.Overhead];
        _sealed = new byte[_target.Length];
        _cipher.Encrypt(_plain, _associated, _sealed);
    }

    [Benchmark]
    public int Encrypt() => _cipher.Encrypt(_plain, _associated, _target);

    /// <summary>The copy is part of it: decryption works in place.</summary>
    [Benchmark]
    public int CopyAndDecrypt()
    {
        _sealed.CopyTo(_target, 0);
        return _cipher.Decrypt(_target, _associated);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _cipher.Dispose();
        GC.SuppressFinalize(this);
    }
}
