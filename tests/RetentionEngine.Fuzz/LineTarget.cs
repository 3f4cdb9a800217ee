using System.Text;
using RetentionEngine.Events;
using RetentionEngine.Lines;
using RetentionEngine.Tests.Differential;
using RetentionEngine.Tests.Oracle;

namespace RetentionEngine.Fuzz;

/// <summary>One line, by the tokenizer and by the slow parser: both must say the same.</summary>
internal sealed class LineTarget : ITarget
{
    // Tables of hosts and shapes fill up with nonsense; then a new tokenizer is made.
    private const int RunsPerTokenizer = 4096;

    private readonly LogEvent[] _events = new LogEvent[1];
    private readonly Dictionary<string, string> _last = [];
    private byte[] _padded = new byte[4096];
    private HostTable _hosts = new();
    private Tokenizer _tokenizer;
    private int _runs;

    public LineTarget()
    {
        _tokenizer = new Tokenizer(_hosts);
    }

    public string Name => "line";

    public string? Run(ReadOnlySpan<byte> input)
    {
        int length = input.IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = length < 0 ? input : input[..length];
        if (line.IsEmpty)
        {
            return null;
        }
        string slow = Slow(line);
        (string first, string second) = Fast(line);
        return !first.Equals(slow, StringComparison.Ordinal) ? $"slow {slow}\nfast {first}"
            : !second.Equals(slow, StringComparison.Ordinal) ? $"slow {slow}\nfast {second}" : null;
    }

    private const string Nothing = "(nothing)";

    private string Slow(ReadOnlySpan<byte> line)
    {
        _last.Clear();
        var parser = new SlowParser(Corpus.Zone, Corpus.LatestUnixMicros, 0, _last);
        SlowOutcome outcome = parser.Parse(Encoding.Latin1.GetString(line), out SlowEvent e);
        return outcome == SlowOutcome.Event
            ? EventText.Of(e) : Nothing;
    }

    /// <summary>The line twice: the second time stamp, host and tag are known.</summary>
    private (string First, string Second) Fast(ReadOnlySpan<byte> line)
    {
        if (_runs++ % RunsPerTokenizer == 0)
        {
            _hosts = new HostTable();
            _tokenizer = new Tokenizer(_hosts);
        }
        int length = 2 * (line.Length + 1);
        if (_padded.Length < length + BlockReader.PaddingBytes)
        {
            Array.Resize(ref _padded, 2 * (length + BlockReader.PaddingBytes));
        }
        line.CopyTo(_padded);
        _padded[line.Length] = (byte)'\n';
        line.CopyTo(_padded.AsSpan(line.Length + 1));
        _padded[length - 1] = (byte)'\n';

        // What lies behind the block may be read but must not matter: make it look like a log.
        ">, status=sent (queued as 7A1F03E21)\nJul  4 09:05:01 mx1 postfix"u8[..BlockReader.PaddingBytes]
            .CopyTo(_padded.AsSpan(length));
        _tokenizer.Begin(Corpus.Zone, Corpus.LatestUnixMicros);
        ReadOnlySpan<byte> block = _padded.AsSpan(0, length);
        string first = Nothing;
        string second = Nothing;
        for (int at = 0; at < length;)
        {
            at = _tokenizer.Read(block, at, _events.AsSpan(0, 1), out int count);
            string text = count == 0 ? Nothing : EventText.Of(_events[0], block, _hosts);
            bool isFirst = count > 0 && _events[0].LineStart == 0;
            first = isFirst ? text : first;
            second = isFirst || count == 0 ? second : text;
        }
        return (first, second);
    }
}
