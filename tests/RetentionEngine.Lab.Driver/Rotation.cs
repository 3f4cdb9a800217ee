namespace RetentionEngine.LabDriver;

/// <summary>What logrotate does, each logger in its own way.</summary>
internal static class Rotation
{
    private static readonly string[] s_styles = ["rfc3339", "traditional"];

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

    /// <summary>Copies what mx4 wrote, with the files' times, to where the others' logs are.</summary>
    public static void Collect(Network network)
    {
        string target = $"{network.Work}/log/own";
        Directory.CreateDirectory(target);
        foreach (string log in Directory.GetFiles(network.Root("mx4", "/var/log"), "*.log*"))
        {
            string name = Path.GetFileName(log);
            if (name.StartsWith("postfix", StringComparison.Ordinal)
                || name.StartsWith("dovecot", StringComparison.Ordinal))
            {
                File.Copy(log, Path.Combine(target, name));
            }
        }
    }
}
