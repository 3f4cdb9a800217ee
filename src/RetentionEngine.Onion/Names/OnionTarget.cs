using System.Globalization;

namespace RetentionEngine.Onion.Names;

/// <summary>An onion service and a port of it: what the relay dials.</summary>
/// <param name="Onion">As <see cref="OnionName.Parse"/> gives it.</param>
/// <param name="Port">1 to 65535.</param>
internal sealed record OnionTarget(string Onion, int Port)
{
    public const int SmtpPort = 25;

    /// <summary>Reads "name.onion" or "name.onion:port"; the port is 25 by default.</summary>
    public static OnionFault Parse(ReadOnlySpan<char> text, out OnionTarget? target)
    {
        target = null;
        int port = SmtpPort;
        int colon = text.IndexOf(':');
        if (colon >= 0)
        {
            if (!int.TryParse(
                    text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port)
                || port is < 1 or > 65535)
            {
                return OnionFault.NotOnion;
            }
            text = text[..colon];
        }
        OnionFault fault = OnionName.Parse(text, out string onion);
        if (fault == OnionFault.Valid)
        {
            target = new OnionTarget(onion, port);
        }
        return fault;
    }

    /// <summary>The head of the name, enough for a person to tell services apart.</summary>
    public string Short => Onion[..16] + "...";

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Onion}:{Port}");
}
