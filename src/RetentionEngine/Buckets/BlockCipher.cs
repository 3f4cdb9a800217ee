using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace RetentionEngine.Buckets;

/// <summary>One AES-256 key and the ciphers made of it.</summary>
/// <remarks>
/// Envelope: ciphertext, 16 bytes tag, 12 bytes random nonce. The nonce stands last so that a
/// block is decrypted where it lies. AesGcm is not safe for two threads at once, so ciphers are
/// rented; idle ones are few, since each holds native memory.
/// </remarks>
internal sealed class BlockCipher : IDisposable
{
    public const int KeyLength = 32;
    public const int NonceLength = 12;
    public const int TagLength = 16;
    public const int Overhead = TagLength + NonceLength;

    /// <summary>Block key bytes, then the format version.</summary>
    public const int AssociatedLength = 24;

    private const int IdleMax = 2;

    // Pinned: the collector must not leave copies of the key behind.
    private readonly byte[] _key = GC.AllocateArray<byte>(KeyLength, pinned: true);
    private readonly Stack<AesGcm> _idle = new(IdleMax);
    private bool _isDisposed;

    public BlockCipher(ReadOnlySpan<byte> key)
    {
        Debug.Assert(key.Length == KeyLength, "An AES-256 key has 32 bytes.");
        key.CopyTo(_key);
    }

    public static BlockCipher Random()
    {
        Span<byte> key = stackalloc byte[KeyLength];
        RandomNumberGenerator.Fill(key);
        var cipher = new BlockCipher(key);
        CryptographicOperations.ZeroMemory(key);
        return cipher;
    }

    public ReadOnlySpan<byte> Key => _key;

    /// <summary>Writes the envelope of <paramref name="plain"/>.</summary>
    /// <returns>Its length: that of the plain text plus <see cref="Overhead"/>.</returns>
    public int Encrypt(ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated, Span<byte> target)
    {
        Span<byte> tag = target.Slice(plain.Length, TagLength);
        Span<byte> nonce = target.Slice(plain.Length + TagLength, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        AesGcm aes = Rent() ?? throw new ObjectDisposedException(nameof(BlockCipher));
        aes.Encrypt(nonce, plain, target[..plain.Length], tag, associated);
        Return(aes);
        return plain.Length + Overhead;
    }

    /// <summary>Decrypts an envelope in place.</summary>
    /// <returns>Length of the plain text; -1 when it is not what was encrypted; -2 when the key
    /// was destroyed in the meantime.</returns>
    public int Decrypt(Span<byte> envelope, ReadOnlySpan<byte> associated)
    {
        int length = envelope.Length - Overhead;
        if (length < 0)
        {
            return -1;
        }
        AesGcm? aes = Rent();
        if (aes == null)
        {
            return -2;
        }
        try
        {
            Span<byte> text = envelope[..length];
            aes.Decrypt(
                envelope[(length + TagLength)..],
                text,
                envelope.Slice(length, TagLength),
                text,
                associated);
            return length;
        }
        catch (AuthenticationTagMismatchException)
        {
            return -1;
        }
        finally
        {
            Return(aes);
        }
    }

    /// <summary>The bytes that tie a ciphertext to its place in the store.</summary>
    public static void WriteAssociated(in BlockKey key, Span<byte> target)
    {
        target[0] = (byte)key.Bucket.Class;
        target[1] = key.Kind;
        target[2] = target[3] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(target[4..], key.Bucket.StartHour);
        BinaryPrimitives.WriteInt32LittleEndian(target[8..], key.Bucket.LengthHours);
        BinaryPrimitives.WriteInt32LittleEndian(target[12..], key.Run);
        BinaryPrimitives.WriteInt32LittleEndian(target[16..], key.Number);
        BinaryPrimitives.WriteInt32LittleEndian(target[20..], Manifest.FormatVersion);
    }

    /// <summary>Hash of kind, number, tag and nonce: a run's hash is the sum over its blocks.</summary>
    /// <remarks>The tag stands for the bytes; a sum does not care about their order.</remarks>
    public static ulong HashOf(ReadOnlySpan<byte> envelope, in BlockKey key)
    {
        Span<byte> bytes = stackalloc byte[8 + Overhead];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, key.Kind);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], key.Number);
        envelope[^Overhead..].CopyTo(bytes[8..]);
        return XxHash3.HashToUInt64(bytes);
    }

    /// <summary>Overwrites the key in memory and closes the ciphers.</summary>
    public void Dispose()
    {
        lock (_idle)
        {
            _isDisposed = true;
            CryptographicOperations.ZeroMemory(_key);
            while (_idle.TryPop(out AesGcm? aes))
            {
                aes.Dispose();
            }
        }
    }

    private AesGcm? Rent()
    {
        lock (_idle)
        {
            if (_isDisposed)
            {
                return null;
            }
            return _idle.TryPop(out AesGcm? aes) ? aes : new AesGcm(_key, TagLength);
        }
    }

    private void Return(AesGcm aes)
    {
        lock (_idle)
        {
            if (!_isDisposed && _idle.Count < IdleMax)
            {
                _idle.Push(aes);
                return;
            }
        }
        aes.Dispose();
    }
}
