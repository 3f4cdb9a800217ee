namespace RetentionEngine.Blocks;

/// <summary>The relays of a run under construction, numbered by falling use.</summary>
/// <remarks>There are few, and they are used unevenly: their numbers take few bits.</remarks>
internal sealed class RunRelays
{
    private int[] _numberOf = [];
    private uint[] _texts = new uint[256];
    private int[] _uses = new int[256];
    private int[] _order = new int[256];
    private long[] _ids = new long[256];
    private ulong[] _scratch = new ulong[256];
    private int _count;

    /// <summary>Starts a run.</summary>
    /// <param name="textCount">Count of ids of the batch's texts.</param>
    public void Begin(int textCount)
    {
        for (int i = 0; i < _count; i++)
        {
            _numberOf[_texts[i]] = 0;
        }
        _count = 0;
        if (_numberOf.Length < textCount)
        {
            _numberOf = new int[textCount + (textCount >> 2)];
        }
    }

    public void Mark(uint text)
    {
        int number = _numberOf[text];
        if (number == 0)
        {
            if (_count == _texts.Length)
            {
                Array.Resize(ref _texts, _count * 2);
                Array.Resize(ref _uses, _count * 2);
            }
            _texts[_count] = text;
            _uses[_count] = 0;
            number = ++_count;
            _numberOf[text] = number;
        }
        _uses[number - 1]--;
    }

    public void Assign()
    {
        if (_order.Length < _count)
        {
            _order = new int[_texts.Length];
            _ids = new long[_texts.Length];
            _scratch = new ulong[_texts.Length];
        }
        Span<int> order = _order.AsSpan(0, _count);
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }
        _uses.AsSpan(0, _count).Sort(order);
        for (int i = 0; i < order.Length; i++)
        {
            _numberOf[_texts[order[i]]] = i + 1;
        }
    }

    /// <summary>Number, from 0, of a relay that was marked.</summary>
    public int IndexOf(uint text) => _numberOf[text] - 1;

    public void Write(ByteSink sink, RunTexts texts)
    {
        for (int i = 0; i < _count; i++)
        {
            _ids[i] = texts.IdOf(_texts[_order[i]]);
        }
        sink.Varint(_count);
        PackedColumn.WriteChunks(_ids.AsSpan(0, _count), sink, _scratch);
    }
}
