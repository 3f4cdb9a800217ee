namespace RetentionEngine.Onion.Service;

/// <summary>Lines for the journal. No line names anything of an address but its domain.</summary>
/// <param name="target">Standard error, in the daemon.</param>
internal sealed class Log(TextWriter target)
{
    private readonly Lock _lock = new();

    public void Info(string text) => Write("6", text);

    public void Warn(string text) => Write("4", text);

    // sd-daemon(3): a line's priority stands in angle brackets at its head.
    private void Write(string priority, string text)
    {
        lock (_lock)
        {
            target.WriteLine($"<{priority}>{text}");
            target.Flush();
        }
    }
}
