using System.Runtime.CompilerServices;
using RetentionEngine.Lines;

namespace RetentionEngine.Events.Formats;

/// <summary>amavis, a content filter: under which id it handed a mail back.</summary>
/// <remarks>
/// <c>(TASK) Passed WORDS …, Queue-ID: ID, Message-ID: …, queued_as: ID, …</c>. Addresses and
/// message-id are the sender's: what they could forge is an edge, and the tracker takes one only
/// between two hops of the same host and message-id of which the second came by loopback.
/// </remarks>
internal sealed class Amavis : ILogFormat<Amavis>
{
    private Amavis()
    {
    }

    public static bool TryRecognise(ReadOnlySpan<byte> tag, out LogTag info)
    {
        bool isKnown = tag.SequenceEqual("amavis"u8) || tag.SequenceEqual("amavisd"u8);
        info = new LogTag(isKnown ? LogProgram.Amavis : LogProgram.None);
        return isKnown;
    }

    /// <summary>The class of lines that begin with a parenthesis.</summary>
    public static LineClass Class(char letter) =>
        (letter & 31) == ('(' & 31) ? LineClass.Amavis : LineClass.None;

    public static LineOutcome Parse(ref byte block, in LineFrame frame, ref LogEvent e)
    {
        int end = frame.End;
        int at = Scan.IndexOf(ref block, frame.Start, end, (byte)' ');
        if (Unsafe.Add(ref block, frame.Start) != '(' || !Scan.Is(ref block, at, end, " Passed "u8))
        {
            return LineOutcome.Ignored;
        }
        int id = Scan.Find(ref block, at, end, ", Queue-ID: "u8);
        int next = id < 0 ? -1 : Scan.FindLast(ref block, id, end, ", queued_as: "u8);

        // A sender's quoted name may hold such a key too: then which one is true can't be told.
        if (next < 0 || Scan.FindLast(ref block, id, end, ", Queue-ID: "u8) != id
            || !TryId(ref block, id + 12, end, out e.QueueId)
            || !TryId(ref block, next + 13, end, out e.OrigQueueId))
        {
            return LineOutcome.Ignored;
        }
        e.Kind = EventKind.Handed;
        return LineOutcome.Event;
    }

    /// <summary>A cut id is another id: what ends it must be there.</summary>
    private static bool TryId(ref byte block, int at, int end, out QueueId id)
    {
        int behind = at;
        while (behind < end && char.IsAsciiLetterOrDigit((char)Unsafe.Add(ref block, behind)))
        {
            behind++;
        }
        id = default;
        return Scan.Is(ref block, behind, end, ","u8)
            && QueueId.TryParse(Scan.Span(ref block, at, behind), out id);
    }
}
