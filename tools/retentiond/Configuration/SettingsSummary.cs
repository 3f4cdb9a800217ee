using System.Globalization;
using System.Text;

namespace RetentionEngine.Daemon.Configuration;

/// <summary>What <c>retentiond config check</c> prints when all is well.</summary>
internal static class SettingsSummary
{
    public static string Of(Settings settings)
    {
        var text = new StringBuilder("ok\n");
        Add("store", settings.Store.Path);
        Add("key", settings.Store.MasterKeyPath ?? settings.Store.Path + ".key");
        for (RecordClass c = RecordClass.Sent; c <= RecordClass.Rejected; c++)
        {
            ClassPolicy policy = settings.Policy[c];
            string basis = policy.Basis.Length > 0 ? $" ({policy.Basis})" : "";
            Add("keep", $"{c.ToString().ToLowerInvariant()} {Quantity.Of(policy.Period)}{basis}");
        }
        Add("zone", settings.Policy.TimeZone);
        Add("domains", settings.Policy.LocalDomains.Count == 0
            ? "none: sent and received are guessed"
            : string.Join(' ', settings.Policy.LocalDomains));
        foreach (string path in settings.Files)
        {
            Add("file", path);
        }
        foreach (JournalSettings journal in settings.Journals)
        {
            Add("journal", $"{journal.Name} {string.Join(' ', journal.Arguments())}".TrimEnd());
        }
        foreach (string path in settings.Fifos)
        {
            Add("fifo", path);
        }
        foreach (SyslogSettings syslog in settings.Syslogs)
        {
            string clients = syslog.Protocol != SyslogProtocol.Tls ? ""
                : syslog.ClientAuthority is null ? ", any client" : ", clients with certificate";
            Add("syslog", $"{syslog.Name}: {syslog.Protocol.ToString().ToLowerInvariant()} "
                + $"{syslog.EndPoint}{clients}");
        }
        if (settings.Files.Count + settings.Journals.Count + settings.Fifos.Count
            + settings.Syslogs.Count == 0)
        {
            Add("note", "there is no source: nothing will be taken in");
        }
        Add("http", settings.Http?.ToString() ?? "none");
        Add("control", settings.ControlSocket);
        return text.ToString();

        void Add(string name, string value) =>
            text.Append(CultureInfo.InvariantCulture, $"{name,-8} {value}\n");
    }
}
