namespace RetentionEngine.LabDriver;

/// <summary>What logrotate does, each logger in its own way.</summary>
internal static class Rotation
{
    private static readonly string[] s_styles = ["rfc3339", "traditional"];

    private static readonly (string Name, string Folder)[] s_own =
        [("postfix", "maillog-file"), ("dovecot", "dovecot-file")];

    public static void Rotate(Network network)
    {
        foreach (string style in s_styles)
        {
            string log = $"{network.Work}/log/{style}/mail.log";
            File.Move(log, log + ".1");
        }
        network.Signal("rsyslogd.pid", "HUP");
        network.Run("mx4", 0, "", "postfix", "logrotate");
        string dovecot = network.Root("mx4", "/var/log/dovecot.log");
        File.Move(dovecot, dovecot + ".1");
        network.Run("mx4", 0, "", "doveadm", "log", "reopen");
    }

    /// <summary>Copies what mx4 wrote, with the files' times, to the other logs.</summary>
    public static void Collect(Network network)
    {
        foreach ((string name, string folder) in s_own)
        {
            string target = $"{network.Work}/log/{folder}";
            Directory.CreateDirectory(target);
            string logs = network.Root("mx4", "/var/log");
            foreach (string log in Directory.GetFiles(logs, name + ".log*"))
            {
                File.Copy(log, Path.Combine(target, Path.GetFileName(log)));
            }
        }
    }
}
