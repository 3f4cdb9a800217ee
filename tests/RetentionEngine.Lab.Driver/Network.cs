using System.Diagnostics;
using System.Net;

namespace RetentionEngine.LabDriver;

/// <summary>The hosts of the scene and how to reach them.</summary>
internal sealed class Network(string work)
{
    private static readonly string[] s_local =
        [
            "lab.example.org", "own.example.org", "mx3.example.org", "mx4.example.org",
            "mx6.example.org",
        ];

    public string Work => work;

    public static bool IsLocal(string address) =>
        s_local.Contains(address[(address.LastIndexOf('@') + 1)..]);

    /// <summary>The host's address of the client's family, as 203.0.113.3 for mx3.</summary>
    public static string AddressOf(string host, string clientIp) =>
        (clientIp.Contains(':', StringComparison.Ordinal) ? "2001:db8::" : "203.0.113.")
        + host[2..];

    public static IPEndPoint From(string ip) => new(IPAddress.Parse(ip), 0);

    /// <summary>Runs a command inside a host's namespaces.</summary>
    /// <returns>What it wrote.</returns>
    public string Run(string host, int uid, string input, params string[] command)
    {
        string pid = File.ReadAllText(Path.Combine(work, host + ".pid")).Trim();
        var start = new ProcessStartInfo("nsenter")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        string[] enter =
        [
            "-t", pid, "-m", "-u", "-p", "-r", "-w", "--", "env", "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TZ=Europe/Berlin",
            "setpriv", $"--reuid={uid}", $"--regid={uid}", "--clear-groups",
        ];
        foreach (string argument in enter.Concat(command))
        {
            start.ArgumentList.Add(argument);
        }
        using Process process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException(
                $"{host}: {command[0]} ended with {process.ExitCode}");
    }

    public string Root(string host, string path) => $"{work}/ov/{host}/root{path}";

    /// <summary>Signals a process that the scene's scripts started, by the id they kept.</summary>
    public void Signal(string pidFile, string signal)
    {
        string pid = File.ReadAllText(Path.Combine(work, pidFile)).Trim();
        Process.Start("kill", ["-" + signal, pid]).WaitForExit();
    }

    /// <summary>Waits until nothing is queued on the host.</summary>
    public void WaitForQueue(string host)
    {
        for (int i = 0; i < 120; i++)
        {
            if (Run(host, 0, "", "postqueue", "-j").Length == 0)
            {
                return;
            }
            Thread.Sleep(500);
        }
        throw new InvalidOperationException($"{host}: the queue does not become empty");
    }
}
