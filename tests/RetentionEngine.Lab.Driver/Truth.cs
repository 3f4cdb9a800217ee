using System.Text.Json;

namespace RetentionEngine.LabDriver;

/// <summary>The driver's notes: what was done, and so what must be found.</summary>
/// <remarks>Its words are those of tools/sample/expect.py, which joins it with the logs.</remarks>
internal sealed class Truth
{
    private readonly List<Dictionary<string, object?>> _notes = [];
    private readonly Lock _lock = new();

    /// <summary>One record of a mail.</summary>
    /// <param name="host">Where it is logged.</param>
    /// <param name="messageId">May end in <c>*</c>.</param>
    /// <param name="recipient">Of the record.</param>
    /// <param name="ours">It came from a user or a process of ours.</param>
    /// <param name="more">The other fields.</param>
    public void Mail(
        string host, string messageId, string recipient, bool ours, MailFields more)
    {
        bool toUs = Network.IsLocal(recipient);
        Note(new()
        {
            ["what"] = "mail",
            ["host"] = host,
            ["message_id"] = messageId,
            ["recipient"] = recipient,
            ["sender"] = more.Sender,
            ["status"] = more.Status,
            ["orig_to"] = more.OrigTo,
            ["ip"] = more.Ip,
            ["sasl"] = more.Sasl,
            ["uid"] = more.Uid,
            ["flags"] = more.Flags,
            ["kind"] = (ours, toUs) switch
            {
                (true, true) => "internal",
                (true, false) => "sent",
                (false, true) => "received",
                _ => "relayed",
            },
        });
    }

    /// <summary>The mail system's own mail about the mail <paramref name="about"/>.</summary>
    public void Notice(string host, string about, string recipient, string status = "sent") =>
        Note(new()
        {
            ["what"] = "mail",
            ["host"] = host,
            ["about"] = about,
            ["link"] = "non-delivery",
            ["recipient"] = recipient,
            ["sender"] = "",
            ["status"] = status,
            ["flags"] = new[] { "notification" },
            ["kind"] = Network.IsLocal(recipient) ? "internal" : "sent",
        });

    public void Refusal(string host, string ip, string? reply, string? dsn, string? sender,
        string? recipient, bool queued = false) => Note(new()
        {
            ["what"] = "reject",
            ["host"] = host,
            ["ip"] = ip,
            ["reply"] = reply,
            ["dsn"] = dsn,
            ["sender"] = sender,
            ["recipient"] = recipient,
            ["queued"] = queued,
        });

    public void Session(string host, string protocol, string user, string ip, bool tls,
        string status = "session") => Note(new()
        {
            ["what"] = "session",
            ["host"] = host,
            ["protocol"] = protocol,
            ["recipient"] = user,
            ["ip"] = ip,
            ["port"] = null,
            ["tls"] = tls,
            ["status"] = status,
        });

    public void Save(string path) => File.WriteAllText(path, JsonSerializer.Serialize(_notes));

    private void Note(Dictionary<string, object?> note)
    {
        lock (_lock)
        {
            _notes.Add(note);
        }
    }
}

/// <summary>Fields of a mail record that the driver decides.</summary>
internal sealed record MailFields(string Sender)
{
    public string Status { get; init; } = "sent";
    public string? OrigTo { get; init; }
    public string? Ip { get; init; }
    public string? Sasl { get; init; }
    public int? Uid { get; init; }
    public string[] Flags { get; init; } = [];
}
