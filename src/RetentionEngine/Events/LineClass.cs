using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RetentionEngine.Events.Formats;

namespace RetentionEngine.Events;

/// <summary>Lines that are read by the same grammar in the same way, as told by their heads.</summary>
/// <remarks>
/// A class only says what a line most likely is: its format still checks every byte. But a line
/// without a class can't be an event.
/// </remarks>
internal enum LineClass : byte
{
    /// <summary>No record needs it.</summary>
    None = 0,

    Client,
    SmtpdOther,
    Pickup,
    MessageId,
    CleanupOther,
    QueueActive,
    QmgrOther,
    Delivery,
    Bounce,
    Postsuper,
    Refusal,

    Dovecot,
    DovecotLogin,
    DovecotEnd,

    Courier,
    Cyrus,
    CourierMta,
    Amavis,

    Vpopmail,
    Webmail,

    /// <summary>What syslog daemons say about lines lost.</summary>
    Syslog,

    /// <summary>Count of the values.</summary>
    Count,
}

/// <summary>Finds classes by one look into a table.</summary>
internal static class LineClasses
{
    private const int ProgramShift = 7;
    private const int IdBit = 1 << 6;
    private const int ParenthesisBit = 1 << 5;
    private const int LetterMask = 31;
    private const int EntryCount = 32 << ProgramShift;

    private static readonly byte[] s_classes = Classes();

    /// <summary>The class of a line.</summary>
    /// <param name="program">Who wrote it.</param>
    /// <param name="isIdBehind">Negative when a queue id stands before the text, else 0.</param>
    /// <param name="text">First eight bytes, little endian, behind the id or of the message.</param>
    /// <remarks>Bytes behind the line's end count too: they can't take a class away.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LineClass Of(LogProgram program, int isIdBehind, ulong text)
    {
        int parenthesis = (text >> 32 & 0xFF) == '(' ? ParenthesisBit : 0;
        int index = ((int)program << ProgramShift) | (isIdBehind & IdBit) | parenthesis
            | ((int)text & LetterMask);
        return (LineClass)Unsafe.Add(
            ref MemoryMarshal.GetArrayDataReference(s_classes), index & (EntryCount - 1));
    }

    private static byte[] Classes()
    {
        var classes = new byte[EntryCount];
        for (int index = 0; index < classes.Length; index++)
        {
            var program = (LogProgram)(index >> ProgramShift);
            char letter = (char)((index & LetterMask) | 0x60);
            classes[index] = (byte)(program switch
            {
                LogProgram.None => LineClass.None,
                < LogProgram.Dovecot => Postfix.Class(program, (index & IdBit) != 0, letter),
                LogProgram.Dovecot => Dovecot.Class(letter, (index & ParenthesisBit) != 0),
                < LogProgram.CyrusImap => Courier.Class(letter),
                < LogProgram.CourierMta => Cyrus.Class(letter),
                LogProgram.CourierMta => CourierMta.Class(letter),
                LogProgram.Amavis => Amavis.Class(letter),
                >= LogProgram.Vpopmail and < LogProgram.Roundcube => Vpopmail.Class(letter),
                >= LogProgram.Roundcube and < LogProgram.Syslog => LineClass.Webmail,
                _ => LineClass.Syslog,
            });
        }
        return classes;
    }
}
